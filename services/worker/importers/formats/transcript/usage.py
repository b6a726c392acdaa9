"""Tokens of one API call. Several rows have them; the row with the most output is the last of the stream, and the right one.

An advisor that was asked within the call is a call of its own: its tokens are in the call's `iterations` alone.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from services.worker.importers.formats import ids
from services.worker.importers.formats.sanitize import count_or_none, name_or_none
from services.worker.importers.formats.transcript.transcript_rows import Iteration, Usage
from services.worker.persist.records import ApiCall

_ADVISOR: Final = "advisor_message"
# More are no answer's.
_MOST_ITERATIONS: Final = 100
# Where the API says nothing, or that it was anywhere: the listed price.
_ANYWHERE: Final = frozenset({"not_available", "global"})


class Tokens(Struct):
    """The tokens of the best row so far."""

    output: int
    usage: Usage


def best(old: Tokens | None, usage: Usage) -> Tokens:
    """The tokens with more output; the old ones if equal."""
    output = count_or_none(usage.output_tokens) or 0
    return Tokens(output, usage) if old is None or output > old.output else old


def api_calls(
    tokens: Tokens,
    *,
    message_id: str,
    request_id: str | None,
    session_id: str,
    timestamp: datetime,
    model: str | None,
    agent_id: str | None,
    source: str,
) -> Iterator[ApiCall]:
    """The record, and one for each advisor that was asked. Cache writes are split by how long they are kept, since the prices differ."""
    usage = tokens.usage
    place: dict[str, Any] = {"session_id": session_id, "timestamp": timestamp, "agent_id": agent_id, "source": source}
    geo = None if usage.inference_geo in _ANYWHERE else name_or_none(usage.inference_geo)
    yield ApiCall(
        id=ids.api_call_id(message_id, request_id),
        model=model,
        output_tokens=tokens.output,
        web_searches=(count_or_none(usage.server_tool_use.web_search_requests) or 0) if usage.server_tool_use else 0,
        is_fast=usage.speed == "fast",
        inference_geo=geo,
        **_input(usage),
        **place,
    )
    for number, step in enumerate((usage.iterations or [])[:_MOST_ITERATIONS]):
        if step.type == _ADVISOR:
            yield ApiCall(
                id=ids.advisor_call_id(message_id, request_id, number),
                model=name_or_none(step.model),
                output_tokens=count_or_none(step.output_tokens) or 0,
                is_advisor=True,
                inference_geo=geo,
                **_input(step),
                **place,
            )


def _input(usage: Usage | Iteration) -> dict[str, Any]:
    for_5m, for_1h = _cache_writes(usage)
    return {
        "input_tokens": count_or_none(usage.input_tokens) or 0,
        "cache_write_5m_tokens": for_5m,
        "cache_write_1h_tokens": for_1h,
        "cache_read_tokens": count_or_none(usage.cache_read_input_tokens) or 0,
    }


def _cache_writes(usage: Usage | Iteration) -> tuple[int, int]:
    """Tokens written for 5 minutes and for 1 hour. Some rows have no split, and some a split with a sum of 0, so the greater of both counts."""
    total = count_or_none(usage.cache_creation_input_tokens) or 0
    split = usage.cache_creation
    if split is None:
        return total, 0
    for_5m, for_1h = count_or_none(split.ephemeral_5m_input_tokens) or 0, count_or_none(split.ephemeral_1h_input_tokens) or 0
    return for_5m + max(0, total - for_5m - for_1h), for_1h
