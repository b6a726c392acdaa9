"""The worker's half of the registry of event kinds (shared/events/event_kinds.py): how each kind becomes rows, and what tells two events apart.

A kind has one row for each event in the table that its entry names. KIND_TABLES has what the worker must know of these tables. Every `match` ends in
`assert_never`: mypy then finds a kind that has no case, and at run time its event becomes a dead letter and is not lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from typing import Any, Final, NamedTuple, assert_never
from uuid import UUID

import msgspec

from services.worker.persist.derived_values.cut_results import ALL, result_of_event
from services.worker.persist.derived_values.error_classes import error_class_of
from services.worker.persist.derived_values.outcomes_of_calls import outcome_of
from services.worker.persist.derived_values.pricing import Tokens, price_of
from services.worker.persist.records import KeptResults, Result
from shared.claude_formats.call_outcome import CallOutcome
from shared.events.messages import Activity, Conversation, Event, GivenResult, SessionEnd, SessionStart, ToolCall

Row = tuple[Any, ...]

_json = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class KindTable:
    """A table with one row for each event of its kinds."""

    # Columns of its staging table, staged_<name>. Rows are staged in this order.
    staged: str
    # Selects from the rows with %(ids)s: id, session_id, whether the row is a client's alone, and both fields of Identity.
    identities: str


# A row that files have brought too has no `detail` to compare: their versions differ.
_IS_CLIENTS_ALONE: Final = "coalesce(0 >= ANY(brought_by), true)"

KIND_TABLES: Final[dict[str, KindTable]] = {
    "messages": KindTable(
        staged="id uuid, session_id text, project_path text, user_name text, role text, content text, occurred_at timestamptz, model text,"
        " agent_id text, source text, received_at timestamptz",
        # Of a message whose text was dropped (persist/dropped_texts.py) it is not known any more.
        identities=f"""
            SELECT id, session_id, {_IS_CLIENTS_ALONE}, role,
                CASE WHEN NOT EXISTS (SELECT FROM dropped_texts AS d WHERE d.session_id = m.session_id AND m.occurred_at < d.before)
                    AND NOT (session_id IS NULL AND content = '') THEN md5(content) END
            FROM messages AS m WHERE id = ANY(%(ids)s)""",
    ),
    "tool_calls": KindTable(
        staged="id uuid, session_id text, user_name text, tool_name text, status text, duration_ms bigint, duration_source text,"
        " occurred_at timestamptz, parameters json, agent_id text, source text, received_at timestamptz, wait_ms bigint, result text,"
        " result_left_out bigint, result_cut_at integer, result_media json, error_class text, started_agent text,"
        " decision text, decision_source text, decision_told_by text, decided_at timestamptz, decision_wait_ms bigint, is_sandboxed boolean,"
        " outcome json",
        identities=f"SELECT id, session_id, {_IS_CLIENTS_ALONE}, tool_name, md5(parameters::text) FROM tool_calls WHERE id = ANY(%(ids)s)",
    ),
    "session_events": KindTable(
        staged="id uuid, session_id text, kind text, occurred_at timestamptz, project_path text, user_name text, model text,"
        " git_branch text, client_version text, source text, received_at timestamptz",
        identities="SELECT id, session_id, true, kind, '' FROM session_events WHERE id = ANY(%(ids)s)",
    ),
    "activities": KindTable(
        staged="id uuid, session_id text, file_key uuid, file_path text, action text, lines_added bigint, lines_removed bigint,"
        " is_estimated boolean, occurred_at timestamptz, agent_id text, source text, received_at timestamptz, tool_call_id uuid, patch text,"
        " patch_left_out bigint",
        identities=f"""
            SELECT id, session_id, {_IS_CLIENTS_ALONE}, file_key::text, concat_ws(' ', action, lines_added, lines_removed)
            FROM activities WHERE id = ANY(%(ids)s)""",
    ),
}


class Identity(NamedTuple):
    """Identifies an event that is sent again, apart from its id and session. `detail` is None if the row does not record it."""

    what: str
    detail: str | None


def identity_of(event: Event) -> Identity:
    """As the table's `identities` has it of a stored row. Never a time: ingest fills it in, each time anew."""
    match event:
        case ToolCall():
            has_parameters = event.parameters is not msgspec.UNSET
            return Identity(event.tool_name, _md5(_json.encode(event.parameters).decode()) if has_parameters else None)
        case Conversation():
            return Identity(event.role, _md5(event.content))
        case Activity():
            return Identity(str(file_key(event.file_path)), f"{event.action} {event.lines_added} {event.lines_removed}")
        case SessionStart():
            return Identity("start", "")
        case SessionEnd():
            return Identity("end", "")
        case _:
            assert_never(event)


def _md5(text: str) -> str:
    return md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def result_columns(result: Result | None) -> Row:
    """result, result_left_out, result_cut_at, result_media."""
    if result is None:
        return (None,) * 4
    media = _json.encode(result.media).decode() if result.media else None
    return (result.text, result.left_out or None, result.cut_at, media)


def outcome_column(outcome: CallOutcome | None) -> str | None:
    """As JSON; a text that Postgres takes."""
    return None if outcome is None else _json.encode(outcome).decode()


def rows_of(event: Event, received_at: datetime, kept_results: KeptResults = ALL) -> Iterator[tuple[str, Row]]:
    """(staging table, row) for each row of one event. ValueError if it cannot be a row, AssertionError if its kind is not known here."""
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
            given = event.result.text if isinstance(event.result, GivenResult) else event.result or ""
            why = (error_class_of(event.tool_name, event.result_status, given), None)
            result = (None, *result_columns(result_of_event(event, kept_results)))
            # No client says who allowed it.
            decision = (None,) * 6
            outcome = outcome_column(outcome_of(event.tool_name, event.result_status, event.parameters, given))
            yield (
                "staged_tool_calls",
                (*row, event.timestamp, parameters, None, event.source, received_at, *result, *why, *decision, outcome),
            )
        case Conversation():
            row = (event.id, event.session_id, None, None, event.role, event.content, event.timestamp, event.model)
            yield "staged_messages", (*row, None, event.source, received_at)
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
            yield "staged_activities", (*row, False, event.timestamp, None, event.source, received_at, None, None, None)
        case SessionStart():
            row = (event.id, event.session_id, "start", event.start_time, event.project_path, event.user, event.model, event.git_branch)
            yield "staged_session_events", (*row, event.client_version, event.source, received_at)
        case SessionEnd():
            row = (event.id, event.session_id, "end", event.end_time, None, None, None, None, None, event.source, received_at)
            yield "staged_session_events", row
        case _:
            # Without this, nothing of it would be stored and it would still be acknowledged.
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
    # Neither fast, nor in a region, nor an advisor's; and nothing of its thinking.
    rest = (None, event.source, received_at, False, None, False, None, None)
    return (event.id, event.session_id, event.model, at, *tokens.columns(), *price.columns(), *rest)


def file_key(file_path: str) -> UUID:
    """The key of a path in `files`: its md5, since a path may be longer than an index entry."""
    return UUID(bytes=md5(file_path.encode("utf-8", "replace"), usedforsecurity=False).digest())
