"""One tool call: all that is stored of it, with the file changes that it made."""

from functools import partial
from uuid import UUID

import msgspec

from services.query.database import Connection, Row, first_row, rows
from services.query.queries.lists.events import show_texts
from shared.sql_files import statement

_sql = partial(statement, __package__, "tool_call.sql")

_CALL = _sql("call")
_CHANGES = _sql("changes")


def tool_call(connection: Connection, call_id: UUID) -> Row | None:
    """A call as it is shown; None if there is none of this id."""
    found = first_row(connection, _CALL, {"id": call_id})
    if found is None:
        return None
    show_texts(found)
    changes = rows(connection, _CHANGES, {"id": call_id, "session_id": found["session_id"]})
    for change in changes:
        change["patch_left_out_lines"] = change["patch_left_out_lines"] or 0
    return found | {"changes": changes}


class WhereResult(msgspec.Struct, frozen=True):
    """Where all of a call's result is: `text`, if the row has all of it; else in a transcript of the session."""

    session_id: str | None
    agent_id: str | None
    text: str | None


_WHERE = _sql("where")


def where_result(connection: Connection, call_id: UUID) -> WhereResult | None:
    """None if there is no call of this id."""
    found = first_row(connection, _WHERE, {"id": call_id})
    return None if found is None else WhereResult(**found)
