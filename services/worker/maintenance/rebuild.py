"""`python -m services.worker.maintenance.rebuild`: makes every aggregate of cells anew from the rows, in one transaction, and says how many cells were wrong.

For the day on which `verify` names a difference. The cells come from the same definitions as verify's. While it lasts reads go on and see the old
cells, and the drain waits for the lock, so what comes in meanwhile stays in the journal and is added afterwards.
"""

import sys
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from services.worker import lock_order
from services.worker.maintenance import verify
from services.worker.resources import open_resources
from services.worker.retry_later import UNAVAILABLE_ERRORS, reason_of
from services.worker.settings import Settings

# In this order: the active time of a day is part of what activity_rollups is made of.
TABLES: Final = ("active_days", "file_rollups", "file_sets", "tool_rollups", "usage_rollups", "activity_rollups")


def rebuild(connection: Connection[Any], idle_gap: timedelta) -> dict[str, int]:
    """Cells that were wrong, by aggregate. Needs a connection outside a transaction; psycopg errors if it cannot be done, and then nothing is."""
    checks = {check.name: check for check in verify.CHECKS}
    with connection.transaction():
        lock(connection)
        wrong = {name: verify.differing(connection, check, idle_gap) for name, check in checks.items() if name in TABLES}
        refill(connection, idle_gap)
    return wrong


def lock(connection: Connection[Any]) -> None:
    """Keeps everybody from adding until the end of the caller's transaction, however long that is."""
    connection.execute("SET LOCAL lock_timeout = 0")
    connection.execute("SET LOCAL statement_timeout = 0")
    connection.execute("SET LOCAL work_mem = '256MB'")
    # Whoever moves what was added locks these tables in an order of its own.
    lock_order.lock_writing_exclusive(connection)
    # Whoever adds to a cell holds a lock until it has committed; after this one, rows and cells belong together.
    connection.execute(f"LOCK TABLE {', '.join(TABLES)} IN EXCLUSIVE MODE".encode())


def refill(connection: Connection[Any], idle_gap: timedelta) -> None:
    """Every aggregate anew, in the transaction of a caller that holds the lock."""
    cells = {check.name: check.expected for check in verify.CHECKS}
    for name in TABLES:
        connection.execute(f"DELETE FROM {name}".encode())
        _fill(connection, name, cells[name], idle_gap)


def _fill(connection: Connection[Any], table: str, cells: str, idle_gap: timedelta) -> None:
    given = {"idle_gap": idle_gap}
    described = connection.execute(f"SELECT * FROM ({cells}) AS cells LIMIT 0".encode(), given).description
    columns = ", ".join(column.name for column in described or ())
    connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM ({cells}) AS cells".encode(), given)


def main() -> int:
    """Prints a line an aggregate; 1 if a server is away."""
    worker = open_resources(Settings())
    try:
        with worker.connection() as connection:
            wrong = rebuild(connection, worker.idle_gap)
    except UNAVAILABLE_ERRORS as error:
        sys.stderr.write(f"Nothing was rebuilt, since a server is away, {reason_of(error)}; is the stack running?\n")
        return 1
    finally:
        worker.close()
    for name, cells in wrong.items():
        sys.stdout.write(f"{name:20} made anew, {cells} cells were wrong\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
