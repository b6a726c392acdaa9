"""Decides which key may write into which session. Every writer of rows passes here: events, imports, live capture, replays, reparses (persist_batch).

A session belongs to the user and the project that its earliest start names. Events of a key that is bound to a user go into sessions of that
user and of nobody. Events of a key that is bound to projects go into sessions of these projects, and into new ones that begin there. All
else is foreign: it is not stored, so it cannot move a session either.

It is asked under the locks of the batch's sessions, so that of two who claim a new session only the first gets it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker.persist.records import ProjectSeen, Record, SessionBoundary, SessionFacts
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.row_tables import for_all
from shared.events.messages import Binding, Event, SessionStart
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "ownership.sql")

# Reasons of dead letters.
NOT_YOURS: Final = "its session is another user's, and it came by a key that is bound to one"
NOT_YOUR_PROJECT: Final = "it is of another project, and it came by a key that is bound to some"

_OWN_PATHS: Final = "SELECT path FROM projects WHERE coalesce(merged_into, id) = ANY(%(project_ids)s) AND path = ANY(%(paths)s)"
_FACTS_ELSEWHERE: Final = "SELECT id FROM session_facts WHERE id = ANY(%(facts_ids)s) AND session_id <> ALL(%(session_ids)s)"
_USERS: Final = "SELECT name, person_of(name) FROM users WHERE name = ANY(%(names)s)"


class ForeignEvents(Exception):
    """A batch has events that its keys may not write. Nothing of the batch may be committed; the rest can be stored without it."""

    def __init__(self, events: Sequence[ReceivedEvent]) -> None:
        super().__init__(f"{len(events)} foreign events")
        self.events = events


def refuse_foreign(connection: Connection[Any], batch: Sequence[ReceivedEvent]) -> None:
    """Raises ForeignEvents. To be asked when the batch's sessions are locked, and before anything of it is stored."""
    if foreign := foreign_among(connection, batch):
        raise ForeignEvents(foreign)


def foreign_among(connection: Connection[Any], batch: Sequence[ReceivedEvent]) -> list[ReceivedEvent]:
    """The events of a batch that its keys may not write, by the sessions as they are now."""
    by_binding = _by_binding(batch)
    foreign: list[ReceivedEvent] = []
    for binding, received in by_binding.items():
        foreign += _foreign_of(connection, binding, received)
    users = {binding.user for binding in by_binding if binding.user is not None}
    if len(users) > 1 and not foreign:
        foreign += _claimed_by_another(connection, users, batch)
    return foreign


def refuse_moved(connection: Connection[Any], batch: Sequence[ReceivedEvent]) -> None:
    """Raises ForeignEvents for new sessions that do not begin in the projects of their key. To be asked when sessions have their projects."""
    foreign: list[ReceivedEvent] = []
    for binding, received in _by_binding(batch).items():
        if binding.project_ids is not None:
            parameters = {"session_ids": _sessions_of(received), "project_ids": _wholes(connection, binding)}
            with connection.cursor(row_factory=scalar_row) as cursor:
                elsewhere = set(cursor.execute(_SQL.sessions_elsewhere, parameters))
            foreign += (each for each in received if _session_of(each) in elsewhere)
    if foreign:
        raise ForeignEvents(foreign)


def foreign_sessions(connection: Connection[Any], binding: Binding | None, session_ids: Iterable[str]) -> set[str]:
    """The sessions that a key with this binding may not write."""
    if binding is None or not (wanted := sorted(session_ids)):
        return set()
    with connection.cursor(row_factory=scalar_row) as cursor:
        return set(cursor.execute(_SQL.foreign_sessions, _parameters(connection, binding) | {"session_ids": wanted}))


def facts_of_other_sessions(connection: Connection[Any], facts_ids: Sequence[UUID], foreign: Iterable[ReceivedEvent]) -> list[UUID]:
    """Facts of other sessions than those of foreign events. The replacements of the others are not stored."""
    if not facts_ids:
        return []
    with connection.cursor(row_factory=scalar_row) as cursor:
        return list(cursor.execute(_FACTS_ELSEWHERE, {"facts_ids": list(facts_ids), "session_ids": _sessions_of(foreign)}))


