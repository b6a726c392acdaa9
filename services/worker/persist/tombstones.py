"""Rows that were erased, or are not kept any longer, are not stored again. Every writer of rows passes here, beside ownership.py: events, imports, live
capture, replays, a reparse.

A tombstone is the hash of a session's id, a user's name or a project's path, or of a session's id with a range of time. It holds no name, since
after an erasure no store may. Rows of what has one are left out: acknowledged and counted, without a dead letter, which would have their content.

It is asked under the locks of the batch's sessions. A writer of tombstones has writing exclusively (lock_order.py), so no batch misses one.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker import lock_order
from services.worker.persist.ownership import session_of
from services.worker.persist.records import Record, SessionFacts
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.session_tables import forget_sessions
from shared.archive.lines_of_time import Span
from shared.events.messages import Event, SessionStart
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "tombstones.sql")

Kind = Literal["session", "user", "project", "range"]
Reason = Literal["erased", "expired"]

_ARE_THERE_ANY: Final = "SELECT EXISTS (SELECT FROM tombstones)"
_KNOWN_SESSIONS: Final = "SELECT session_id FROM sessions WHERE session_id = ANY(%(session_ids)s) AND (counted OR user_id <> 0)"
# When an event happened, by whichever name.
_TIMES: Final = ("timestamp", "start_time", "end_time")

# A tombstone's kind, and its name.
_Name = tuple[Kind, str]


class TombstonedEvents(Exception):
    """The part of a batch that was erased or has expired. Nothing of the batch may be committed; the rest can be stored without it.

    `new_sessions`: sessions that begin with a user or project that was erased, each with that.
    """

    def __init__(self, events: Sequence[ReceivedEvent], new_sessions: dict[str, _Name]) -> None:
        super().__init__(f"{len(events)} events of what was erased")
        self.events = events
        self.new_sessions = new_sessions


def write_tombstones(connection: Connection[Any], kind: Kind, names: Collection[str], *, reason: Reason, job_id: UUID | None = None) -> int:
    """Keeps out what is named, from the commit on; gives how many tombstones are new. The caller's transaction has writing exclusively.

    `names`: ids of sessions, names of users, or paths of projects. `job_id`: what writes them; what it wrote is lifted together.
    """
    parameters = {"kind": kind, "names": sorted(names), "reason": reason, "job_id": job_id}
    return connection.execute(_SQL.write, parameters).rowcount


def write_range_tombstone(connection: Connection[Any], session_id: str, from_at: datetime, to_at: datetime, job_id: UUID) -> None:
    """Keeps out a range of a session, as write_tombstones() does. An erasure writes it."""
    connection.execute(_SQL.write_range, {"session_id": session_id, "from_at": from_at, "to_at": to_at, "job_id": job_id})


def refuse_tombstoned(connection: Connection[Any], batch: Sequence[ReceivedEvent]) -> None:
    """Raises TombstonedEvents. To be asked when the batch's sessions are locked, if there are any tombstones."""
    found, ranges = _find(connection, {name for each in batch for name in _names_of(each)})
    if not found and not ranges:
        return
    known = _stored_among(connection, _sessions_of(batch)) if any(kind in ("user", "project") for kind, _ in found) else set()
    new_sessions = _new_sessions(batch, found, known)
    left_out = [each for each in batch if _is_left_out(each, found, ranges, new_sessions)]
    # A title may be made of what was said in the range. Then the batch is stored once more, without it.
    if _take_titles(batch, ranges) or left_out:
        raise TombstonedEvents(left_out, new_sessions)


def keep_out(connection: Connection[Any], refused: TombstonedEvents) -> None:
    """Later events of new sessions need not name the user or project that was erased, and stay out too. Earlier ones that did not name them
    either go: readings and telemetry say neither project nor, perhaps, person.
    """
    new_sessions = refused.new_sessions
    if new_sessions:
        # A transaction that asked for tombstones before has committed by then. The error that refused the batch has taken back its share of the lock.
        lock_order.lock_writing_exclusive(connection)
        _follow(connection, new_sessions)
    # Ingest hands sessions out before they have rows.
    connection.execute(_SQL.forget_empty, {"session_ids": sorted(_sessions_of(refused.events))})


def keep_out_items(connection: Connection[Any], left_out: Iterable[tuple[str | None, str | None]]) -> None:
    """The same for captured items, each with its session and user. No other process stores items of these sessions meanwhile: they are in one partition."""
    of_users: dict[str, _Name] = {
        session_id: ("user", user) for session_id, user in left_out if session_id is not None and user is not None
    }
    if of_users:
        known = _stored_among(connection, of_users)
        _follow(connection, {session_id: user for session_id, user in of_users.items() if session_id not in known})


def _follow(connection: Connection[Any], new_sessions: Mapping[str, _Name]) -> None:
    """New sessions, each with the user or project that was erased, get tombstones; what stands beside them goes."""
    if new_sessions:
        kinds, names = zip(*new_sessions.values(), strict=True)
        connection.execute(_SQL.follow, {"session_ids": list(new_sessions), "kinds": list(kinds), "names": list(names)})
        forget_sessions(connection, new_sessions, only_beside=True)


