"""Step 6 of an event's path: a batch of events becomes rows and aggregates, in the caller's transaction.

Every statement is idempotent and commutative. An id that is stored already changes nothing unless its new version is better; then sessions and
aggregates move by the difference between the row's old and new state. The caller commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from services.worker import lock_order
from services.worker.aggregates.registry import composed
from services.worker.aggregates.rollups import rollup_ctes
from services.worker.persist.cut_results import ALL
from services.worker.persist.event_kind_rows import KIND_TABLES
from services.worker.persist.history_prompts import delete_superseded
from services.worker.persist.hook_rows import delete_superseded_messages, merge_durations
from services.worker.persist.insert_rows import insert_ctes
from services.worker.persist.ownership import refuse_foreign, refuse_moved
from services.worker.persist.records import HOOK, KeptResults
from services.worker.persist.staging import ReceivedEvent, Staged, copy_in, stage
from services.worker.row_tables import ROW_TABLES
from services.worker.sessions.fork_ownership import assign_owners, owners_of_staged_rows
from services.worker.sessions.reattribution import update_session_keys
from services.worker.sessions.session_titles import update_titles
from services.worker.sessions.session_totals import session_ctes
from services.worker.sessions.tool_maxima import keep_slower_calls, look_up_maxima
from services.worker.sql_text import ctes, listed, sql

# brought_by is NULL for what came over the wire (job_number 0).
_INSERT_PROJECTS = """
    INSERT INTO projects (path, name, brought_by, is_named)
    SELECT path, name, CASE WHEN %(job_number)s > 0 THEN ARRAY[%(job_number)s] END, is_named FROM staged_projects AS s
    WHERE NOT EXISTS (SELECT FROM projects AS p WHERE p.path_key = md5(s.path)::uuid) ORDER BY path
    ON CONFLICT (path_key) DO NOTHING RETURNING id"""
_PROJECTS_TO_MARK = """
    SELECT DISTINCT p.id FROM projects AS p, staged_projects AS s
    WHERE p.path_key = md5(s.path)::uuid AND (NOT %(job_number)s = ANY(coalesce(p.brought_by, '{0}')) OR s.is_named AND NOT p.is_named)"""
_MARK_PROJECTS = """
    UPDATE projects AS p SET brought_by = brought_too(p.brought_by, %(job_number)s), is_named = p.is_named OR s.is_named
    FROM staged_projects AS s
    WHERE p.path_key = md5(s.path)::uuid AND (NOT %(job_number)s = ANY(coalesce(p.brought_by, '{0}')) OR s.is_named AND NOT p.is_named)"""

_INSERT_USERS = """
    INSERT INTO users (name)
    SELECT name FROM staged_users AS s WHERE NOT EXISTS (SELECT FROM users AS u WHERE u.name = s.name) ORDER BY name
    ON CONFLICT (name) DO NOTHING"""

_INSERT_FILES = """
    INSERT INTO files (file_key, file_path)
    SELECT DISTINCT file_key, file_path FROM staged_activities AS s
    WHERE NOT EXISTS (SELECT FROM files AS f WHERE f.file_key = s.file_key) ORDER BY file_key
    ON CONFLICT (file_key) DO NOTHING"""

# Events from the wire make sessions live: only live ones take tool calls that name no session (services/ingest/events/write_event.py).
INSERT_SESSIONS = """
    INSERT INTO sessions (session_id, seen_live)
    SELECT session_id, %(job_number)s = 0 FROM unnest(%(session_ids)s::text[]) AS s (session_id) ORDER BY session_id
    ON CONFLICT (session_id) DO UPDATE SET seen_live = true WHERE excluded.seen_live AND NOT sessions.seen_live"""

# From here to the commit no other transaction changes these sessions.
LOCK_SESSIONS = "SELECT FROM sessions WHERE session_id = ANY(%(session_ids)s) ORDER BY session_id FOR UPDATE"

_INSERT_SESSION_EVENTS = """
    INSERT INTO session_events (id, session_id, kind, occurred_at, project_id, user_id, model, git_branch, client_version, source, received_at)
    SELECT s.id, session_id, kind, occurred_at, coalesce(p.id, 0), coalesce(u.alias_of, u.id, 0), model, git_branch, client_version, source, received_at
    FROM staged_session_events AS s
    LEFT JOIN projects AS p ON p.path_key = md5(s.project_path)::uuid
    LEFT JOIN users AS u ON u.name = s.user_name
    ORDER BY s.id
    ON CONFLICT (id) DO NOTHING RETURNING id"""

_INSERT_FACTS = """
    INSERT INTO session_facts AS t (id, session_id, project_id, user_id, first_record_at, last_record_at, active_ranges, ended_at, title, title_rank,
                                    parent_session_id, model, git_branch, client_version, source, numbers, end_reason, brought_by, received_at)
    SELECT DISTINCT ON (s.id) s.id, session_id, coalesce(p.id, 0), coalesce(u.alias_of, u.id, 0), first_record_at, last_record_at, active_ranges, ended_at, title,
           title_rank, parent_session_id, model, git_branch, client_version, source, numbers, end_reason,
           CASE WHEN %(job_number)s > 0 THEN ARRAY[%(job_number)s] END, received_at
    FROM staged_facts AS s
    LEFT JOIN projects AS p ON p.path_key = md5(s.project_path)::uuid
    LEFT JOIN users AS u ON u.name = s.user_name
    ORDER BY s.id
    ON CONFLICT (id) DO UPDATE SET brought_by = brought_too(t.brought_by, %(job_number)s)
    RETURNING id, old.id IS NULL AS is_new"""

# Times and active time of a session only grow with the newer facts, so they need not be made again.
_WITHDRAW_FACTS = (
    "DELETE FROM session_facts WHERE id = ANY(%(fact_ids)s) AND brought_by = ARRAY[%(job_number)s]::integer[]",
    "UPDATE session_facts SET brought_by = array_remove(brought_by, %(job_number)s::integer) WHERE id = ANY(%(fact_ids)s)",
)

# Cost, tokens and lines that a file said before its first API call go with its newer facts (session_facts.py). What they were counted as is taken back with
# the session's new state.
_LOWER_SNAPSHOTS = """
    UPDATE sessions AS s SET snapshot = n.snapshot
    FROM (
        SELECT session_id, (
            SELECT jsonb_object_agg(key, n)
            FROM (SELECT key, max(value::bigint) AS n
                  FROM session_facts AS f, jsonb_each_text(f.numbers) WHERE f.session_id = b.session_id GROUP BY key) AS greatest
        ) AS snapshot
        FROM unnest(%(session_ids)s::text[]) AS b (session_id)
    ) AS n
    WHERE n.session_id = s.session_id AND s.snapshot IS NOT NULL AND greatest_of_each(s.snapshot, n.snapshot) IS DISTINCT FROM n.snapshot"""

_INSERT_IMPORT_SESSIONS = """
    INSERT INTO import_sessions (job_number, session_id)
    SELECT %(job_number)s, session_id FROM unnest(%(session_ids)s::text[] || CASE WHEN %(has_sessionless)s THEN ARRAY[''] END) AS s (session_id)
    ON CONFLICT DO NOTHING"""

# New rows, their sessions before and after, and all aggregates, in one statement: no reader sees one without the other.
_PERSIST = """
    WITH $parts
    SELECT $new_rows,
           -- A slowest call that turned out faster, or not to be measured: the maxima of its cells have to be looked up again.
           (SELECT count(*) FROM changed_tool_calls WHERE existed
               AND (old_duration_ms > coalesce(duration_ms, -1)
                    OR (old_duration_ms IS NOT NULL AND old_duration_source = 'reported' AND duration_source IS DISTINCT FROM 'reported'))
           ) AS slower_before,
           (SELECT count(*) FROM changed WHERE NOT (before).counted) AS sessions,
           (SELECT count(*) FROM changed WHERE (before).counted AND (before).snapshot IS DISTINCT FROM (after).snapshot) AS sessions_updated,
           (SELECT array_agg(DISTINCT (after).project_id ORDER BY (after).project_id)
            FROM changed WHERE (before).dated_at <> (after).dated_at OR NOT (before).counted) AS redated_projects"""

# A project's newest session can also get an earlier date, when an earlier start becomes known. So it is looked up, under the project's lock.
_LOCK_PROJECTS = "SELECT FROM projects WHERE id = ANY(%(project_ids)s) ORDER BY id FOR UPDATE"
LAST_SESSIONS = """
    UPDATE projects AS p SET last_session_at =
        (SELECT nullif(max(dated_at), '-infinity') FROM sessions AS s WHERE s.project_id = p.id AND s.counted)
    WHERE id = ANY(%(project_ids)s)"""


@dataclass(slots=True)
class Persisted:
    """How many rows of a batch were new, by table, and how many events changed nothing."""

    projects: int = 0
    sessions: int = 0
    sessions_updated: int = 0
    session_events: int = 0
    messages: int = 0
    tool_calls: int = 0
    activities: int = 0
    api_calls: int = 0
    # No events: they are only shown.
    timeline_entries: int = 0
    # Rows of all other tables of counted rows.
    others: int = 0
    duplicates: int = 0

    @property
    def events(self) -> int:
        """How many events were new. An API call comes with its message."""
        return self.session_events + self.messages + self.tool_calls + self.activities + self.others

    def __add__(self, other: "Persisted") -> "Persisted":
        return Persisted(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@composed
def persist_statement() -> str:
    """Stores the staged rows of a batch, and adds them to sessions and aggregates. Gives how many rows were new, by table."""
    relations = {f"new_{table}" for table in (*ROW_TABLES, "sessions")}
    relations |= {f"gone_{table.name}" for table in ROW_TABLES.values() if table.counted} | {"gone_sessions", "active_deltas"}
    new_rows = listed(f"(SELECT count(*) FROM changed_{table} WHERE NOT existed) AS {table}" for table in ROW_TABLES)
    return sql(_PERSIST, parts=ctes(insert_ctes(), session_ctes(), rollup_ctes(relations)), new_rows=new_rows)


def persist(
    connection: Connection[Any],
    batch: Sequence[ReceivedEvent],
    *,
    idle_gap: timedelta,
    job_number: int = 0,
    superseded_facts: Sequence[UUID] = (),
    kept_results: KeptResults = ALL,
) -> Persisted:
    """Stores a batch. `job_number` is the number of the import that brings it, 0 for the journal.

    `superseded_facts`: facts of sessions of the batch that the job no longer brings, since the batch has newer ones of the same file.
    `kept_results`: of events; those of records are cut already.
    Raises ValueError, psycopg.Error or ForeignEvents; then nothing of the batch may be committed.
    """
    staged = stage(batch, kept_results)
    copy_in(connection, staged)
    parameters: dict[str, Any] = {"session_ids": sorted(staged.session_ids), "idle_gap": idle_gap, "job_number": job_number}
    if job_number:
        lock_order.lock_import_order(connection)
    lock_order.lock_writing_shared(connection)
    if job_number:
        parameters["session_ids"] = sorted(staged.session_ids | owners_of_staged_rows(connection))
    projects = _insert_references(connection, staged, parameters)
    refuse_foreign(connection, batch)
    moved_projects, new_owners = assign_owners(connection, parameters, has_hooks=HOOK in staged.sources) if job_number else (set[int](), 0)
    if job_number:
        merge_durations(connection, staged)
    # Then maxima are looked up after the cells were added to.
    if job_number and staged.rows["staged_tool_calls"] and keep_slower_calls(connection):
        lock_order.lock_aggregates_exclusive(connection)
    new_ids, rekeyed_projects = _insert_starts_and_facts(connection, staged, parameters, superseded_facts)
    refuse_moved(connection, batch)
    lock_order.lock_aggregates_shared(connection)
    with connection.cursor(row_factory=dict_row) as cursor:
        counts = cursor.execute(persist_statement(), parameters | new_ids, prepare=True).fetchone()
    assert counts is not None
    if counts.pop("slower_before"):
        look_up_maxima(connection)
    update_titles(connection, parameters["session_ids"] if job_number else _asked_in(staged))
    if job_number:
        has_sessionless = any(row[1] is None for row in staged.rows["staged_messages"])
        connection.execute(_INSERT_IMPORT_SESSIONS, parameters | {"has_sessionless": has_sessionless})
    redated_projects = moved_projects | rekeyed_projects | set(counts.pop("redated_projects") or [])
    marked_projects = (
        {row[0] for row in connection.execute(_PROJECTS_TO_MARK, parameters)} if staged.rows["staged_projects"] else set[int]()
    )
    _lock_projects(connection, redated_projects | marked_projects)
    if marked_projects:
        connection.execute(_MARK_PROJECTS, parameters)
    date_projects(connection, redated_projects)
    others = sum(counts.pop(table) for table in set(ROW_TABLES) - set(Persisted.__slots__))
    persisted = Persisted(projects=projects, session_events=len(new_ids["new_session_event_ids"]), others=others, **counts)
    persisted.sessions += new_owners
    persisted.duplicates = _duplicates(staged, persisted, len(new_ids["new_fact_ids"]))
    return persisted


def _insert_references(connection: Connection[Any], staged: Staged, parameters: dict[str, Any]) -> int:
    """Inserts the projects, users, files and sessions that rows refer to, and locks the sessions. Returns how many projects are new."""
    projects = 0
    if staged.rows["staged_projects"]:
        projects = connection.execute(_INSERT_PROJECTS, parameters).rowcount
    if staged.rows["staged_users"]:
        connection.execute(_INSERT_USERS)
    if staged.rows["staged_activities"]:
        connection.execute(_INSERT_FILES)
    if parameters["session_ids"]:
        connection.execute(INSERT_SESSIONS, parameters)
        connection.execute(LOCK_SESSIONS, parameters)
    return projects


def _insert_starts_and_facts(
    connection: Connection[Any], staged: Staged, parameters: dict[str, Any], superseded_facts: Sequence[UUID]
) -> tuple[dict[str, list[UUID]], set[int]]:
    """Returns the ids of the new starts, ends and facts, and the projects between which they moved a session."""
    event_ids: list[UUID] = []
    fact_ids: list[UUID] = []
    if superseded_facts:
        for statement in _WITHDRAW_FACTS:
            connection.execute(statement, parameters | {"fact_ids": list(superseded_facts)})
    if staged.rows["staged_session_events"]:
        event_ids = [row[0] for row in connection.execute(_INSERT_SESSION_EVENTS)]
    if staged.rows["staged_facts"]:
        fact_ids = [fact_id for fact_id, is_new in connection.execute(_INSERT_FACTS, parameters) if is_new]
    if superseded_facts:
        connection.execute(_LOWER_SNAPSHOTS, parameters)
    moved = update_session_keys(connection, parameters) if event_ids or fact_ids or superseded_facts else set()
    if fact_ids:
        moved |= delete_superseded(connection, parameters, fact_ids)
    if parameters["job_number"]:
        moved |= delete_superseded_messages(connection, staged, parameters)
    return {"new_session_event_ids": event_ids, "new_fact_ids": fact_ids}, moved


def _asked_in(staged: Staged) -> set[str]:
    """The sessions of a batch of events in which a person asks something: what else events bring gives no title."""
    return {session_id for _, session_id, _, _, role, *_ in staged.rows["staged_messages"] if session_id is not None and role == "user"}


def _lock_projects(connection: Connection[Any], project_ids: set[int]) -> None:
    if project_ids:
        connection.execute(_LOCK_PROJECTS, {"project_ids": list(project_ids)})


def date_projects(connection: Connection[Any], project_ids: set[int]) -> None:
    """Looks up the date of the last session of each project."""
    _lock_projects(connection, project_ids)
    if project_ids:
        connection.execute(LAST_SESSIONS, {"project_ids": list(project_ids)})


def _duplicates(staged: Staged, persisted: Persisted, new_facts: int) -> int:
    rows = sum(len(staged.rows[f"staged_{table}"]) for table in (*KIND_TABLES, "facts"))
    new = persisted.events + new_facts
    if staged.projects_seen:
        rows += staged.projects_seen
        new += persisted.projects
    return rows - new
