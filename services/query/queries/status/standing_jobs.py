"""Jobs that neither get on nor end, of every kind."""

from services.query.database import Connection, rows
from shared.sql_files import SqlFile

_STANDING = SqlFile(__package__, "standing_jobs.sql").standing


def standing_jobs(connection: Connection) -> dict[str, float]:
    """For how many seconds the job that stands still longest has not got on, by kind. Without kinds that have no unfinished job."""
    return {row["kind"]: row["seconds"] for row in rows(connection, _STANDING)}
