"""Lists of events: conversations, activities, a session's tool calls."""

from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from services.query.database import Connection, Row, rows
from services.query.queries.lists.paging import Page, Paging, page, page_of_texts
from services.query.queries.stats.tool_errors import check_error_class
from shared.like_patterns import escape_like

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

_ACTIVITIES = """
    SELECT a.id, a.session_id, nullif(a.project_id, 0) AS project_id, f.file_path, a.action, a.lines_added, a.lines_removed,
        a.is_estimated, nullif(a.occurred_at, '-infinity') AS timestamp, a.agent_id, a.source, a.tool_call_id,
        CASE WHEN %(include_patch)s THEN a.patch END AS patch, coalesce(a.patch_left_out, 0) AS patch_left_out_lines,
        CASE WHEN %(include_patch)s THEN coalesce(octet_length(a.patch), 0) ELSE 0 END AS bytes
    FROM activities a
    LEFT JOIN files f ON f.file_key = a.file_key
    WHERE (%(session_id)s::text IS NULL OR a.session_id = %(session_id)s)
        AND (%(project_id)s::bigint IS NULL OR a.project_id = %(project_id)s)
        AND (%(start)s::timestamptz IS NULL OR a.occurred_at >= %(start)s)
        AND (%(end)s::timestamptz IS NULL OR a.occurred_at < %(end)s)
        AND (%(action)s::text IS NULL OR a.action = %(action)s)
        AND (%(user)s::text IS NULL OR a.user_id = (SELECT id FROM users WHERE name = %(user)s))
        AND (%(machine)s::text IS NULL OR a.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(source)s::text IS NULL OR a.source = %(source)s)
        AND (%(branch)s::text IS NULL OR a.session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
        AND (%(file_path)s::text IS NULL OR a.file_key = ANY (ARRAY(
            SELECT file_key FROM files WHERE left(file_path, 400) = left(%(file_path)s, 400) AND file_path = %(file_path)s)))
        AND (%(file_keys)s::uuid[] IS NULL OR a.file_key = ANY (%(file_keys)s))
        AND (%(path_prefix)s::text IS NULL OR starts_with(f.file_path, %(path_prefix)s))
        AND (%(after_time)s::timestamptz IS NULL OR (a.occurred_at, a.id) < (%(after_time)s, %(after_id)s::uuid))
    ORDER BY a.occurred_at DESC, a.id DESC
    LIMIT %(fetch)s
"""
# Few files lead to their activities by an index. With many, a walk from the newest activity backwards soon meets enough.
FEW_FILES = 500
_FILES_BELOW = """
    SELECT file_key FROM files WHERE left(file_path, 400) LIKE %(like_prefix)s || '%%' AND starts_with(file_path, %(path_prefix)s) LIMIT %(most)s
"""

# The keys of the other order are constants, which planning leaves out: by time an index has the order.
TOOL_CALLS = """
    SELECT id, session_id, project_id, tool_name, parameters::text AS parameters, result_status, error_class, execution_time_ms,
        duration_source, wait_ms, timestamp, agent_id, started_agent, source, result, result_left_out, result_cut_at,
        result_media::text AS result_media, sort_number, candidates
    FROM (
        SELECT *, sum(bytes) OVER in_order AS bytes_so_far, row_number() OVER in_order AS place, count(*) OVER () AS candidates
        FROM (
            SELECT t.id, t.session_id, nullif(t.project_id, 0) AS project_id, t.tool_name, t.parameters,
                t.status AS result_status, t.error_class, t.duration_ms AS execution_time_ms, t.duration_source, t.wait_ms,
                nullif(t.occurred_at, '-infinity') AS timestamp, t.agent_id, t.started_agent, t.source,
                CASE WHEN %(include_result)s THEN t.result END AS result, t.result_left_out, t.result_cut_at, t.result_media,
                coalesce(octet_length(t.parameters::text), 0) + CASE WHEN %(include_result)s THEN coalesce(octet_length(t.result), 0) ELSE 0 END
                    AS bytes,
                t.occurred_at, sorted.number AS sort_number
            FROM tool_calls t
            CROSS JOIN LATERAL (SELECT CASE %(sort)s::text WHEN 'execution_time_ms' THEN coalesce(t.duration_ms, -1) END AS number) AS sorted
            WHERE (%(session_id)s::text IS NULL OR t.session_id = %(session_id)s)
                AND (%(project_id)s::bigint IS NULL OR t.project_id = %(project_id)s)
                AND (%(start)s::timestamptz IS NULL OR t.occurred_at >= %(start)s)
                AND (%(end)s::timestamptz IS NULL OR t.occurred_at < %(end)s)
                AND (%(tool_name)s::text IS NULL OR t.tool_name = %(tool_name)s)
                AND (%(status)s::text IS NULL OR t.status = %(status)s)
                AND (%(error_class)s::text IS NULL OR (t.status IN ('error', 'timeout', 'rejected', 'cancelled')
                    AND coalesce(t.error_class, 'unclassified') = %(error_class)s))
                AND (%(user)s::text IS NULL OR t.user_id = (SELECT id FROM users WHERE name = %(user)s))
                AND (%(machine)s::text IS NULL OR t.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                AND (%(source)s::text IS NULL OR t.source = %(source)s)
                AND (%(branch)s::text IS NULL OR t.session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
                AND (%(after_time)s::timestamptz IS NULL OR %(ascending)s OR (t.occurred_at, t.id) < (%(after_time)s, %(after_id)s::uuid))
                AND (%(after_time)s::timestamptz IS NULL OR NOT %(ascending)s OR (t.occurred_at, t.id) > (%(after_time)s, %(after_id)s::uuid))
                AND (%(after_number)s::bigint IS NULL OR %(ascending)s OR (sorted.number, t.id) < (%(after_number)s, %(after_id)s::uuid))
                AND (%(after_number)s::bigint IS NULL OR NOT %(ascending)s OR (sorted.number, t.id) > (%(after_number)s, %(after_id)s::uuid))
            ORDER BY
                CASE WHEN NOT %(ascending)s THEN sorted.number END DESC,
                CASE WHEN %(ascending)s THEN sorted.number END,
                CASE WHEN %(sort)s::text = 'timestamp' AND NOT %(ascending)s THEN t.occurred_at END DESC,
                CASE WHEN %(sort)s::text = 'timestamp' AND %(ascending)s THEN t.occurred_at END,
                CASE WHEN NOT %(ascending)s THEN t.id END DESC,
                CASE WHEN %(ascending)s THEN t.id END
            LIMIT %(fetch)s
        ) AS fetched
        WINDOW in_order AS (ORDER BY
            CASE WHEN NOT %(ascending)s THEN sort_number END DESC,
            CASE WHEN %(ascending)s THEN sort_number END,
            CASE WHEN %(sort)s::text = 'timestamp' AND NOT %(ascending)s THEN occurred_at END DESC,
            CASE WHEN %(sort)s::text = 'timestamp' AND %(ascending)s THEN occurred_at END,
            CASE WHEN NOT %(ascending)s THEN id END DESC,
            CASE WHEN %(ascending)s THEN id END)
    ) AS counted
    WHERE bytes_so_far <= %(page_bytes)s OR bytes_so_far = bytes
    ORDER BY place
"""


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
