"""What came over the wire, as rows of the staging tables: (table, row) in the order of the table's columns in staging.py."""

from collections.abc import Iterator
from datetime import datetime
from hashlib import md5
from typing import Any, assert_never
from uuid import UUID

import msgspec

from services.worker.persist.pricing import Tokens, price_of
from shared.messages import Activity, Conversation, Event, SessionEnd, SessionStart, ToolCall
from shared.search_terms import document_vector

Row = tuple[Any, ...]

_json = msgspec.json.Encoder()


def rows_of(event: Event, received_at: datetime) -> Iterator[tuple[str, Row]]:
    """The rows of one event. ValueError if it cannot be a row, AssertionError if it is of a kind that is not known here."""
    match event:
        case ToolCall():
            parameters = None if event.parameters is msgspec.UNSET else _json.encode(event.parameters).decode()
            duration_source = None if event.execution_time_ms is None else "reported"
            row: Row = (
                event.id,
                event.session_id,
                event.user,
                event.tool_name,
                event.result_status,
                event.execution_time_ms,
                duration_source,
            )
            yield "staged_tool_calls", (*row, event.timestamp, parameters, None, event.source, received_at)
        case Conversation():
            row = (event.id, event.session_id, None, None, event.role, event.content, event.timestamp, event.model)
            yield "staged_messages", (*row, None, event.source, received_at, document_vector(event.content))
            if event.usage is not None:
                yield "staged_api_calls", _api_call(event, received_at)
        case Activity():
            row = (
                event.id,
                event.session_id,
                file_key(event.file_path),
                event.file_path,
                event.action,
                event.lines_added,
                event.lines_removed,
            )
            yield "staged_activities", (*row, False, event.timestamp, None, event.source, received_at)
        case SessionStart():
            row = (event.id, event.session_id, "start", event.start_time, event.project_path, event.user, event.model, event.git_branch)
            yield "staged_session_events", (*row, event.client_version, event.source, received_at)
        case SessionEnd():
            row = (event.id, event.session_id, "end", event.end_time, None, None, None, None, None, event.source, received_at)
            yield "staged_session_events", row
        case _:
            # Nothing would be stored of it, and it would be acknowledged all the same.
            assert_never(event)


def _api_call(event: Conversation, received_at: datetime) -> Row:
    """The tokens that a message says it used: an API call under the message's own id."""
    usage, at = event.usage, event.timestamp
    assert usage is not None
    assert at is not None
    tokens = Tokens(
        input=usage.input_tokens,
        output=usage.output_tokens,
        cache_write_5m=usage.cache_creation_input_tokens,
        cache_read=usage.cache_read_input_tokens,
    )
    price = price_of(event.model, at, tokens)
    return (event.id, event.session_id, event.model, at, *tokens.columns(), price.nano_usd, price.version, None, event.source, received_at)


def file_key(file_path: str) -> UUID:
    """The key of a path in `files`: its md5, since a path may be longer than an index entry."""
    return UUID(bytes=md5(file_path.encode("utf-8", "replace"), usedforsecurity=False).digest())
