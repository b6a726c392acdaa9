"""One tool call: all that is stored of it, with the file changes that it made."""

from uuid import UUID

import msgspec

from services.query.database import Connection, Row, first_row, rows
from services.query.queries.lists.events import show_texts

_CALL = """
    SELECT t.id, t.session_id, nullif(t.project_id, 0) AS project_id, t.tool_name, t.parameters::text AS parameters, t.status AS result_status,
        t.error_class, t.duration_ms AS execution_time_ms, t.duration_source, t.wait_ms, nullif(t.occurred_at, '-infinity') AS timestamp,
        t.agent_id, t.started_agent, t.source, t.result, t.result_left_out, t.result_cut_at, t.result_media::text AS result_media
    FROM tool_calls AS t WHERE t.id = %(id)s"""
# By the session, which has an index.
_CHANGES = """
    SELECT a.id, f.file_path, a.action, a.lines_added, a.lines_removed, a.is_estimated, a.patch, a.patch_left_out AS patch_left_out_lines
    FROM activities AS a LEFT JOIN files AS f ON f.file_key = a.file_key
    WHERE a.session_id = %(session_id)s AND a.tool_call_id = %(id)s ORDER BY f.file_path, a.id"""


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


_WHERE = """
    SELECT session_id, agent_id, CASE WHEN coalesce(result_left_out, 0) = 0 THEN result END AS text FROM tool_calls WHERE id = %(id)s"""


def where_result(connection: Connection, call_id: UUID) -> WhereResult | None:
    """None if there is no call of this id."""
    found = first_row(connection, _WHERE, {"id": call_id})
    return None if found is None else WhereResult(**found)