def tombstoned_sessions(connection: Connection[Any], session_ids: Iterable[str]) -> set[str]:
    """Which of these sessions have a tombstone."""
    wanted = set(session_ids)
    return {name for _, name in _find(connection, {("session", session_id) for session_id in wanted})[0]} if wanted else wanted


def with_tombstones(connection: Connection[Any], named: Collection[_Name]) -> set[_Name]:
    """Which of these have a tombstone; of a session also if a range of it has one."""
    found, ranges = _find(connection, {*named, *(("range", name) for kind, name in named if kind == "session")} if named else ())
    return found | {("session", session_id) for session_id in ranges}


def tombstoned_items(connection: Connection[Any], named: Sequence[tuple[str | None, str | None]]) -> list[bool]:
    """For captured items, each with its session and its user, if it has them: whether it has a tombstone."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        if not named or not cursor.execute(_ARE_THERE_ANY).fetchone():
            return [False] * len(named)
    wanted: set[_Name] = {("session", session_id) for session_id, _ in named if session_id is not None}
    wanted |= {("user", user) for _, user in named if user is not None}
    found, _ = _find(connection, wanted)
    return [
        (session_id is not None and ("session", session_id) in found) or (user is not None and ("user", user) in found)
        for session_id, user in named
    ]


def ranges_of(connection: Connection[Any], session_ids: Iterable[str]) -> dict[str, list[Span]]:
    """The erased ranges of these sessions."""
    return _find(connection, {("range", session_id) for session_id in session_ids})[1]


def _find(connection: Connection[Any], wanted: Collection[_Name]) -> tuple[set[_Name], dict[str, list[Span]]]:
    """The items that have a tombstone, and the ranges of sessions that have one."""
    found: set[_Name] = set()
    ranges: dict[str, list[Span]] = {}
    if wanted:
        kinds, names = zip(*sorted(wanted), strict=True)
        for kind, name, from_at, to_at in connection.execute(_SQL.find, {"kinds": list(kinds), "names": list(names)}):
            if kind == "range":
                ranges.setdefault(name, []).append(Span(from_at, to_at))
            else:
                found.add((kind, name))
    return found, ranges


def _sessions_of(batch: Iterable[ReceivedEvent]) -> set[str]:
    return {session_id for each in batch if (session_id := session_of(each.event)) is not None}


def _names_of(received: ReceivedEvent) -> Iterator[_Name]:
    """All that a tombstone of an event could be of."""
    event = received.event
    if (session_id := session_of(event)) is not None:
        yield "session", session_id
        yield "range", session_id
    for user in _users_of(received):
        yield "user", user
    if path := getattr(event, "project_path", None):
        yield "project", path


def _users_of(received: ReceivedEvent) -> Iterator[str]:
    if user := getattr(received.event, "user", None):
        yield user
    if received.bound is not None and received.bound.user is not None:
        yield received.bound.user
    if received.user is not None:
        yield received.user


def _take_titles(batch: Iterable[ReceivedEvent], ranges: Collection[str]) -> bool:
    """Takes the titles of sessions away of which a range was erased. Whether there were any."""
    facts = [each.event for each in batch if isinstance(each.event, SessionFacts) and each.event.session_id in ranges and each.event.title]
    for each in facts:
        each.title, each.title_rank = None, 0
    return bool(facts)


def _stored_among(connection: Connection[Any], session_ids: Iterable[str]) -> set[str]:
    """Those of which something is stored."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return set(cursor.execute(_KNOWN_SESSIONS, {"session_ids": sorted(session_ids)}))


def _new_sessions(batch: Iterable[ReceivedEvent], found: Collection[_Name], known: Collection[str]) -> dict[str, _Name]:
    """Sessions of which nothing is stored, and which begin with a user or in a project that was erased."""
    begun: dict[str, _Name | None] = {}
    for each in batch:
        session_id = session_of(each.event)
        if session_id is not None and session_id not in known and isinstance(each.event, (SessionStart, SessionFacts)):
            erased = next((name for name in _names_of(each) if name[0] in ("user", "project") and name in found), None)
            if begun.get(session_id) is None and (erased or each.event.project_path):
                # The first that says where it is decides.
                begun.setdefault(session_id, erased)
    return {session_id: erased for session_id, erased in begun.items() if erased is not None}


def _is_left_out(received: ReceivedEvent, found: Collection[_Name], ranges: dict[str, list[Span]], new_sessions: Collection[str]) -> bool:
    session_id = session_of(received.event)
    if session_id is not None and session_id in new_sessions:
        return True
    if any(name in found for name in _names_of(received)):
        return True
    at = _time_of(received.event) if session_id in ranges else None
    return at is not None and any(each.from_at <= at < each.to_at for each in ranges[session_id or ""])


def _time_of(event: Event | Record) -> datetime | None:
    return next((at for name in _TIMES if (at := getattr(event, name, None)) is not None), None)
