"""Telemetry of a session, and of one call. Signals that another user's key brought are left out, as captured files are."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from services.query.answers.answer import Answer
from services.query.answers.fields import NextCursor, doc
from services.query.answers.tool_calls import CallTelemetry
from services.query.database import Connection, fetch, fetch_one, one_row
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile


class Signal(Answer):
    """A log event, a metric's point or a span."""

    id: UUID
    kind: Literal["event", "metric", "span"]
    name: Annotated[
        str,
        doc("Claude Code's own name without `claude_code.`: `api_request`, `tool_decision`, `commit.count`.", examples=["tool_decision"]),
    ]
    timestamp: datetime
    tool_call_id: Annotated[UUID | None, doc("The tool call that it is of, whether that is stored or not.")]
    value: Annotated[float | None, doc("Of a metric's point: what was counted.")]
    started_at: Annotated[datetime | None, doc("Of a metric's point: since when it was counted.")]
    is_cumulative: Annotated[
        bool | None,
        doc("Of a metric's point. False: the next point goes on behind this one. True: the next point counts from `started_at` too."),
    ]
    attributes: Annotated[dict[str, Any], doc("What is kept of its attributes. No text of a person or of Claude is.")]


class SignalCommit(Answer):
    """A commit that a tool call made, as Claude Code says it."""

    revision: str
    branch: str | None
    timestamp: datetime
    tool_call_id: UUID | None


class SignalSummary(Answer):
    """Facts of the session that only telemetry has. No other number includes them: tokens and cost are those of the transcript."""

    signals: int
    first_at: datetime | None
    last_at: datetime | None
    api_requests: int
    api_cost_usd: Annotated[float | None, doc("What Claude Code says that these requests cost.")]
    median_ttft_ms: Annotated[float | None, doc("Time to the first token of an answer, the median.")]
    max_ttft_ms: int | None
    api_errors: Annotated[int, doc("Requests that failed for good. Those that a retry saved are in the timeline alone.")]
    api_retries: Annotated[int, doc("How often requests were sent again that failed for good.")]
    retries_exhausted: Annotated[int, doc("Requests that failed after they had been sent again.")]
    accepted_calls: Annotated[int, doc("Tool calls that were allowed, by a person or a rule.")]
    rejected_calls: Annotated[int, doc("Tool calls that were refused.")]
    rejected_by_user: Annotated[int, doc("Of these, those to which a person said no, or which a person interrupted.")]
    permission_waits: Annotated[int, doc("Calls of which it is known how long they waited for a permission. Only traces tell it.")]
    permission_wait_ms: int
    compactions: int
    hook_runs: Annotated[int, doc("How often hooks ran.")]
    hook_ms: Annotated[int, doc("How long Claude Code waited for hooks.")]
    mcp_connections: Annotated[int, doc("Connections to MCP servers that came about.")]
    mcp_failures: Annotated[int, doc("Those that failed.")]
    commits: Annotated[list[SignalCommit], doc("In their order; at most 100.")]
    commits_counted: Annotated[float | None, doc("As Claude Code's metric counts them; null if it sent none.")]
    pull_requests_counted: Annotated[float | None, doc("The same of pull requests.")]
    lines_added_counted: Annotated[float | None, doc("The same of added lines.")]
    lines_removed_counted: Annotated[float | None, doc("The same of removed lines.")]
    cost_usd_counted: Annotated[float | None, doc("The same of the cost.")]
    active_seconds_counted: Annotated[float | None, doc("The same of active time, a person's and Claude Code's together.")]


class SignalPage(Answer):
    items: list[Signal]
    next_cursor: NextCursor
    summary: SignalSummary


_SQL: Final = SqlFile(__package__, "signals.sql")


def signals(connection: Connection, session_id: str, name: str | None, paging: Paging) -> SignalPage:
    """Signals of a session in the order in which they happened, with a summary of all of them."""
    parameters = {"session_id": session_id, "name": name} | paging.after(time="time", id="uuid")
    items, next_cursor = page(connection, Signal, _SQL.signals, parameters, paging, ("timestamp", "id"))
    return SignalPage(items, next_cursor, summary(connection, session_id))


def summary(connection: Connection, session_id: str) -> SignalSummary:
    """All is 0 or null if the session has no signals."""
    of_session = {"session_id": session_id}
    commits = fetch(connection, SignalCommit, _SQL.commits, of_session)
    return SignalSummary(**one_row(connection, _SQL.summary, of_session), commits=commits)


def telemetry_of_call(connection: Connection, call_id: UUID, session_id: str | None) -> CallTelemetry:
    """All is null if the call has no signals."""
    return fetch_one(connection, CallTelemetry, _SQL.of_call, {"id": call_id, "session_id": session_id})
