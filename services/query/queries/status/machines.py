"""Machines that went silent while they still have something to send, or shortly after they were in use. Those of CI jobs may be silent."""

from services.query.database import Connection, one_row

# A laptop that nobody has used for two weeks is not missed, unless its last report said that something is still to be sent.
_SILENT = """
    SELECT count(*) AS number FROM machines
    WHERE last_heard_at < now() - make_interval(hours => %(silent_hours)s)
        AND (last_heard_at > now() - interval '14 days'
            OR coalesce((report ->> 'spool_files')::bigint, 0) + coalesce((report ->> 'files_unsent')::bigint, 0) > 0)
        AND NOT coalesce((report ->> 'is_for_jobs')::boolean, false)
"""


def silent_machines(connection: Connection, silent_hours: int) -> int:
    """How many there are now."""
    return int(one_row(connection, _SILENT, {"silent_hours": silent_hours})["number"])
