"""Postgres for the query service: connections that cannot write, statements, and the time up to which the data is complete.

SQLAlchemy gives the engine and its pool. Statements run on psycopg's own connections, with `%(name)s` placeholders, and fail with psycopg's errors.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeVar

import psycopg
from msgspec import Struct, convert
from psycopg import IsolationLevel
from psycopg.errors import LockNotAvailable
from psycopg.rows import dict_row
from sqlalchemy import Engine, event
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services.query.settings import Settings
from shared.auth.keys import Grant
from shared.database import make_engine
from shared.sql_files import SqlFile

STATEMENT_TIMEOUT_MS = 5_000
# The primary's connections beside a replica: for keys, jobs and the like, each a lookup by its id or a short list.
PRIMARY_CONNECTIONS = 4

# How long a known time of the newest event is used.
FRESH_SECONDS: Final = 0.2
# The ledger may be locked, by an ALTER or a migration that waits for one. Then the last known time is used for a second more.
LOCK_WAIT_MS: Final = 50
AFTER_LOCK_SECONDS: Final = 1.0

Connection = psycopg.Connection[Any]
Row = dict[str, Any]
Kind = TypeVar("Kind", bound=Struct)
Prepare = Callable[[Row], None]
_NUMBERS: Final = frozenset((int, float))
# The database does not answer, or has no connection free.
AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError)

_BIND: Final = SqlFile(__package__, "database.sql").bind
_LAST_RECEIVED = "SELECT max(last_received_at) AS last_received_at FROM ledger"


class NoConnectionFree(psycopg.OperationalError):
    """All connections of the pool were in use for two seconds."""


class Database:
    """Two pools: one for reads that may be slightly behind, one for the primary. Connects when first used."""

    def __init__(self, settings: Settings) -> None:
        self._engine = _engine(settings.query_database_url or settings.database_url, settings.query_database_connections)
        self._primary = self._engine
        if self.has_replica(settings):
            self._primary = _engine(settings.database_url, min(PRIMARY_CONNECTIONS, settings.query_database_connections))
        self._sessions = settings.sessions
        self._known: defaultdict[tuple[str, ...], _LastReceived] = defaultdict(_LastReceived)

    @staticmethod
    def has_replica(settings: Settings) -> bool:
        """Whether reads go to another server than writes, and may be behind."""
        return settings.query_database_url not in (None, settings.database_url)

    def close(self) -> None:
        """Ends all connections."""
        self._engine.dispose()
        self._primary.dispose()

    @contextmanager
    def connection(self, grant: Grant | None = None, *, from_primary: bool = False) -> Iterator[Connection]:
        """One read-only transaction: all its statements see the same moment. With a bound key it sees only what the key may.

        `from_primary`: for data that its reader may have written just now. psycopg.Error if the database is away.
        """
        with _pooled(self._primary if from_primary else self._engine) as connection:
            if grant is not None and grant.is_bound:
                connection.execute(_BIND.encode(), self._binding(grant))
            yield connection

    def _binding(self, grant: Grant) -> Row:
        projects = None if grant.project_ids is None else list(grant.project_ids)
        users = None if grant.users is None else list(grant.users)
        return {"projects": projects, "users": users, "sessions": self._sessions, "key_id": grant.key_id}

    def data_as_of(self, connection: Connection) -> datetime | None:
        """When the newest stored event was received, at most 0.2 s old; None if unknown. Call it before reading, so that it never promises too much.

        The time is kept for each server separately, since a replica may be behind. A read never waits for it: it gets the last known time
        while another request refreshes it, and while the ledger is locked.
        """
        known = self._known[_server_of(connection)]
        # Only the first refresh is waited for, since no earlier time is known.
        if time.monotonic() >= known.until and known.refreshing.acquire(blocking=known.until == 0.0):
            try:
                _refresh(connection, known)
            finally:
                known.refreshing.release()
        return known.as_of


def rows(connection: Connection, sql: str, parameters: Row | None = None) -> list[Row]:
    """The rows of a SELECT as dicts, in the order of its columns."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(sql.encode(), {name: _written(value) for name, value in (parameters or {}).items()}).fetchall()


def _written(value: Any) -> Any:
    """A list of numbers as Postgres reads arrays. The driver would take four times as long, and a series has tens of thousands of them."""
    if isinstance(value, list) and value and _NUMBERS.issuperset(map(type, value)):
        return f"{{{','.join(map(str, value))}}}"
    return value


def as_it_is(_row: Row) -> None:
    """For a row whose columns are the fields of its Struct."""


