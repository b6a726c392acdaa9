"""Projects and sessions: the lists, and one of each."""

from datetime import datetime

from msgspec import Struct

from services.query.database import Connection, Row, rows
from services.query.queries.lists.paging import Conditions, Page, Paging, page, shown

_PROJECTS = f"""
    SELECT p.id, p.name, p.path,
        coalesce(r.sessions, 0) AS total_sessions,
        {shown("round(coalesce(r.wall_us, 0) / 60e6)", "total_time_minutes")},
        coalesce(r.files_modified, 0) AS files_modified_count,
        {shown("coalesce(r.lines_added::numeric + r.lines_removed, 0)", "lines_changed_count")},
        nullif(p.last_session_at, '-infinity') AS last_session,
        p.created_at,
        round(coalesce(r.active_us, 0) / 60e6, 1)::float8 AS active_minutes,
        coalesce(r.user_messages + r.assistant_messages, 0) AS messages_count,
        coalesce(r.tool_calls, 0) AS tool_calls_count,
        coalesce(r.api_calls, 0) AS api_calls, coalesce(r.unpriced_calls, 0) AS unpriced_calls,
        CASE WHEN r.api_calls > r.unpriced_calls OR r.cost_nano_usd > 0 THEN r.cost_nano_usd / 1e9::float8 END AS cost_usd
    FROM projects p
    LEFT JOIN activity_rollups r ON (r.project_id, r.user_id, r.grain_minutes, r.bucket_start) = (p.id, -1, 0, '-infinity')
    {{where}}
    ORDER BY coalesce(p.last_session_at, '-infinity'::timestamptz) DESC, p.id DESC
"""

# Open and ended as the schema's sessions_open index says it, word for word, so that the index serves the list of open sessions.
_OPEN = """s.session_id = ANY (ARRAY(
    SELECT session_id FROM sessions
    WHERE counted AND NOT (coalesce(ended_at >= last_event_at, false) OR coalesce(idle_closed_at >= last_event_at, false))
        AND last_event_at > '-infinity'))"""
_ENDED = """(coalesce(s.ended_at >= s.last_event_at, false) OR coalesce(s.idle_closed_at >= s.last_event_at, false)
    OR s.last_event_at IS NULL)"""

_SESSION_LINES, _SESSION_TOKENS = (
    ", ".join(shown(f"s.{name}", name) for name in names)
    for names in (("lines_added", "lines_removed"), ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens"))
)
_SESSIONS = f"""
    SELECT s.session_id, s.title, s.parent_session_id, nullif(s.project_id, 0) AS project_id, p.name AS project_name, u.name AS user,
        nullif(least(s.started_at, s.first_event_at), '-infinity') AS start_time,
        CASE e.end_reason WHEN 'idle' THEN s.last_event_at WHEN 'explicit' THEN s.ended_at WHEN 'imported' THEN s.ended_at END AS end_time,
        round(s.wall_us / 60e6, 1)::float8 AS duration_minutes,
        round(s.active_us / 60e6, 1)::float8 AS active_minutes,
        CASE WHEN e.end_reason IS NULL THEN 'open' ELSE 'ended' END AS status,
        e.end_reason,
        s.user_messages + s.assistant_messages AS messages_count,
        s.files_modified AS files_modified_count, {_SESSION_LINES},
        s.tool_calls AS tool_calls_count, s.tool_errors AS tool_errors_count,
        {_SESSION_TOKENS}, s.api_calls, s.unpriced_calls,
        s.model, s.git_branch, s.client_version, s.cost_nano_usd / 1e9::float8 AS cost_usd, s.source,
        nullif(s.dated_at, '-infinity') AS dated_at
    FROM sessions s
    LEFT JOIN projects p ON p.id = s.project_id
    LEFT JOIN users u ON u.id = s.user_id
    CROSS JOIN LATERAL (SELECT CASE
        WHEN s.ended_at >= s.last_event_at THEN 'explicit'
        WHEN s.idle_closed_at >= s.last_event_at THEN 'idle'
        WHEN s.last_event_at IS NULL AND s.counted THEN 'imported' END AS end_reason) AS e
    {{where}}
"""


class SessionFilters(Struct, frozen=True):
    """Which sessions; None is any."""

    project_id: int | None = None
    user: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    status: str | None = None


def projects(connection: Connection, paging: Paging) -> Page:
    """All projects with their totals, that of the newest session first."""
    # Without those in which nothing is: working folders of subagents, and what was taken back.
    conditions = Conditions("(p.is_named AND p.brought_by IS DISTINCT FROM '{}' OR p.last_session_at IS NOT NULL OR r.sessions > 0)")
    conditions.add_after(
        paging.after(("time", "int")), "coalesce(p.last_session_at, '-infinity'::timestamptz), p.id", ("timestamptz", "bigint")
    )
    return page(connection, _PROJECTS, conditions, paging, lambda row: (row["last_session"], row["id"]))


def project(connection: Connection, project_id: int) -> Row | None:
    """One project with its totals."""
    found = rows(connection, _PROJECTS.replace("{where}", "WHERE p.id = %(id)s"), {"id": project_id})
    return found[0] if found else None


def sessions(connection: Connection, filters: SessionFilters, paging: Paging) -> Page:
    """Sessions by their date, newest first; those without a date last."""
    conditions = Conditions("s.counted")
    conditions.add("s.project_id = %(project_id)s", project_id=filters.project_id)
    conditions.add("s.user_id = (SELECT id FROM users WHERE name = %(user)s)", user=filters.user)
    conditions.add("s.dated_at >= %(start)s", start=filters.start)
    conditions.add("s.dated_at < %(end)s", end=filters.end)
    if filters.status:
        conditions.add(_OPEN if filters.status == "open" else _ENDED)
    conditions.add_after(paging.after(("time", "text")), "s.dated_at, s.session_id", ("timestamptz", "text"))
    sql = _SESSIONS + "ORDER BY s.dated_at DESC, s.session_id DESC"
    found = page(connection, sql, conditions, paging, lambda row: (row["dated_at"], row["session_id"]))
    for item in found.items:
        del item["dated_at"]
    return found


def session(connection: Connection, session_id: str) -> Row | None:
    """One session, also one of which only its start was accepted yet."""
    found = rows(connection, _SESSIONS.replace("{where}", "WHERE s.session_id = %(session_id)s"), {"session_id": session_id})
    for item in found:
        del item["dated_at"]
    return found[0] if found else None


def session_exists(connection: Connection, session_id: str) -> bool:
    """Whether any of it is known."""
    return bool(rows(connection, "SELECT 1 AS found FROM sessions WHERE session_id = %(session_id)s", {"session_id": session_id}))
