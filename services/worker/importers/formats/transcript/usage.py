"""Tokens of one API call. Several rows have them; the row with the most output is the last of the stream, and the right one."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from services.worker.importers.formats.sanitize import count_or_none
from services.worker.importers.formats.transcript.transcript_rows import Usage
from services.worker.persist.records import ApiCall


class Tokens(Struct):
    """The tokens of the best row so far."""

    output: int
    usage: Usage


def best(old: Tokens | None, usage: Usage) -> Tokens:
    """The tokens with more output; the old ones if equal."""
    output = count_or_none(usage.output_tokens) or 0
    return Tokens(output, usage) if old is None or output > old.output else old


def api_call(
    tokens: Tokens, *, id: UUID, session_id: str, timestamp: datetime, model: str | None, agent_id: str | None, source: str
) -> ApiCall:
    """The record. Cache writes are split by how long they are kept, since the prices differ."""
    usage = tokens.usage
    for_5m, for_1h = _cache_writes(usage)
    return ApiCall(
        id=id,
        session_id=session_id,
        timestamp=timestamp,
        source=source,
        model=model,
        agent_id=agent_id,
        input_tokens=count_or_none(usage.input_tokens) or 0,
        output_tokens=tokens.output,
        cache_write_5m_tokens=for_5m,
        cache_write_1h_tokens=for_1h,
        cache_read_tokens=count_or_none(usage.cache_read_input_tokens) or 0,
        web_searches=(count_or_none(usage.server_tool_use.web_search_requests) or 0) if usage.server_tool_use else 0,
        is_fast=usage.speed == "fast",
    )


def _cache_writes(usage: Usage) -> tuple[int, int]:
    """Tokens written for 5 minutes and for 1 hour. Some rows have no split, and some a split with a sum of 0, so the greater of both counts."""
    total = count_or_none(usage.cache_creation_input_tokens) or 0
    split = usage.cache_creation
    if split is None:
        return total, 0
    for_5m, for_1h = count_or_none(split.ephemeral_5m_input_tokens) or 0, count_or_none(split.ephemeral_1h_input_tokens) or 0
    return for_5m + max(0, total - for_5m - for_1h), for_1h
