"""An importer's records as rows of the staging tables: (table, row) in the order of the table's columns in staging.py."""

from collections.abc import Iterator
from datetime import datetime
from typing import assert_never

import msgspec

from services.worker.persist.derived_values.pricing import Tokens, price_of
from services.worker.persist.records import (
    SESSION_NUMBERS,
    ApiCall,
    FileChange,
    Message,
    ProjectSeen,
    Record,
    RepositorySeen,
    SessionBoundary,
    SessionFacts,
    TimelineEntry,
    ToolUse,
)
from services.worker.persist.staging.event_kind_rows import Row, file_key, outcome_column, result_columns

_UNDATED = "-infinity"
_json = msgspec.json.Encoder()


def rows_of(record: Record, received_at: datetime) -> Iterator[tuple[str, Row]]:
    """The rows of one record. AssertionError if it is of a kind that is not known here."""
    match record:
        case Message():
            at = record.timestamp or _UNDATED
            row: Row = (record.id, record.session_id, record.project_path, record.user, record.role, record.content, at, record.model)
            yield "staged_messages", (*row, record.agent_id, record.source, received_at)
        case ToolUse():
            parameters = None if record.parameters is None else _json.encode(record.parameters).decode()
            row = (record.id, record.session_id, record.user, record.tool_name, record.status, record.duration_ms, record.duration_source)
            yield "staged_tool_calls", (*row, record.timestamp, parameters, record.agent_id, record.source, received_at, *_result(record))
        case FileChange():
            row = (record.id, record.session_id, file_key(record.file_path), record.file_path, record.action)
            lines = (record.lines_added, record.lines_removed, record.is_estimated)
            diff = (record.tool_call_id, record.patch, record.patch_left_out or None)
            yield "staged_activities", (*row, *lines, record.timestamp, record.agent_id, record.source, received_at, *diff)
        case TimelineEntry():
            details = None if record.details is None else _json.encode(record.details).decode()
            row = (record.id, record.session_id, record.kind, record.content, details)
            yield "staged_timeline_entries", (*row, record.timestamp, record.agent_id, record.source, received_at)
        case ApiCall():
            yield "staged_api_calls", _api_call(record, received_at)
        case SessionFacts():
            yield "staged_facts", _facts(record, received_at)
        case SessionBoundary():
            row = (record.id, record.session_id, record.kind, record.timestamp, record.project_path, record.user, record.model)
            yield "staged_session_events", (*row, record.git_branch, record.client_version, record.source, received_at)
        case RepositorySeen():
            yield "staged_places", (record.path, record.remote)
        case ProjectSeen():
            # It is only counted: its project is made because it is named.
            return
        case _:
            assert_never(record)


def _result(record: ToolUse) -> Row:
    outcome = (record.wait_ms, *result_columns(record.result), record.error_class, record.started_agent)
    decision = (record.decision, record.decision_source, record.decision_told_by, record.decided_at, record.decision_wait_ms)
    return (*outcome, *decision, record.is_sandboxed, outcome_column(record.outcome))


def _api_call(record: ApiCall, received_at: datetime) -> Row:
    tokens = Tokens(
        input=record.input_tokens,
        output=record.output_tokens,
        cache_write_5m=record.cache_write_5m_tokens,
        cache_write_1h=record.cache_write_1h_tokens,
        cache_read=record.cache_read_tokens,
        web_searches=record.web_searches,
    )
    if (stored := record.price) is not None:
        price: Row = (stored.cost, stored.uncached, stored.cache_saved, stored.cache_write, stored.version)
    else:
        price = price_of(record.model, record.timestamp, tokens, is_fast=record.is_fast, geo=record.inference_geo).columns()
    row = (record.id, record.session_id, record.model, record.timestamp, *tokens.columns(), *price)
    marks = (record.is_fast, record.inference_geo, record.is_advisor, record.effort, record.thinking_ms)
    return (*row, record.agent_id, record.source, received_at, *marks)


def _facts(record: SessionFacts, received_at: datetime) -> Row:
    """A transcript's records and hooks are seen, as events are; claude.json only says when a session ended. A hook that ends it says so too."""
    is_said = record.source == "claude.json"
    seen = (None, None) if is_said else (record.started_at, record.ended_at)
    ranges = "{" + ",".join(f'["{start.isoformat()}","{end.isoformat()}")' for start, end in record.active_ranges) + "}"
    numbers = {name: value for name in SESSION_NUMBERS if (value := getattr(record, name)) is not None}
    if (client := record.client_costs) is not None:
        # The session's greatest counts, as of all numbers.
        numbers["client_cost_nano_usd"] = client.cost_nano_usd
        if client.started_ms is not None:
            numbers["client_started_ms"] = client.started_ms
    row: Row = (
        record.id,
        record.session_id,
        record.project_path,
        record.user,
        *seen,
        ranges,
        record.ended_at if is_said or record.end_reason is not None else None,
        record.title,
    )
    row = (*row, record.title_rank, record.parent_session_id, record.model, record.git_branch, record.client_version, record.source)
    return (
        *row,
        _json.encode(numbers).decode() if numbers else None,
        record.end_reason,
        received_at,
        _json.encode(client).decode() if client else None,
    )
