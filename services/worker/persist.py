"""Step 6 of an event's path: a batch of events becomes rows and aggregates, in the caller's transaction.

Every statement is idempotent and commutative: an id that is there already changes nothing, and sessions and aggregates move by
the difference between a row's old and new state. The caller commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from services.worker import aggregate, fold_sessions, rekey
from services.worker.staging import Received, Staged, copy_in, stage

NEW_PROJECTS = """
    INSERT INTO projects (path, name)
    SELECT path, name FROM staged_projects AS s
    WHERE NOT EXISTS (SELECT FROM projects AS p WHERE p.path_key = md5(s.path)::uuid) ORDER BY path
    ON CONFLICT (path_key) DO NOTHING RETURNING id"""

NEW_USERS = """
    INSERT INTO users (name)
    SELECT name FROM staged_users AS s WHERE NOT EXISTS (SELECT FROM users AS u WHERE u.name = s.name) ORDER BY name
    ON CONFLICT (name) DO NOTHING"""

NEW_FILES = """
    INSERT INTO files (file_key, file_path)
    SELECT DISTINCT file_key, file_path FROM staged_activities AS s
    WHERE NOT EXISTS (SELECT FROM files AS f WHERE f.file_key = s.file_key) ORDER BY file_key
    ON CONFLICT (file_key) DO NOTHING"""

NEW_SESSIONS = """
    INSERT INTO sessions (session_id) SELECT session_id FROM unnest(%(session_ids)s::text[]) AS s (session_id) ORDER BY session_id
    ON CONFLICT (session_id) DO NOTHING"""

# From here to the commit nobody else changes these sessions, so that what is read of them stays true.
LOCK_SESSIONS = "SELECT FROM sessions WHERE session_id = ANY(%(session_ids)s) ORDER BY session_id FOR UPDATE"

NEW_SESSION_EVENTS = """
    INSERT INTO session_events (id, session_id, kind, occurred_at, project_id, user_id, model, git_branch, client_version, source, received_at)
    SELECT s.id, session_id, kind, occurred_at, coalesce(p.id, 0), coalesce(u.id, 0), model, git_branch, client_version, source, received_at
    FROM staged_session_events AS s
    LEFT JOIN projects AS p ON p.path_key = md5(s.project_path)::uuid
    LEFT JOIN users AS u ON u.name = s.user_name
    ORDER BY s.id
    ON CONFLICT (id) DO NOTHING RETURNING id"""

NEW_ROWS = """
    new_session_events AS (SELECT session_id, kind, occurred_at FROM session_events WHERE id = ANY(%(new_session_event_ids)s)),
    new_messages AS (
        INSERT INTO messages (id, session_id, project_id, user_id, role, content, occurred_at, model, input_tokens, output_tokens,
                              cache_creation_tokens, cache_read_tokens, source, import_job_id, received_at, terms)
        SELECT m.id, m.session_id, coalesce(s.project_id, p.id, 0), coalesce(s.user_id, u.id, 0), role, content, occurred_at, m.model,
               m.input_tokens, m.output_tokens, m.cache_creation_tokens, m.cache_read_tokens, m.source, %(import_job_id)s, received_at, terms
        FROM staged_messages AS m
        LEFT JOIN sessions AS s ON s.session_id = m.session_id
        LEFT JOIN projects AS p ON p.path_key = md5(m.project_path)::uuid
        LEFT JOIN users AS u ON u.name = m.user_name
        ORDER BY m.id
        ON CONFLICT (id) DO NOTHING
        RETURNING session_id, project_id, user_id, role, occurred_at, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens
    ),
    new_tool_calls AS (
        INSERT INTO tool_calls (id, session_id, project_id, user_id, tool_name, status, duration_ms, occurred_at, parameters,
                                source, import_job_id, received_at)
        SELECT t.id, t.session_id, coalesce(s.project_id, 0), coalesce(s.user_id, u.id, 0), tool_name, status, duration_ms, occurred_at, parameters,
               t.source, %(import_job_id)s, received_at
        FROM staged_tool_calls AS t
        LEFT JOIN sessions AS s ON s.session_id = t.session_id
        LEFT JOIN users AS u ON u.name = t.user_name
        ORDER BY t.id
        ON CONFLICT (id) DO NOTHING
        RETURNING session_id, project_id, user_id, tool_name, status, duration_ms, occurred_at
    ),
    new_activities AS (
        INSERT INTO activities (id, session_id, project_id, user_id, file_key, action, lines_added, lines_removed, occurred_at,
                                source, import_job_id, received_at)
        SELECT a.id, a.session_id, coalesce(s.project_id, 0), coalesce(s.user_id, 0), file_key, action, a.lines_added, a.lines_removed, occurred_at,
               a.source, %(import_job_id)s, received_at
        FROM staged_activities AS a
        LEFT JOIN sessions AS s ON s.session_id = a.session_id
        ORDER BY a.id
        ON CONFLICT (id) DO NOTHING
        RETURNING session_id, project_id, user_id, file_key, lines_added, lines_removed, occurred_at
    ),
    new_session_files AS (
        INSERT INTO session_files (session_id, file_key)
        SELECT DISTINCT session_id, file_key FROM new_activities WHERE session_id IS NOT NULL ORDER BY 1, 2
        ON CONFLICT DO NOTHING RETURNING session_id
    )"""

DELTAS = aggregate.delta_ctes(
    activity=[
        aggregate.of_messages("new_messages"),
        aggregate.of_tool_calls("new_tool_calls"),
        aggregate.of_activities("new_activities"),
        aggregate.of_sessions("session_states_before", "-"),
        aggregate.of_sessions("session_states_after"),
    ],
    tools=[aggregate.to_tools("new_tool_calls")],
    files=[aggregate.to_files("new_activities")],
)

COUNTS = """
SELECT (SELECT count(*) FROM new_messages) AS messages, (SELECT count(*) FROM new_tool_calls) AS tool_calls,
       (SELECT count(*) FROM new_activities) AS activities,
       (SELECT count(*) FROM changed WHERE NOT (before).counted) AS sessions,
       (SELECT count(*) FROM changed WHERE (before).counted AND (before).snapshot IS DISTINCT FROM (after).snapshot) AS sessions_updated,
       (SELECT array_agg(DISTINCT (after).project_id ORDER BY (after).project_id)
        FROM changed WHERE (before).dated_at <> (after).dated_at OR NOT (before).counted) AS redated_projects"""

# New rows, their sessions before and after, and all of it rolled up, in one statement: nobody sees one without the other.
PERSIST = f"""WITH {NEW_ROWS}, {fold_sessions.PER_SESSION}, {fold_sessions.CHANGED_SESSIONS}, {fold_sessions.ACTIVE_DELTAS},
{DELTAS}, {aggregate.ROLL_UP} {COUNTS}"""

# The newest session's date can also go back, when an earlier start becomes known; so it is looked up, under the project's lock.
LOCK_PROJECTS = "SELECT FROM projects WHERE id = ANY(%(project_ids)s) ORDER BY id FOR UPDATE"
LAST_SESSIONS = """
    UPDATE projects AS p SET last_session_at =
        (SELECT nullif(max(dated_at), '-infinity') FROM sessions AS s WHERE s.project_id = p.id AND s.counted)
    WHERE id = ANY(%(project_ids)s)"""


@dataclass(slots=True)
class Persisted:
    """How many rows of a batch were new, by kind, and how many events added nothing."""

    projects: int = 0
    sessions: int = 0
    sessions_updated: int = 0
    session_events: int = 0
    messages: int = 0
    tool_calls: int = 0
    activities: int = 0
    duplicates: int = 0

    def __add__(self, other: "Persisted") -> "Persisted":
        return Persisted(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def persist(connection: Connection[Any], batch: Sequence[Received], *, idle_gap: timedelta, import_job_id: UUID | None = None) -> Persisted:
    """Stores a batch. Raises ValueError or psycopg.Error; then nothing of it may be committed."""
    staged = stage(batch)
    copy_in(connection, staged)
    parameters = {"session_ids": sorted(staged.session_ids), "idle_gap": idle_gap, "import_job_id": import_job_id}
    projects = _make_what_rows_refer_to(connection, staged, parameters)
    new_session_event_ids, moved_projects = _session_events(connection, staged, parameters)
    with connection.cursor(row_factory=dict_row) as cursor:
        counts = cursor.execute(PERSIST.encode(), parameters | {"new_session_event_ids": new_session_event_ids}, prepare=True).fetchone()
    assert counts is not None
    _date_projects(connection, moved_projects | set(counts.pop("redated_projects") or []))
    persisted = Persisted(projects=projects, session_events=len(new_session_event_ids), **counts)
    persisted.duplicates = _duplicates(staged, persisted)
    return persisted


def _make_what_rows_refer_to(connection: Connection[Any], staged: Staged, parameters: dict[str, Any]) -> int:
    projects = connection.execute(NEW_PROJECTS).rowcount if staged.rows["staged_projects"] else 0
    if staged.rows["staged_users"]:
        connection.execute(NEW_USERS)
    if staged.rows["staged_activities"]:
        connection.execute(NEW_FILES)
    if staged.session_ids:
        connection.execute(NEW_SESSIONS, parameters)
        connection.execute(LOCK_SESSIONS, parameters)
    return projects


def _session_events(connection: Connection[Any], staged: Staged, parameters: dict[str, Any]) -> tuple[list[UUID], set[int]]:
    """The ids of the new starts and ends, and the projects between which they moved a session."""
    new_ids = []
    if staged.rows["staged_session_events"]:
        new_ids = [row[0] for row in connection.execute(NEW_SESSION_EVENTS)]
    if new_ids or staged.rows["staged_snapshots"]:
        return new_ids, rekey.settle_keys(connection, parameters)
    return new_ids, set()


def _date_projects(connection: Connection[Any], project_ids: set[int]) -> None:
    if project_ids:
        connection.execute(LOCK_PROJECTS, {"project_ids": list(project_ids)})
        connection.execute(LAST_SESSIONS, {"project_ids": list(project_ids)})


def _duplicates(staged: Staged, persisted: Persisted) -> int:
    rows = sum(len(staged.rows[f"staged_{kind}"]) for kind in ("session_events", "messages", "tool_calls", "activities", "snapshots"))
    new = persisted.session_events + persisted.messages + persisted.tool_calls + persisted.activities
    if staged.rows["staged_snapshots"]:
        new += persisted.sessions + persisted.sessions_updated
    if staged.projects_seen:
        new += persisted.projects
    return rows + staged.projects_seen - new