def structs(kind: type[Kind], found: Iterable[Row], prepare: Prepare = as_it_is) -> list[Kind]:
    """Rows as Structs, in which columns are fields. msgspec.ValidationError if they are not.

    `prepare` first makes of a row what the Struct has: a field of several columns, or of the text of a JSON value.
    """
    made: list[Kind] = []
    for row in found:
        prepare(row)
        made.append(convert(row, kind))
    return made


def fetch(connection: Connection, kind: type[Kind], sql: str, parameters: Row | None = None, prepare: Prepare = as_it_is) -> list[Kind]:
    """The rows of a SELECT as Structs, as `structs` makes them."""
    return structs(kind, rows(connection, sql, parameters), prepare)


def fetch_by(
    connection: Connection, kind: type[Kind], key: str, sql: str, parameters: Row | None = None, prepare: Prepare = as_it_is
) -> dict[Any, Kind]:
    """The rows of a SELECT as Structs without the column `key`, by its values, which are distinct."""
    found = rows(connection, sql, parameters)
    keys = [row.pop(key) for row in found]
    return dict(zip(keys, structs(kind, found, prepare), strict=True))


def fetch_groups(connection: Connection, kind: type[Kind], key: str, sql: str, parameters: Row | None = None) -> dict[Any, list[Kind]]:
    """The same where several rows have one value of `key`: by value a list, in the order of the rows; a value without rows has an empty one."""
    groups: dict[Any, list[Kind]] = defaultdict(list)
    for row in rows(connection, sql, parameters):
        groups[row.pop(key)].append(convert(row, kind))
    return groups


def fetch_one(connection: Connection, kind: type[Kind], sql: str, parameters: Row | None = None) -> Kind:
    """The only row of a SELECT that always returns exactly one."""
    [found] = fetch(connection, kind, sql, parameters)
    return found


def fetch_first(
    connection: Connection, kind: type[Kind], sql: str, parameters: Row | None = None, prepare: Prepare = as_it_is
) -> Kind | None:
    """The first row, or None for an empty result."""
    return next(iter(fetch(connection, kind, sql, parameters, prepare)), None)


def one_row(connection: Connection, sql: str, parameters: Row | None = None) -> Row:
    """The only row of a SELECT that always returns exactly one."""
    [row] = rows(connection, sql, parameters)
    return row


def first_row(connection: Connection, sql: str, parameters: Row | None = None) -> Row | None:
    """The first row, or None for an empty result."""
    found = rows(connection, sql, parameters)
    return found[0] if found else None


@dataclass(slots=True)
class _LastReceived:
    """The newest event's time on one server, and until when it is used."""

    as_of: datetime | None = None
    until: float = 0.0
    refreshing: threading.Lock = field(default_factory=threading.Lock)


def _server_of(connection: Connection) -> tuple[str, ...]:
    """The server that libpq has chosen; one URL may name several."""
    info = connection.info
    return info.host, info.hostaddr, str(info.port), info.dbname


def _refresh(connection: Connection, known: _LastReceived) -> None:
    try:
        # Rolled back, and the short lock_timeout with it.
        with connection.transaction(force_rollback=True):
            connection.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}".encode())
            known.as_of = one_row(connection, _LAST_RECEIVED)["last_received_at"]
        known.until = time.monotonic() + FRESH_SECONDS
    except LockNotAvailable:
        known.until = time.monotonic() + AFTER_LOCK_SECONDS


@contextmanager
def _pooled(engine: Engine) -> Iterator[Connection]:
    """A connection of the pool. Giving it back ends its transaction."""
    try:
        pooled = engine.raw_connection()
    except PoolTimeout as error:
        raise NoConnectionFree(str(error)) from error
    connection = pooled.driver_connection
    assert isinstance(connection, psycopg.Connection)
    try:
        yield connection
    finally:
        if connection.closed:
            pooled.invalidate()
        pooled.close()


def _engine(database_url: str, connections: int) -> Engine:
    engine = make_engine(
        database_url,
        pool_size=connections,
        statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        read_only=True,
        application_name="tracker-query",
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Connection, _record: object) -> None:
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    # Every statement is planned with its values: a generic plan does not know how rare a word or how long a range is.
    connection.prepare_threshold = None
    # Bitmaps and hashes of a year fit into 32 MB. All data is in memory or on an SSD.
    connection.execute("SET work_mem = '32MB'")
    connection.execute("SET random_page_cost = 1.1")
    connection.commit()
