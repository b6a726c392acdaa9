"""Lists of events: conversations, activities, a session's tool calls."""

from datetime import datetime
from functools import partial

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from services.query.database import Connection, Row, rows
from services.query.queries.lists.paging import Page, Paging, page, page_of_texts
from services.query.queries.stats.tool_errors import check_error_class
from shared.like_patterns import escape_like
from shared.sql_files import statement

_sql = partial(statement, __package__, "events.sql")

# Conditions on a message m.
_OF_MESSAGES = """(%(session_id)s::text IS NULL OR m.session_id = %(session_id)s)
                AND (%(project_id)s::bigint IS NULL OR m.project_id = %(project_id)s)
                AND (%(start)s::timestamptz IS NULL OR m.occurred_at >= %(start)s)
                AND (%(end)s::timestamptz IS NULL OR m.occurred_at < %(end)s)
                AND (%(role)s::text IS NULL OR m.role = %(role)s)
                AND (%(user)s::text IS NULL OR m.user_id = (SELECT id FROM users WHERE name = %(user)s))
                AND (%(machine)s::text IS NULL OR m.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                AND (%(model)s::text IS NULL OR m.model = %(model)s)
                AND (%(source)s::text IS NULL OR m.source = %(source)s)
                AND (%(branch)s::text IS NULL OR m.session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))"""
# Rows beyond the bound on bytes are counted by their length alone, and not read.
_MESSAGES = """
    SELECT id, session_id, project_id, role, content, timestamp, model, agent_id, candidates
    FROM (
        SELECT *, sum(bytes) OVER (ORDER BY timestamp DESC NULLS LAST, id DESC) AS bytes_so_far, count(*) OVER () AS candidates
        FROM (
            SELECT m.id, m.session_id, nullif(m.project_id, 0) AS project_id, m.role, m.content,
                nullif(m.occurred_at, '-infinity') AS timestamp, m.model, m.agent_id, octet_length(m.content) AS bytes
            FROM messages m
            WHERE {filters}
                AND (%(after_time)s::timestamptz IS NULL OR (m.occurred_at, m.id) < (%(after_time)s, %(after_id)s::uuid))
            ORDER BY m.occurred_at DESC, m.id DESC
            LIMIT %(fetch)s
        ) AS fetched
    ) AS counted
    WHERE bytes_so_far <= %(page_bytes)s OR bytes_so_far = bytes
    ORDER BY timestamp DESC NULLS LAST, id DESC
""".replace("{filters}", _OF_MESSAGES)
# So many pass the filters, counted up to %(most)s.
NUMBER_OF_MESSAGES = f"SELECT count(*) AS messages FROM (SELECT FROM messages m WHERE {_OF_MESSAGES} LIMIT %(most)s) AS counted"

_ACTIVITIES = _sql("activities")
# Few files lead to their activities by an index. With many, a walk from the newest activity backwards soon meets enough.
FEW_FILES = 500
_FILES_BELOW = _sql("files_below")

TOOL_CALLS = _sql("tool_calls")


class EventFilters(Struct, frozen=True):
    """The filters for events; None matches any."""

    session_id: str | None = None
    project_id: int | None = None
    start: datetime | None = None
    end: datetime | None = None
    user: str | None = None
    branch: str | None = None
    source: str | None = None
    # Only messages have one.
    model: str | None = None
    # The id or the name of one that the session was seen on.
    machine: str | None = None


def by_time(row: Row) -> tuple[object, object]:
    """The sort keys of an event as it is shown."""
    return row["timestamp"], row["id"]


def conversations(connection: Connection, filters: EventFilters, role: str | None, paging: Paging) -> Page:
    """Messages, newest first; those without a date last."""
    parameters = asdict(filters) | {"role": role} | paging.after(time="time", id="uuid")
    return page_of_texts(connection, _MESSAGES, parameters, paging, by_time)


def activities(
    connection: Connection, filters: EventFilters, file_path: str | None, action: str | None, paging: Paging, *, include_patch: bool = False
) -> Page:
    """Changes of files, newest first. `file_path` is exact, or a beginning if it ends in *."""
    parameters = asdict(filters) | {"action": action, "include_patch": include_patch}
    parameters |= file_parameters(connection, file_path) | paging.after(time="time", id="uuid")
    found = page(connection, _ACTIVITIES, parameters, paging, by_time, has_texts=include_patch)
    for item in found.items:
        del item["bytes"]
        if not include_patch:
            del item["patch"], item["patch_left_out_lines"]
    return found


def file_parameters(connection: Connection, file_path: str | None) -> Row:
    """The files of a path: itself, or a beginning that ends in *. With few files their keys, with many the beginning."""
    if file_path is None or not file_path.endswith("*"):
        return {"file_path": file_path, "file_keys": None, "path_prefix": None}
    prefix = file_path[:-1]
    below = {"like_prefix": escape_like(prefix[:200]), "path_prefix": prefix, "most": FEW_FILES + 1}
    file_keys = [row["file_key"] for row in rows(connection, _FILES_BELOW, below)]
    are_few = len(file_keys) <= FEW_FILES
    return {"file_path": None, "file_keys": file_keys if are_few else None, "path_prefix": None if are_few else prefix}


def tool_calls(
    connection: Connection,
    filters: EventFilters,
    tool_name: str | None,
    status: str | None,
    error_class: str | None,
    paging: Paging,
    sort: str = "timestamp",
    *,
    ascending: bool = False,
    include_result: bool = False,
) -> Page:
    """Tool calls by their time or duration. Calls without a time or duration sort below all others."""
    check_error_class(connection, error_class)
    by_timestamp = sort == "timestamp"
    after = {"after_time": None, "after_number": None} | (
        paging.after(time="time", id="uuid") if by_timestamp else paging.after(number="int", id="uuid")
    )
    parameters = asdict(filters) | {"tool_name": tool_name, "status": status, "error_class": error_class} | after
    parameters |= {"sort": sort, "ascending": ascending, "include_result": include_result}
    found = page_of_texts(
        connection, TOOL_CALLS, parameters, paging, lambda row: (row["timestamp" if by_timestamp else "sort_number"], row["id"])
    )
    for item in found.items:
        del item["sort_number"]
        show_texts(item)
        if not include_result:
            del item["result"]
    return found


def show_texts(call: Row) -> None:
    """Parameters as they were sent, and what is stored of the result as one object, in a row of a tool call."""
    # The text, not parsed and serialized again.
    call["parameters"] = msgspec.Raw(call["parameters"].encode()) if call["parameters"] is not None else None
    left_out, cut_at, media = (call.pop(f"result_{name}") for name in ("left_out", "cut_at", "media"))
    if call["result"] is not None:
        shown = {"text": call["result"], "left_out_characters": left_out or 0, "cut_at_character": cut_at}
        call["result"] = shown | {"media": msgspec.Raw(media.encode()) if media is not None else []}
