"""What telemetry told of a session, and of one call. Signals that another user's key brought are left out, as captured files are."""

from typing import Final
from uuid import UUID

from services.query.answers.signals import Signal, SignalCommit, SignalPage, SignalSummary
from services.query.answers.tool_calls import CallTelemetry
from services.query.database import Connection, fetch, fetch_one, one_row
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "signals.sql")


def signals(connection: Connection, session_id: str, name: str | None, paging: Paging) -> SignalPage:
    """Signals of a session in the order in which they happened, with a summary of all of them."""
    parameters = {"session_id": session_id, "name": name} | paging.after(time="time", id="uuid")
    items, next_cursor = page(connection, Signal, _SQL.signals, parameters, paging, ("timestamp", "id"))
    return SignalPage(items, next_cursor, summary(connection, session_id))


def summary(connection: Connection, session_id: str) -> SignalSummary:
    """Of a session without signals everything is 0 or null."""
    of_session = {"session_id": session_id}
    commits = fetch(connection, SignalCommit, _SQL.commits, of_session)
    return SignalSummary(**one_row(connection, _SQL.summary, of_session), commits=commits)


def telemetry_of_call(connection: Connection, call_id: UUID, session_id: str | None) -> CallTelemetry:
    """Of a call without signals everything is null."""
    return fetch_one(connection, CallTelemetry, _SQL.of_call, {"id": call_id, "session_id": session_id})
