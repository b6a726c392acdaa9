"""Projects with their totals: the list, and one."""

from services.query.database import Connection, Row, first_row
from services.query.queries.lists.paging import Page, Paging, page

# In the list, projects in which nothing is are left out: working folders of subagents, and what an undo took back.
_PROJECTS = """
    SELECT p.id, p.name, p.path,
        coalesce(r.sessions, 0) AS total_sessions,
        least(round(coalesce(r.wall_us, 0) / 60e6), 9007199254740991)::bigint AS total_time_minutes,
        coalesce(r.files_modified, 0) AS files_modified_count,
        least(coalesce(r.lines_added::numeric + r.lines_removed, 0), 9007199254740991)::bigint AS lines_changed_count,
        nullif(p.last_session_at, '-infinity') AS last_session,
        p.created_at,
        round(coalesce(r.active_us, 0) / 60e6, 1)::float8 AS active_minutes,
        coalesce(r.user_messages + r.assistant_messages, 0) AS messages_count,
        coalesce(r.tool_calls, 0) AS tool_calls_count,
        coalesce(r.api_calls, 0) AS api_calls, coalesce(r.unpriced_calls, 0) AS unpriced_calls,
        CASE WHEN r.api_calls > r.unpriced_calls OR r.cost_nano_usd > 0 THEN r.cost_nano_usd / 1e9::float8 END AS cost_usd
    FROM projects p
    LEFT JOIN activity_rollups r ON (r.project_id, r.user_id, r.grain_minutes, r.bucket_start) = (p.id, -1, 0, '-infinity')
    WHERE (%(id)s::bigint IS NULL OR p.id = %(id)s)
        AND (%(id)s::bigint IS NOT NULL
            OR (p.is_named AND p.brought_by IS DISTINCT FROM '{}') OR p.last_session_at IS NOT NULL OR r.sessions > 0)
        AND (%(after_time)s::timestamptz IS NULL
            OR (coalesce(p.last_session_at, '-infinity'::timestamptz), p.id) < (%(after_time)s, %(after_id)s::bigint))
    ORDER BY coalesce(p.last_session_at, '-infinity'::timestamptz) DESC, p.id DESC
    LIMIT %(fetch)s
"""


def projects(connection: Connection, paging: Paging) -> Page:
    """All projects, that of the newest session first."""
    parameters = {"id": None} | paging.after(time="time", id="int")
    return page(connection, _PROJECTS, parameters, paging, lambda row: (row["last_session"], row["id"]))


def project(connection: Connection, project_id: int) -> Row | None:
    """One project; None if there is none of this id."""
    return first_row(connection, _PROJECTS, {"id": project_id, "after_time": None, "after_id": None, "fetch": 1})
