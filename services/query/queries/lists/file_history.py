"""The history of a file or folder: every change over all sessions and machines, with the prompt that led to it."""

from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from services.query.answers.files import ChangePrompt, FileChange, FileHistoryPage, FileHistorySummary
from services.query.database import Connection, Row, fetch_one, rows
from services.query.queries.lists.events import BY_TIME, file_parameters
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import statement

_sql = partial(statement, __package__, "file_history.sql")

# The summary counts this many changes, the newest.
MOST_COUNTED: Final = 10_000

_CHANGES: Final = _sql("changes")
# The prompt is the newest thing that a person said in the session's main thread, at or before the change.
HISTORY: Final = f"""
SELECT c.id, nullif(c.occurred_at, '-infinity') AS timestamp, f.file_path, c.action, c.lines_added, c.lines_removed, c.is_estimated,
    c.patch, coalesce(c.patch_left_out, 0) AS patch_left_out_lines,
    c.session_id, coalesce(mark.title, s.title) AS session_title, nullif(c.project_id, 0) AS project_id, p.name AS project_name, u.name AS user,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('machine_id', k.machine_id, 'name', m.name) ORDER BY m.name, k.machine_id), '[]')
     FROM session_machines k LEFT JOIN machines m ON m.machine_id = k.machine_id WHERE k.session_id = c.session_id) AS machines,
    c.agent_id, c.tool_call_id,
    prompt.id AS prompt_id, left(prompt.content, %(prompt_characters)s) AS prompt_text,
    greatest(length(prompt.content) - %(prompt_characters)s, 0) AS prompt_left_out, nullif(prompt.occurred_at, '-infinity') AS prompt_at,
    coalesce(octet_length(c.patch), 0) AS bytes
FROM ({_CHANGES}) AS c
LEFT JOIN files f ON f.file_key = c.file_key
LEFT JOIN sessions s ON s.session_id = c.session_id
LEFT JOIN session_marks mark ON mark.session_id = c.session_id
LEFT JOIN projects p ON p.id = c.project_id
LEFT JOIN users u ON u.id = c.user_id
LEFT JOIN LATERAL (
    SELECT m.id, m.content, m.occurred_at FROM messages m
    WHERE m.session_id = c.session_id AND m.role = 'user' AND m.agent_id IS NULL AND m.occurred_at <= c.occurred_at
    ORDER BY m.occurred_at DESC, m.id DESC
    LIMIT 1
) AS prompt ON true
ORDER BY c.occurred_at DESC, c.id DESC
"""
SUMMARY: Final = f"""
WITH changes AS MATERIALIZED (
{_CHANGES})
SELECT count(*) AS changes, count(*) < %(fetch)s AS is_complete,
    count(DISTINCT file_key) AS files, count(DISTINCT session_id) AS sessions, count(DISTINCT user_id) FILTER (WHERE user_id <> 0) AS people,
    least(coalesce(sum(lines_added), 0), 9007199254740991)::bigint AS lines_added,
    least(coalesce(sum(lines_removed), 0), 9007199254740991)::bigint AS lines_removed,
    min(occurred_at) FILTER (WHERE occurred_at > '-infinity') AS first_change,
    max(occurred_at) FILTER (WHERE occurred_at > '-infinity') AS last_change,
    (SELECT coalesce(jsonb_agg(d ORDER BY d.day), '[]') FROM (
        SELECT (occurred_at AT TIME ZONE %(tz)s)::date AS day, count(*) AS changes,
            least(sum(lines_added), 9007199254740991)::bigint AS lines_added,
            least(sum(lines_removed), 9007199254740991)::bigint AS lines_removed
        FROM changes
        WHERE occurred_at > '-infinity'
        GROUP BY 1
    ) AS d) AS days
FROM changes
"""
PROMPT_CHARACTERS: Final = 1000
_FILE_KEY: Final = "SELECT file_key FROM files WHERE left(file_path, 400) = left(%(file_path)s, 400) AND file_path = %(file_path)s"


class HistoryFilters(Struct, frozen=True):
    """The filters for changes; None matches any."""

    project_id: int | None = None
    user: str | None = None
    machine: str | None = None
    action: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    # Sets the days of the summary.
    tz: str = "UTC"


def file_history(connection: Connection, file_path: str, filters: HistoryFilters, paging: Paging) -> FileHistoryPage:
    """A page of changes, newest first. The summary is of all pages, and None on later ones.

    `file_path` is exact, or a beginning if it ends in *.
    """
    parameters = asdict(filters) | _files(connection, file_path) | {"prompt_characters": PROMPT_CHARACTERS}
    after = paging.after(time="time", id="uuid")
    items, next_cursor = page(connection, FileChange, HISTORY, parameters | after, paging, BY_TIME, prepare=_prepare, has_texts=True)
    if paging.cursor is not None:
        return FileHistoryPage(None, items, next_cursor)
    of_all = parameters | dict.fromkeys(after) | {"fetch": MOST_COUNTED}
    return FileHistoryPage(fetch_one(connection, FileHistorySummary, SUMMARY, of_all), items, next_cursor)


def _prepare(row: Row) -> None:
    """The prompt in one object; None if nobody had said anything."""
    prompt_id, text, left_out, at = (row.pop(f"prompt_{name}") for name in ("id", "text", "left_out", "at"))
    row["prompt"] = None if prompt_id is None else ChangePrompt(prompt_id, text, left_out, at)


def _files(connection: Connection, file_path: str) -> Row:
    """The files as parameters. One file is compared by itself: only then an index has its changes in order."""
    if file_path.endswith("*"):
        return {"file_key": None} | file_parameters(connection, file_path)
    keys: list[UUID] = [row["file_key"] for row in rows(connection, _FILE_KEY, {"file_path": file_path})]
    return {"file_key": keys[0] if keys else None, "file_keys": None if keys else [], "path_prefix": None}
