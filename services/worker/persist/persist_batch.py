"""Step 6 of an event's path: a batch of events becomes rows and totals of sessions, in the caller's transaction.

Every statement is idempotent and commutative. An id that is stored already changes nothing unless its new version is better; then sessions
move by the difference between the row's old and new state. All other sums follow the rows by triggers (docs/adr/0116). The caller commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from services.worker import lock_order
from services.worker.persist.derived_values import stored_prices
from services.worker.persist.derived_values.cut_results import ALL
from services.worker.persist.dropped_texts import empty_dropped
from services.worker.persist.history_prompts import delete_superseded_prompts
from services.worker.persist.hook_rows import delete_superseded_messages, merge_durations
from services.worker.persist.insert_rows import insert_ctes
from services.worker.persist.ownership import refuse_foreign, refuse_moved
from services.worker.persist.records import HOOK, KeptResults, Message
from services.worker.persist.signal_rows import add_signals, take_stored_calls
from services.worker.persist.staging.event_kind_rows import IDENTITIES
from services.worker.persist.staging.staging_tables import ReceivedEvent, Staged, copy_again, copy_in, stage
from services.worker.persist.tombstones import refuse_tombstoned
from services.worker.row_tables import ROW_TABLES, composed
from services.worker.sessions.fork_ownership import assign_owners, owners_of_staged_rows
from services.worker.sessions.reattribution import update_session_keys
from services.worker.sessions.session_titles import update_titles
from services.worker.sessions.session_totals import session_ctes
from services.worker.sql_text import ctes, listed, sql
from shared.events.messages import Conversation
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "persist_batch.sql")

INSERT_SESSIONS: Final = _SQL.insert_sessions

# From here to the commit no other transaction changes these sessions.
LOCK_SESSIONS = "SELECT FROM sessions WHERE session_id = ANY(%(session_ids)s) ORDER BY session_id FOR UPDATE"
# Asks for tombstones and the prices' version in the same query: a batch has no further one while no tombstone exists and the prices stay.
_ASKED: Final = "EXISTS (SELECT FROM tombstones) AS has_tombstones, (SELECT version FROM price_state) AS prices"
_ASK: Final = f"SELECT {_ASKED}"
_LOCK_SESSIONS_AND_ASK: Final = f"WITH locked AS ({LOCK_SESSIONS}) SELECT {_ASKED}, count(*) FROM locked"


# Times and active time of a session only grow with the newer facts, so they need not be made again.
_WITHDRAW_FACTS = (
    "DELETE FROM session_facts WHERE id = ANY(%(fact_ids)s) AND brought_by = ARRAY[%(job_number)s]::integer[]",
    "UPDATE session_facts SET brought_by = array_remove(brought_by, %(job_number)s::integer) WHERE id = ANY(%(fact_ids)s)",
)


_LOCK_PROJECTS = "SELECT FROM projects WHERE id = ANY(%(project_ids)s) ORDER BY id FOR UPDATE"


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
    """Stores the staged rows of a batch, and adds them to their sessions. Gives how many rows were new, by table."""
    new_rows = listed(f"(SELECT count(*) FROM changed_{table} WHERE NOT existed) AS {table}" for table in ROW_TABLES)
    return sql(_SQL.persist, parts=ctes(insert_ctes(), session_ctes()), new_rows=new_rows)


def persist(
    connection: Connection[Any],
    batch: Sequence[ReceivedEvent],
    *,
    idle_gap: timedelta,
    job_number: int = 0,
    is_clients_word: bool = False,
    superseded_facts: Sequence[UUID] = (),
    kept_results: KeptResults = ALL,
) -> Persisted:
    """Stores a batch. `job_number` is the number of the import that brings it, 0 for the journal.

    `is_clients_word`: the import is of another tracker's export, and these rows came over its wire. No file overrules them here either.
    `superseded_facts`: facts of sessions of the batch that the job no longer brings, since the batch has newer ones of the same file.
    `kept_results`: of events; those of records are cut already.
    Raises ValueError, psycopg.Error, TombstonedEvents or ForeignEvents; then nothing of the batch may be committed.
    """
    staged = stage(batch, kept_results)
    copy_in(connection, staged)

    # Locks are taken in the order of lock_order.py.
    session_ids = sorted(staged.session_ids)
    if job_number:
        lock_order.lock_import_order(connection)
    lock_order.lock_writing_shared(connection)
    if job_number:
        session_ids = sorted(staged.session_ids | owners_of_staged_rows(connection))

    # References of rows come first; then the sessions are locked, and all that follows sees them as they stay.
    projects = _insert_references(connection, staged, job_number)
    has_tombstones, prices = _lock_sessions(connection, session_ids, job_number)
    _price_by(connection, prices, staged, batch)

    # Refused before anything of a session changes.
    if has_tombstones:
        refuse_tombstoned(connection, batch)
    refuse_foreign(connection, batch)
    empty_dropped(connection, staged, session_ids)

    # Several files have a row: whose it is comes first, then which version of a call is staged.
    new_owners = 0
    if job_number:
        new_owners = assign_owners(connection, session_ids, job_number, idle_gap, has_hooks=HOOK in staged.sources)
        _merge_calls(connection, staged)

    # Starts and facts say of which project and user a session is. Rows come after, and count there.
    new_starts, new_facts = _insert_starts_and_facts(connection, staged, session_ids, job_number, superseded_facts)
    if new_starts or new_facts or superseded_facts:
        update_session_keys(connection, session_ids)
    if new_facts:
        delete_superseded_prompts(connection, new_facts, idle_gap)
    if job_number:
        delete_superseded_messages(connection, staged, session_ids, idle_gap, is_clients_word=is_clients_word)
    # Only now is it known in which project a new session is.
    refuse_moved(connection, batch)

    of_batch = {"session_ids": session_ids, "job_number": job_number, "idle_gap": idle_gap}
    of_batch |= {"bringer": -job_number if is_clients_word else job_number, "new_session_event_ids": new_starts, "new_fact_ids": new_facts}
    with connection.cursor(row_factory=dict_row) as cursor:
        [counts] = cursor.execute(persist_statement(), of_batch, prepare=True).fetchall()
    update_titles(connection, session_ids if job_number else _asked_in(batch))
    if job_number:
        connection.execute(_SQL.insert_import_sessions, of_batch | {"has_sessionless": bool(staged.sessionless)})

    if staged.rows["staged_projects"]:
        _mark_projects(connection, job_number)

    others = sum(counts.pop(table) for table in set(ROW_TABLES) - set(Persisted.__slots__))
    persisted = Persisted(projects=projects, session_events=len(new_starts), others=others, **counts)
    persisted.sessions += new_owners
    persisted.duplicates = _duplicates(staged, persisted, len(new_facts))
    return persisted


def _insert_references(connection: Connection[Any], staged: Staged, job_number: int) -> int:
    """Inserts the projects, users and files that rows refer to, and what is told of folders. Returns how many projects are new."""
    projects = 0
    if staged.rows["staged_projects"]:
        projects = connection.execute(_SQL.insert_projects, {"job_number": job_number}).rowcount
    if staged.rows["staged_users"]:
        connection.execute(_SQL.insert_users)
    if staged.rows["staged_activities"]:
        connection.execute(_SQL.insert_files)
    if staged.rows["staged_places"]:
        connection.execute(_SQL.insert_places, {"job_number": job_number})
    return projects


def _lock_sessions(connection: Connection[Any], session_ids: Sequence[str], job_number: int) -> tuple[bool, UUID | None]:
    """Locks the sessions; new ones are made. Returns whether there are tombstones, and the version of the stored prices."""
    if session_ids:
        connection.execute(INSERT_SESSIONS, {"session_ids": session_ids, "job_number": job_number})
    ask = _LOCK_SESSIONS_AND_ASK if session_ids else _ASK
    [(has_tombstones, prices, *_)] = connection.execute(ask, {"session_ids": session_ids}).fetchall()
    return has_tombstones, prices


def _price_by(connection: Connection[Any], prices: UUID | None, staged: Staged, batch: Sequence[ReceivedEvent]) -> None:
    """Prices the staged calls again if they were priced by another version of the stored prices."""
    if staged.rows["staged_api_calls"] and not stored_prices.are_current(prices):
        stored_prices.read(connection, prices)
        copy_again(connection, staged, "staged_api_calls", stage(batch))


def _merge_calls(connection: Connection[Any], staged: Staged) -> None:
    """Makes one version of what files, hooks and signals have of a call."""
    take_stored_calls(connection, staged)
    merge_durations(connection, staged)
    add_signals(connection, staged)


def _insert_starts_and_facts(
    connection: Connection[Any], staged: Staged, session_ids: Sequence[str], job_number: int, superseded_facts: Sequence[UUID]
) -> tuple[list[UUID], list[UUID]]:
    """Returns the ids of the new starts and ends, and of the new facts."""
    parameters = {"session_ids": session_ids, "job_number": job_number, "fact_ids": list(superseded_facts)}
    new_starts: list[UUID] = []
    new_facts: list[UUID] = []
    if superseded_facts:
        for statement in _WITHDRAW_FACTS:
            connection.execute(statement, parameters)
    if staged.rows["staged_session_events"]:
        new_starts = [event_id for event_id, is_new in connection.execute(_SQL.insert_session_events, parameters) if is_new]
    if staged.rows["staged_session_facts"]:
        new_facts = [fact_id for fact_id, is_new in connection.execute(_SQL.insert_facts, parameters) if is_new]
    if superseded_facts:
        connection.execute(_SQL.lower_snapshots, parameters)
    return new_starts, new_facts


def _mark_projects(connection: Connection[Any], job_number: int) -> None:
    """Marks the projects that the batch names. They are locked last: many batches have the same ones."""
    parameters = {"job_number": job_number}
    marked = [row[0] for row in connection.execute(_SQL.projects_to_mark, parameters)]
    if marked:
        connection.execute(_LOCK_PROJECTS, {"project_ids": marked})
        connection.execute(_SQL.mark_projects, parameters)


def _asked_in(batch: Sequence[ReceivedEvent]) -> set[str]:
    """The sessions of a batch of events in which a person asks something: what else events bring gives no title."""
    messages = [received.event for received in batch if isinstance(received.event, Conversation | Message)]
    return {message.session_id for message in messages if message.session_id is not None and message.role == "user"}


def _duplicates(staged: Staged, persisted: Persisted, new_facts: int) -> int:
    rows = sum(len(staged.rows[f"staged_{table}"]) for table in (*IDENTITIES, "session_facts"))
    new = persisted.events + new_facts
    if staged.projects_seen:
        rows += staged.projects_seen
        new += persisted.projects
    return rows - new
