"""What the database has room for, and what imports it has to do."""

from msgspec import Struct
from sqlalchemy import Connection, text

# An ordinary role is not told what kind of connection another role's is, but whether it is one to a database.
_DATABASE = text("""
    SELECT pg_database_size(current_database()), (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL),
        current_setting('max_connections')::int
""")
_JOBS = text("SELECT status, count(*) AS number FROM import_jobs GROUP BY status")
_STATUSES = ("queued", "running", "succeeded", "failed", "cancelled")


class Capacity(Struct, frozen=True):
    """Bytes on the disk, client connections, and import jobs of every status."""

    bytes: int
    connections: int
    max_connections: int
    jobs: dict[str, int]


def capacity(connection: Connection) -> Capacity:
    """As it is now; of a replica, if that is what is read."""
    size, connections, max_connections = connection.execute(_DATABASE).one()
    jobs = dict.fromkeys(_STATUSES, 0) | {row.status: row.number for row in connection.execute(_JOBS)}
    return Capacity(size, connections, max_connections, jobs)