def without(batch: Sequence[ReceivedEvent], foreign: Sequence[ReceivedEvent]) -> Sequence[ReceivedEvent]:
    """The batch without what was foreign of it."""
    if not foreign:
        return batch
    objects = set(map(id, foreign))
    return [received for received in batch if id(received) not in objects]


def reason_of_refusal(received: ReceivedEvent) -> str:
    """The reason in a foreign event's dead letter."""
    return NOT_YOURS if received.bound is not None and received.bound.user is not None else NOT_YOUR_PROJECT


def _by_binding(batch: Sequence[ReceivedEvent]) -> dict[Binding, list[ReceivedEvent]]:
    by_binding: dict[Binding, list[ReceivedEvent]] = defaultdict(list)
    for received in batch:
        if received.bound is not None:
            by_binding[received.bound].append(received)
    return by_binding


def _foreign_of(connection: Connection[Any], binding: Binding, batch: Sequence[ReceivedEvent]) -> list[ReceivedEvent]:
    sessions = foreign_sessions(connection, binding, _sessions_of(batch))
    # An event with the id of another event is a conflict, whoever sends it (persist/conflicts.py).
    record_ids = [each.event.id for each in batch if isinstance(each.event, Record)]
    rows: set[Any] = set()
    if record_ids:
        with connection.cursor(row_factory=scalar_row) as cursor:
            rows = set(cursor.execute(for_all(_SQL.foreign_rows).encode(), _parameters(connection, binding) | {"ids": record_ids}))
    paths = _foreign_paths(connection, binding, batch) if binding.project_ids is not None else set()
    return [
        each
        for each in batch
        if _session_of(each) in sessions
        or (isinstance(each.event, Record) and each.event.id in rows)
        or (paths and _path_without_session(each) in paths)
    ]


def _foreign_paths(connection: Connection[Any], binding: Binding, batch: Sequence[ReceivedEvent]) -> set[str]:
    """Projects that only a record without a session names, and that are not among the key's."""
    paths = {path for each in batch if (path := _path_without_session(each)) is not None}
    if not paths:
        return paths
    with connection.cursor(row_factory=scalar_row) as cursor:
        return paths - set(cursor.execute(_OWN_PATHS, {"project_ids": _wholes(connection, binding), "paths": sorted(paths)}))


def _claimed_by_another(connection: Connection[Any], users: Collection[str], batch: Sequence[ReceivedEvent]) -> list[ReceivedEvent]:
    """Events of others in a session, behind the user who makes it theirs: by the batch's order, as if each had come in a batch of its own."""
    known: dict[str, int] = dict(connection.execute(_USERS, {"names": sorted(users)}).fetchall())
    owners: dict[str, int | str] = {}
    foreign: list[ReceivedEvent] = []
    for each in batch:
        session_id = _session_of(each)
        if session_id is not None and each.bound is not None and each.bound.user is not None:
            user = known.get(each.bound.user, each.bound.user)
            if isinstance(each.event, (SessionStart, SessionBoundary, SessionFacts)):
                owners.setdefault(session_id, user)
            if owners.get(session_id, user) != user:
                foreign.append(each)
    return foreign


def _parameters(connection: Connection[Any], binding: Binding) -> dict[str, Any]:
    return {"user": binding.user, "project_ids": None if binding.project_ids is None else _wholes(connection, binding)}


def _wholes(connection: Connection[Any], binding: Binding) -> list[int]:
    """The binding is as old as the event; what its projects are part of is asked now."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_SQL.wholes, {"project_ids": list(binding.project_ids or ())}).fetchall()


def _sessions_of(batch: Iterable[ReceivedEvent]) -> list[str]:
    return sorted({session_id for each in batch if (session_id := _session_of(each)) is not None})


def _session_of(received: ReceivedEvent) -> str | None:
    """None for a project that was only seen, and for a prompt or a tool call without a session."""
    return session_of(received.event)


def session_of(event: Event | Record) -> str | None:
    """The session that an event or record names."""
    return getattr(event, "session_id", None)


def _path_without_session(received: ReceivedEvent) -> str | None:
    event = received.event
    if isinstance(event, ProjectSeen) or (isinstance(event, Record) and session_of(event) is None):
        path: str | None = getattr(event, "project_path", None)
        return path
    return None
