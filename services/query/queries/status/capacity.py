"""The database's size and connections, and its import jobs."""

from functools import partial

from msgspec import Struct

from services.query.database import Connection, one_row, rows
from shared.sql_files import statement

_sql = partial(statement, __package__, "capacity.sql")

_DATABASE = _sql("database")
_JOBS = "SELECT status, count(*) AS number FROM import_jobs WHERE kind <> 'capture' GROUP BY status"
_STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")


class Capacity(Struct, frozen=True):
    """Bytes on the disk, client connections, and import jobs of every status."""

    bytes: int
    connections: int
    max_connections: int
    jobs: dict[str, int]


def capacity(connection: Connection) -> Capacity:
    """As it is now; of a replica, if that is what is read."""
    jobs = dict.fromkeys(_STATUSES, 0) | {row["status"]: row["number"] for row in rows(connection, _JOBS)}
    return Capacity(**one_row(connection, _DATABASE), jobs=jobs)
