"""Step 6 of an event's path: a batch of events becomes rows and aggregates, in the caller's transaction.

Every statement is idempotent and commutative: an id that is there already changes nothing unless the new reading of it is better, and sessions and
aggregates move by the difference between a row's old and new state. The caller commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from services.worker import lock_order
from services.worker.aggregates import contributions, rollups
from services.worker.persist import history_prompts, insert_rows
from services.worker.persist.merge_rules import BROUGHT_BY
from services.worker.persist.staging import Received, Staged, copy_in, stage
from services.worker.sessions import fork_ownership, reattribution, session_totals

NEW_PROJECTS = f"""
    INSERT INTO projects (path, name, brought_by, is_named)
    SELECT path, name, {BROUGHT_BY}, is_named FROM staged_projects AS s
    WHERE NOT EXISTS (SELECT FROM projects AS p WHERE p.path_key = md5(s.path)::uuid) ORDER BY path
    ON CONFLICT (path_key) DO NOTHING RETURNING id"""
_IS_NEWS_OF_PROJECT = (
    "p.path_key = md5(s.path)::uuid AND (NOT %(job_number)s = ANY(coalesce(p.brought_by, '{0}')) OR s.is_named AND NOT p.is_named)"
)
PROJECTS_TO_MARK = f"SELECT DISTINCT p.id FROM projects AS p, staged_projects AS s WHERE {_IS_NEWS_OF_PROJECT}"
MARK_PROJECTS = f"""
    UPDATE projects AS p SET brought_by = brought_too(p.brought_by, %(job_number)s), is_named = p.is_named OR s.is_named
    FROM staged_projects AS s WHERE {_IS_NEWS_OF_PROJECT}"""

NEW_USERS = """
    INSERT INTO users (name)
    SELECT name FROM staged_users AS s WHERE NOT EXISTS (SELECT FROM users AS u WHERE u.name = s.name) ORDER BY name
    ON CONFLICT (name) DO NOTHING"""

NEW_FILES = """
    INSERT INTO files (file_key, file_path)
    SELECT DISTINCT file_key, file_path FROM staged_activities AS s
    WHERE NOT EXISTS (SELECT FROM files AS f WHERE f.file_key = s.file_key) ORDER BY file_key
    ON CONFLICT (file_key) DO NOTHING"""

# What comes over the wire makes them live: only such sessions take tool calls that name none (services/ingest/events/write_event.py).
NEW_SESSIONS = """
    INSERT INTO sessions (session_id, seen_live)
    SELECT session_id, %(job_number)s = 0 FROM unnest(%(session_ids)s::text[]) AS s (session_id) ORDER BY session_id
    ON CONFLICT (session_id) DO UPDATE SET seen_live = true WHERE excluded.seen_live AND NOT sessions.seen_live"""

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

NEW_FACTS = f"""
    INSERT INTO session_facts AS t (id, session_id, project_id, user_id, first_record_at, last_record_at, active_ranges, ended_at, title, title_rank,
                                    parent_session_id, model, git_branch, client_version, source, numbers, brought_by, received_at)
    SELECT DISTINCT ON (s.id) s.id, session_id, coalesce(p.id, 0), coalesce(u.id, 0), first_record_at, last_record_at, active_ranges, ended_at, title,
           title_rank, parent_session_id, model, git_branch, client_version, source, numbers, {BROUGHT_BY}, received_at
    FROM staged_facts AS s
    LEFT JOIN projects AS p ON p.path_key = md5(s.project_path)::uuid
    LEFT JOIN users AS u ON u.name = s.user_name
    ORDER BY s.id
    ON CONFLICT (id) DO UPDATE SET brought_by = brought_too(t.brought_by, %(job_number)s)
    RETURNING id, old.id IS NULL AS is_new"""

IMPORT_SESSIONS = """
    INSERT INTO import_sessions (job_number, session_id)
    SELECT %(job_number)s, session_id FROM unnest(%(session_ids)s::text[] || CASE WHEN %(has_sessionless)s THEN ARRAY[''] END) AS s (session_id)
    ON CONFLICT DO NOTHING"""

DELTAS = contributions.delta_ctes(
    activity=[
        contributions.of_messages("new_messages"),
        *(
            of(f"{age}_{kind}", sign)
            for kind, of in (
                ("tool_calls", contributions.of_tool_calls),
                ("activities", contributions.of_activities),
                ("api_calls", contributions.of_api_calls),
            )
            for age, sign in (("new", "+"), ("gone", "-"))
        ),
        contributions.of_sessions("session_states_before", "-"),
        contributions.of_sessions("session_states_after"),
    ],
    tools=[contributions.to_tools("new_tool_calls"), contributions.to_tools("gone_tool_calls", "-")],
    files=[contributions.to_files("new_activities"), contributions.to_files("gone_activities", "-")],
    usage=[
        contributions.to_usage("new_api_calls"),
        contributions.to_usage("gone_api_calls", "-"),
        contributions.of_sessions_usage("session_states_before", "-"),
        contributions.of_sessions_usage("session_states_after"),
    ],
)

COUNTS = f"""
SELECT {insert_rows.COUNTS}, {insert_rows.SLOWER_BEFORE},
       (SELECT count(*) FROM changed WHERE NOT (before).counted) AS sessions,
       (SELECT count(*) FROM changed WHERE (before).counted AND (before).snapshot IS DISTINCT FROM (after).snapshot) AS sessions_updated,
       (SELECT array_agg(DISTINCT (after).project_id ORDER BY (after).project_id)
        FROM changed WHERE (before).dated_at <> (after).dated_at OR NOT (before).counted) AS redated_projects"""

# New rows, their sessions before and after, and all of it rolled up, in one statement: nobody sees one without the other.
PERSIST = f"""WITH {insert_rows.ALL}, {session_totals.PER_SESSION}, {session_totals.GROWN}, {session_totals.CHANGED}, {session_totals.ACTIVE_DELTAS},
{DELTAS}, {rollups.ROLL_UP} {COUNTS}"""

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
    api_calls: int = 0
    duplicates: int = 0

    def __add__(self, other: "Persisted") -> "Persisted":
        return Persisted(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def persist(connection: Connection[Any], batch: Sequence[Received], *, idle_gap: timedelta, job_number: int = 0) -> Persisted:
    """Stores a batch; `job_number` is the import's that brings it, 0 for the journal. Raises ValueError or psycopg.Error; then nothing of it may be committed."""
    staged = stage(batch)
    copy_in(connection, staged)
    parameters: dict[str, Any] = {"session_ids": sorted(staged.session_ids), "idle_gap": idle_gap, "job_number": job_number}
    if job_number:
        lock_order.lock_import_order(connection)
    lock_order.lock_writing_shared(connection)
    if job_number:
        parameters["session_ids"] = sorted(staged.session_ids | fork_ownership.owners(connection))
    projects = _make_what_rows_refer_to(connection, staged, parameters)
    moved_projects, new_owners = fork_ownership.settle(connection, parameters) if job_number else (set[int](), 0)
    # Their maxima are looked up after they were added to.
    if job_number and staged.rows["staged_tool_calls"] and connection.execute(reattribution.KEEP_SLOWER).rowcount:
        lock_order.lock_aggregates_exclusive(connection)
    new_ids, rekeyed_projects = _session_keys(connection, staged, parameters)
    lock_order.lock_aggregates_shared(connection)
    with connection.cursor(row_factory=dict_row) as cursor:
        counts = cursor.execute(PERSIST.encode(), parameters | new_ids, prepare=True).fetchone()
    assert counts is not None
    if counts.pop("slower_before"):
        reattribution.look_up_maxima(connection)
    if job_number:
        has_sessionless = any(row[1] is None for row in staged.rows["staged_messages"])
        connection.execute(IMPORT_SESSIONS, parameters | {"has_sessionless": has_sessionless})
    redated_projects = moved_projects | rekeyed_projects | set(counts.pop("redated_projects") or [])
    marked_projects = {row[0] for row in connection.execute(PROJECTS_TO_MARK, parameters)} if staged.rows["staged_projects"] else set[int]()
    _lock_projects(connection, redated_projects | marked_projects)
    if marked_projects:
        connection.execute(MARK_PROJECTS, parameters)
    date_projects(connection, redated_projects)
    persisted = Persisted(projects=projects, session_events=len(new_ids["new_session_event_ids"]), **counts)
    persisted.sessions += new_owners
    persisted.duplicates = _duplicates(staged, persisted, len(new_ids["new_fact_ids"]))
    return persisted


