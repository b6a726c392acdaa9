"""Connections of the tests' own that stay open.

A new connection is a process of Postgres that first reads the catalog: 10 to 50 ms of a processor, for statements of less than one.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
from psycopg.rows import dict_row

# Its rows are tuples of whatever the columns have.
Connection = psycopg.Connection[Any]
Result = TypeVar("Result")
# None: a percent sign is one.
Parameters = Sequence[Any] | Mapping[str, Any] | None
# This process' connections, by what they are for.
_KEPT: Final[dict[tuple[Any, ...], "KeptConnection"]] = {}


class KeptConnection:
    """Commits each statement. It is opened when it is first used, and again when somebody has ended it."""

    def __init__(self, database_url: str, **options: Any) -> None:
        self.url = database_url
        self._options = options
        self._connection: Connection | None = None

    def run(self, act: Callable[[Connection], Result]) -> Result:
        """The result of `act`. It is called again if the connection had been ended."""
        if (kept := self._connection) is not None:
            try:
                return act(kept)
            except psycopg.OperationalError:
                # Some tests end all connections that there are.
                if not kept.closed:
                    raise
        self._connection = psycopg.connect(self.url, autocommit=True, **self._options)
        return act(self._connection)

    def open(self) -> Connection:
        """The connection, which answers."""

        def ask(connection: Connection) -> Connection:
            connection.execute("SELECT 1")
            return connection

        return self.run(ask)

    def close(self) -> None:
        """Ends it."""
        if self._connection is not None:
            self._connection.close()


def select(database_url: str, sql: str, parameters: Parameters = None) -> list[dict[str, Any]]:
    """The rows of one statement as dicts."""
    return _kept(database_url).run(lambda connection: connection.cursor(row_factory=dict_row).execute(sql.encode(), parameters).fetchall())


def select_rows(database_url: str, sql: str, parameters: Parameters = None) -> list[tuple[Any, ...]]:
    """The rows of one statement."""
    return _kept(database_url).run(lambda connection: connection.execute(sql.encode(), parameters).fetchall())


def execute(database_url: str, sql: str, parameters: Parameters = None) -> None:
    """One statement that gives no rows."""
    _kept(database_url).run(lambda connection: connection.execute(sql.encode(), parameters))


@contextmanager
def kept_transaction(database_url: str) -> Iterator[Connection]:
    """One transaction, for several statements that see the same moment. Nothing inside may ask for another."""
    connection = _kept(database_url).open()
    with connection.transaction():
        yield connection


@contextmanager
def lent(database_url: str, **options: Any) -> Iterator[Connection]:
    """A connection of one test at a time, which commits each statement. Its settings are as they were for the next; its temporary tables stay."""
    connection = _process_wide("lent", database_url, **options).open()
    try:
        yield connection
    finally:
        if not connection.closed:
            connection.rollback()
            connection.execute("RESET ALL")


def close_all() -> None:
    """Before the server stops."""
    for kept in _KEPT.values():
        kept.close()


def _kept(database_url: str) -> KeptConnection:
    # Not prepared: a test may change a table.
    return _process_wide("kept", database_url, prepare_threshold=None)


def _process_wide(purpose: str, database_url: str, **options: Any) -> KeptConnection:
    return _KEPT.setdefault((purpose, database_url, *options.values()), KeptConnection(database_url, **options))
