"""A tool call in full: all that is stored of it, with the file changes that it made."""

from uuid import UUID

import msgspec
from msgspec.structs import asdict

from services.query.answers.tool_calls import ChangeOfCall, ToolCallDetails
from services.query.database import Connection, fetch, fetch_first
from services.query.queries.columns import COLUMNS
from services.query.queries.lists.events import stored_calls
from services.query.queries.lists.signals import telemetry_of_call
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "tool_call.sql", **COLUMNS)


def tool_call(connection: Connection, call_id: UUID) -> ToolCallDetails | None:
    """A call as it is shown; None if there is none of this id."""
    call = stored_calls(connection, f"{{{call_id}}}").get(call_id)
    if call is None:
        return None
    changes = fetch(connection, ChangeOfCall, _SQL.changes, {"id": call_id, "session_id": call.session_id})
    return ToolCallDetails(**asdict(call), changes=changes, telemetry=telemetry_of_call(connection, call_id, call.session_id))


class WhereResult(msgspec.Struct, frozen=True):
    """Where all of a call's result is: `text`, if the row has all of it; else in a transcript of the session."""

    session_id: str | None
    agent_id: str | None
    text: str | None


def where_result(connection: Connection, call_id: UUID) -> WhereResult | None:
    """None if there is no call of this id."""
    return fetch_first(connection, WhereResult, _SQL.where, {"id": call_id})
