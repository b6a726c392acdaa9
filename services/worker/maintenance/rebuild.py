"""`python -m services.worker.maintenance.rebuild`: makes all sums again from the rows and the base, in one transaction, and says how many cells were wrong.

For the day on which `verify` names a difference, with the same definition of the cells. Meanwhile reads go on and see the old cells. The drain waits
for the lock, so new events stay in the journal and are added afterwards. Every query host makes its search index again afterwards.
"""

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from services.worker import lock_order
from services.worker.maintenance.command import with_worker
from services.worker.maintenance.purge_search_hosts import ask_for_purge
from services.worker.maintenance.verify import Check, differing, sums
from services.worker.resources import Resources
from services.worker.sql_text import listed, sql
from shared.sql_files import SqlFile
from shared.tables.sums import BASE

_SQL: Final = SqlFile(__package__, "rebuild.sql")


def rebuild(connection: Connection[Any], idle_gap: timedelta) -> dict[str, int]:
    """Cells that were wrong, by table. Needs a connection outside a transaction. A psycopg error leaves everything as it was."""
    with connection.transaction():
        checks = sums(connection)
        lock(connection, checks)
        wrong = {check.name: differing(connection, check, idle_gap) for check in checks}
        refill(connection, checks)
        ask_for_purge(connection)
    return wrong


def lock(connection: Connection[Any], checks: Sequence[Check]) -> None:
    """Keeps all others from adding to the sums until the caller's transaction ends, however long that is."""
    connection.execute("SET LOCAL lock_timeout = 0")
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SET LOCAL work_mem = '256MB'")
    lock_order.lock_writing_exclusive(connection)
    # A transaction that adds to a cell holds a lock until it has committed. After this one, rows and cells belong together.
    connection.execute(f"LOCK TABLE {', '.join((*(check.name for check in checks), *BASE))} IN EXCLUSIVE MODE".encode())


def refill(connection: Connection[Any], checks: Sequence[Check]) -> None:
    """Makes all sums again, in the transaction of a caller that holds the lock. No trigger adds them a second time."""
    connection.execute("SET LOCAL tracker.sums_stay = 'on'")
    for check in checks:
        connection.execute(f"DELETE FROM {check.name}".encode())
        connection.execute(fill_statement(check).encode())
    connection.execute("SET LOCAL tracker.sums_stay = 'off'")


def fill_statement(check: Check) -> str:
    """The INSERT of the cells that an aggregate should have."""
    return sql(_SQL.fill, table=check.name, columns=listed(check.columns), cells=check.expected, where=check.where())


def _rebuild(worker: Resources) -> dict[str, int]:
    with worker.connection() as connection:
        return rebuild(connection, worker.idle_gap)


def main() -> int:
    """Prints a line for each aggregate; 1 if a server is away."""
    wrong = with_worker(_rebuild, failure="Nothing was rebuilt, since a server is away")
    if wrong is None:
        return 1
    for name, cells in wrong.items():
        sys.stdout.write(f"{name:20} rebuilt, {cells} cells were wrong\n")
    sys.stdout.write(f"{'search indexes':20} are made again in the background\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
