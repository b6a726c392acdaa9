"""The database's size and connections, and its import jobs."""

from msgspec import Struct, field

from services.query.database import Connection, fetch_one, rows
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "capacity.sql")

_JOBS = "SELECT status, count(*) AS number FROM import_jobs WHERE kind <> 'capture' GROUP BY status"
_STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")


class Capacity(Struct):
    """Bytes on the disk, client connections, and import jobs of every status."""

    bytes: int
    connections: int
    max_connections: int
    jobs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_STATUSES, 0))


def capacity(connection: Connection) -> Capacity:
    """As it is now; of a replica, if that is what is read."""
    found = fetch_one(connection, Capacity, _SQL.database)
    found.jobs |= {row["status"]: row["number"] for row in rows(connection, _JOBS)}
    return found