def _make_what_rows_refer_to(connection: Connection[Any], staged: Staged, parameters: dict[str, Any]) -> int:
    projects = 0
    if staged.rows["staged_projects"]:
        projects = connection.execute(NEW_PROJECTS.encode(), parameters).rowcount
    if staged.rows["staged_users"]:
        connection.execute(NEW_USERS)
    if staged.rows["staged_activities"]:
        connection.execute(NEW_FILES)
    if parameters["session_ids"]:
        connection.execute(NEW_SESSIONS, parameters)
        connection.execute(LOCK_SESSIONS, parameters)
    return projects


def _session_keys(connection: Connection[Any], staged: Staged, parameters: dict[str, Any]) -> tuple[dict[str, list[UUID]], set[int]]:
    """The ids of the new starts, ends and facts, and the projects between which they moved a session."""
    event_ids: list[UUID] = []
    fact_ids: list[UUID] = []
    if staged.rows["staged_session_events"]:
        event_ids = [row[0] for row in connection.execute(NEW_SESSION_EVENTS)]
    if staged.rows["staged_facts"]:
        fact_ids = [fact_id for fact_id, is_new in connection.execute(NEW_FACTS, parameters) if is_new]
    moved = reattribution.settle_keys(connection, parameters) if event_ids or fact_ids else set()
    if fact_ids:
        moved |= history_prompts.drop_superseded(connection, parameters, fact_ids)
    return {"new_session_event_ids": event_ids, "new_fact_ids": fact_ids}, moved


def _lock_projects(connection: Connection[Any], project_ids: set[int]) -> None:
    if project_ids:
        connection.execute(LOCK_PROJECTS, {"project_ids": list(project_ids)})


def date_projects(connection: Connection[Any], project_ids: set[int]) -> None:
    """Looks up when the last session of each project was."""
    _lock_projects(connection, project_ids)
    if project_ids:
        connection.execute(LAST_SESSIONS, {"project_ids": list(project_ids)})


def _duplicates(staged: Staged, persisted: Persisted, new_facts: int) -> int:
    kinds = ("session_events", "messages", "tool_calls", "activities", "facts")
    rows = sum(len(staged.rows[f"staged_{kind}"]) for kind in kinds)
    new = persisted.session_events + persisted.messages + persisted.tool_calls + persisted.activities + new_facts
    if staged.projects_seen:
        rows += staged.projects_seen
        new += persisted.projects
    return rows - new
