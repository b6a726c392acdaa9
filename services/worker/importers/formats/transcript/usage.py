"""Tokens of one API call. Several rows have them; the row with the most output is the last of the stream, and the right one.

An advisor that was asked within the call is a call of its own: its tokens are in the call's `iterations` alone.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, cast, get_args

from msgspec import Struct

from services.worker.importers.formats import ids
from services.worker.importers.formats.sanitize import count_or_none, name_or_none
from services.worker.importers.formats.transcript.transcript_rows import Iteration, Row, Usage
from services.worker.persist.records import ApiCall, Effort

_EFFORTS: Final = frozenset(get_args(Effort))
# An answer has few; a file may say that it has many.
_MAX_BLOCKS: Final = 1000

_ADVISOR: Final = "advisor_message"
# More are no answer's.
_MOST_ITERATIONS: Final = 100
# Where the API says nothing, or that it was anywhere: the listed price.
_ANYWHERE: Final = frozenset({"not_available", "global"})


class Tokens(Struct):
    """The tokens of the best row so far."""

    output: int
    usage: Usage


class Thought(Struct):
    """How Claude was asked to think in one answer, and how long it did. Rows say it since Claude Code 2.1.332."""

    effort: Effort | None = None
    # By the thinking block's place in the answer, so that a row that comes twice counts once.
    blocks_ms: dict[int | None, int] = {}

    def add(self, row: Row) -> None:
        """A row of the answer."""
        if row.effort:
            self.effort = effort_of(row.effort)
        milliseconds = count_or_none(row.thinking_duration_ms)
        if milliseconds is not None and len(self.blocks_ms) < _MAX_BLOCKS:
            self.blocks_ms[row.api_block_index] = milliseconds

    @property
    def milliseconds(self) -> int | None:
        """None: no row says it."""
        return sum(self.blocks_ms.values()) if self.blocks_ms else None


def effort_of(word: str) -> Effort:
    """The word, if it is known."""
    return cast(Effort, word) if word in _EFFORTS else "other"


def best(old: Tokens | None, usage: Usage) -> Tokens:
    """The tokens with more output; the old ones if equal."""
    output = count_or_none(usage.output_tokens) or 0
    return Tokens(output, usage) if old is None or output > old.output else old


def api_calls(
    tokens: Tokens,
    thought: Thought,
    *,
    message_id: str,
    request_id: str | None,
    session_id: str,
    timestamp: datetime,
    model: str | None,
    agent_id: str | None,
    source: str,
    copied_at: datetime | None,
) -> Iterator[ApiCall]:
    """The record, and one for each advisor that was asked. Cache writes are split by how long they are kept, since the prices differ."""
    usage = tokens.usage
    place: dict[str, Any] = {"session_id": session_id, "timestamp": timestamp, "agent_id": agent_id, "source": source}
    place["copied_at"] = copied_at
    geo = None if usage.inference_geo in _ANYWHERE else name_or_none(usage.inference_geo)
    yield ApiCall(
        id=ids.api_call_id(message_id, request_id),
        model=model,
        output_tokens=tokens.output,
        web_searches=(count_or_none(usage.server_tool_use.web_search_requests) or 0) if usage.server_tool_use else 0,
        effort=thought.effort,
        thinking_ms=thought.milliseconds,
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
