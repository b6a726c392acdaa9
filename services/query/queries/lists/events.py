"""What happened, row by row: conversations, activities, a session's tool calls."""

from datetime import datetime

import msgspec
from msgspec import Struct

from services.query.database import Connection, Row, rows
from services.query.queries.lists.paging import Conditions, Page, Paging, page, page_of_texts
from shared.search_terms import escape_like

MESSAGE_COLUMNS = """m.id, m.session_id, nullif(m.project_id, 0) AS project_id, m.role, m.content,
        nullif(m.occurred_at, '-infinity') AS timestamp, m.model, m.agent_id"""
_SHOWN_OF_MESSAGES = "id, session_id, project_id, role, content, timestamp, model, agent_id"

_MESSAGES = f"""
    SELECT {MESSAGE_COLUMNS}, octet_length(m.content) AS bytes
    FROM messages m
    {{where}}
    ORDER BY m.occurred_at DESC, m.id DESC
"""

_ACTIVITIES = """
    SELECT a.id, a.session_id, nullif(a.project_id, 0) AS project_id, f.file_path, a.action, a.lines_added, a.lines_removed,
        a.is_estimated, nullif(a.occurred_at, '-infinity') AS timestamp, a.agent_id, a.source
    FROM activities a
    LEFT JOIN files f ON f.file_key = a.file_key
    {where}
    ORDER BY a.occurred_at DESC, a.id DESC
"""
_FILE = "a.file_key = ANY (ARRAY(SELECT file_key FROM files WHERE left(file_path, 400) = left(%(file_path)s, 400) AND file_path = %(file_path)s))"
# Few files lead to their activities by the index of these; of many, a walk from the newest activity backwards meets enough soon.
FEW_FILES = 500
_FILES = f"""
    SELECT file_key FROM files WHERE left(file_path, 400) LIKE %(prefix)s || '%%' AND starts_with(file_path, %(whole_prefix)s) LIMIT {FEW_FILES + 1}
"""

_TOOL_CALLS = """
    SELECT t.id, t.session_id, nullif(t.project_id, 0) AS project_id, t.tool_name, t.parameters,
        t.status AS result_status, t.duration_ms AS execution_time_ms, t.duration_source, nullif(t.occurred_at, '-infinity') AS timestamp,
        t.agent_id, t.source, coalesce(octet_length(t.parameters::text), 0) AS bytes
    FROM tool_calls t
    {where}
    ORDER BY t.occurred_at, t.id
"""
_SHOWN_OF_TOOL_CALLS = """id, session_id, project_id, tool_name, parameters::text AS parameters, result_status, execution_time_ms, duration_source,
        timestamp, agent_id, source"""
NEWEST_FIRST = "timestamp DESC NULLS LAST, id DESC"
OLDEST_FIRST = "timestamp NULLS FIRST, id"


class EventFilters(Struct, frozen=True):
    """Which events; None is any."""

    session_id: str | None = None
    project_id: int | None = None
    start: datetime | None = None
    end: datetime | None = None

    def conditions(self, alias: str) -> Conditions:
        """On a table that has the columns of an event."""
        conditions = Conditions()
        conditions.add(f"{alias}.session_id = %(session_id)s", session_id=self.session_id)
        conditions.add(f"{alias}.project_id = %(project_id)s", project_id=self.project_id)
        conditions.add(f"{alias}.occurred_at >= %(start)s", start=self.start)
        conditions.add(f"{alias}.occurred_at < %(end)s", end=self.end)
        return conditions


def by_time(row: Row) -> tuple[object, object]:
    """The sort keys of an event as it is shown."""
    return row["timestamp"], row["id"]


def conversations(connection: Connection, filters: EventFilters, role: str | None, paging: Paging) -> Page:
    """Messages, newest first; those without a date last."""
    conditions = filters.conditions("m")
    conditions.add("m.role = %(role)s", role=role)
    conditions.add_after(paging.after(("time", "uuid")), "m.occurred_at, m.id", ("timestamptz", "uuid"))
    return page_of_texts(connection, _MESSAGES, conditions, paging, by_time, columns=_SHOWN_OF_MESSAGES, order=NEWEST_FIRST)


def activities(connection: Connection, filters: EventFilters, file_path: str | None, action: str | None, paging: Paging) -> Page:
    """Changes of files, newest first. `file_path` is exact, or a beginning if it ends in *."""
    conditions = filters.conditions("a")
    conditions.add("a.action = %(action)s", action=action)
    _add_files(connection, conditions, file_path)
    conditions.add_after(paging.after(("time", "uuid")), "a.occurred_at, a.id", ("timestamptz", "uuid"))
    return page(connection, _ACTIVITIES, conditions, paging, by_time)


def _add_files(connection: Connection, conditions: Conditions, file_path: str | None) -> None:
    if file_path is None or not file_path.endswith("*"):
        conditions.add(_FILE, file_path=file_path)
        return
    prefix = {"prefix": escape_like(file_path[:-1][:200]), "whole_prefix": file_path[:-1]}
    files = [row["file_key"] for row in rows(connection, _FILES, prefix)]
    if len(files) <= FEW_FILES:
        conditions.add("a.file_key = ANY (CAST(%(file_keys)s AS uuid[]))", file_keys=files)
    else:
        conditions.add("starts_with(f.file_path, %(whole_prefix)s)", whole_prefix=file_path[:-1])


def session_tool_calls(connection: Connection, session_id: str, paging: Paging) -> Page:
    """A session's tool calls, oldest first; those without a date first of all."""
    conditions = Conditions()
    conditions.add("t.session_id = %(session_id)s", session_id=session_id)
    conditions.add_after(paging.after(("time", "uuid")), "t.occurred_at, t.id", ("timestamptz", "uuid"), ">")
    found = page_of_texts(connection, _TOOL_CALLS, conditions, paging, by_time, columns=_SHOWN_OF_TOOL_CALLS, order=OLDEST_FIRST)
    for item in found.items:
        # As it was sent, not parsed and written anew.
        item["parameters"] = msgspec.Raw(item["parameters"].encode()) if item["parameters"] is not None else None
    return found
