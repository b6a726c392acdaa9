"""Stores readings of Claude Code's own files (shared/events/readings.py), in the caller's transaction. Each row keeps the newest or the
greatest reading: so any order of arrival ends in the same rows, and a reading that comes again changes nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker.persist.live.close_idle import follow_processes, told_changes
from services.worker.persist.live.feed_items import feed_sessions
from shared.events.readings import ClientCost, ContextWindow, RateLimitEvent, Reading, SessionFile, StatusLine, UsageCache, UsageWindow
from shared.feed import FeedItem
from shared.sessions.session_state import OpenState
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "store_readings.sql")

_USER_IDS: Final = "SELECT name, person_of(name) FROM users WHERE name = ANY(%(names)s)"

# States in Claude Code's file of a process (2.1.332). `waiting` comes with the dialog: only these two ask for a permission.
_DOES: Final[dict[str | None, OpenState]] = {"busy": "working", "shell": "working", "idle": "input", "waiting": "input"}
_PERMISSIONS: Final = ("permission prompt", "sandbox request")


class StoredReadings(Struct, frozen=True):
    """`changed`: readings that changed anything. The others were known, or are older than what is known."""

    changed: int = 0
    for_feed: list[FeedItem] = []


class _Quota(NamedTuple):
    """The key of a row of quota_readings."""

    user_id: int
    machine_id: str
    key_id: str
    account: str
    source: str
    kind: str
    resets_at: datetime
    used_percentage: float


def store_readings(connection: Connection[Any], batch: Sequence[tuple[Reading, datetime]]) -> StoredReadings:
    """Stores readings, each with the time at which it was received."""
    if not batch:
        return StoredReadings()
    user_ids = _user_ids(connection, [reading for reading, _ in batch])
    changed: set[int] = set()
    # By window: one of its percentages.
    to_thin: dict[tuple[Any, ...], _Quota] = {}
    # Each kind in one order: then two workers that store readings of the same windows or sessions do not deadlock.
    quotas: list[tuple[_Quota, datetime, int]] = []
    for number, (reading, _) in enumerate(batch):
        quotas += [(quota, read_at, number) for quota, read_at in _quotas(reading, user_ids.get(reading.user or "", 0))]
    for quota, read_at, number in sorted(quotas):
        stored = connection.execute(_SQL.store_quota, quota._asdict() | {"first_read_at": read_at, "last_read_at": read_at}).fetchone()
        if stored is not None:
            changed.add(number)
            if stored[0]:
                to_thin[quota[:-1]] = quota
    for quota in to_thin.values():
        connection.execute(_SQL.thin_quota, quota._asdict())
    lines = [(reading.body, number) for number, (reading, _) in enumerate(batch) if isinstance(reading.body, StatusLine)]
    for line, number in sorted(lines, key=lambda each: (each[0].session_id, each[0].read_at)):
        if connection.execute(_SQL.store_status_line, _status_line_row(line)).rowcount:
            changed.add(number)
    changed_by_files, for_feed = _store_processes(connection, batch)
    return StoredReadings(len(changed | changed_by_files), for_feed)


def _store_processes(connection: Connection[Any], batch: Sequence[tuple[Reading, datetime]]) -> tuple[set[int], list[FeedItem]]:
    """The numbers of the readings that changed anything, and what the feed is told."""
    files = [(reading.body, heard_at, number) for number, (reading, heard_at) in enumerate(batch) if isinstance(reading.body, SessionFile)]
    if not files:
        return set(), []
    session_ids = sorted({file.session_id for file, _, _ in files})
    before = feed_sessions(connection, session_ids)
    changed = set()
    for file, heard_at, number in sorted(files, key=lambda each: (each[0].session_id, each[0].machine_id, each[0].pid, each[0].read_at)):
        if connection.execute(_SQL.store_process, _process_row(file, heard_at)).rowcount:
            changed.add(number)
    with connection.cursor(row_factory=scalar_row) as cursor:
        left = sorted(cursor.execute(_SQL.left_by_processes, {"session_ids": session_ids}))
    # Those are as they were: nothing is closed yet.
    before |= feed_sessions(connection, left)
    session_ids += left
    follow_processes(connection, session_ids)
    return changed, told_changes(connection, before, session_ids)


def _process_row(file: SessionFile, heard_at: datetime) -> dict[str, Any]:
    does = _DOES.get(file.status)
    return {
        "session_id": file.session_id,
        "machine_id": file.machine_id,
        "pid": file.pid,
        "read_at": file.read_at,
        "is_alive": file.is_alive,
        "does": "permission" if file.status == "waiting" and file.waiting_for in _PERMISSIONS else does,
        "does_since": file.status_updated_at or file.updated_at or file.read_at,
        "heard_at": heard_at,
    }


def _user_ids(connection: Connection[Any], readings: Sequence[Reading]) -> dict[str, int]:
    """Ids of the users that quota is of, by name."""
    names = sorted({reading.user for reading in readings if reading.user is not None and any(_quotas(reading, 0))})
    if not names:
        return {}
    connection.execute(_SQL.insert_users, {"names": names})
    return dict(connection.execute(_USER_IDS, {"names": names}).fetchall())


def _quotas(reading: Reading, user_id: int) -> Iterator[tuple[_Quota, datetime]]:
    """The windows that a reading tells of, and when that was so."""
    body = reading.body
    match body:
        case StatusLine(rate_limits=limits) if limits is not None:
            for kind, limit in (("five_hour", limits.five_hour), ("seven_day", limits.seven_day)):
                if limit is not None:
                    resets_at = _to_the_minute(datetime.fromtimestamp(limit.resets_at, UTC))
                    yield (
                        _Quota(
                            user_id, body.machine_id, reading.key_id, "", "status_line", kind, resets_at, round(limit.used_percentage, 1)
                        ),
                        body.read_at,
                    )
        case UsageCache():
            for kind, resets_at, used in _begun(body.windows):
                yield _Quota(user_id, body.machine_id, reading.key_id, body.account, "usage_cache", kind, resets_at, used), body.fetched_at
        case RateLimitEvent():
            for kind, resets_at, used in _begun(body.windows):
                yield _Quota(user_id, body.machine_id, reading.key_id, "", "rate_limit_event", kind, resets_at, used), body.read_at
        case StatusLine() | SessionFile():
            return


def _begun(windows: Sequence[UsageWindow]) -> Iterator[tuple[str, datetime, float]]:
    """(kind, reset, percentage) of the windows that have begun."""
    for window in windows:
        if window.resets_at is not None:
            yield window.kind, _to_the_minute(window.resets_at), round(window.used_percentage, 1)


def _to_the_minute(time: datetime) -> datetime:
    """Two sources say the same reset with and without fractions of a second."""
    return (time + timedelta(seconds=30)).replace(second=0, microsecond=0)


def _status_line_row(line: StatusLine) -> dict[str, Any]:
    cost, context = line.cost or ClientCost(), line.context_window or ContextWindow()
    row = {"session_id": line.session_id, "read_at": line.read_at, "model": line.model, "client_version": line.version}
    cache = None if line.prompt_cache is None else msgspec.json.encode(line.prompt_cache).decode()
    return row | msgspec.structs.asdict(cost) | msgspec.structs.asdict(context) | {"prompt_cache": cache}
