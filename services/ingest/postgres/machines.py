"""The SQL of machines on the writing side: what a shipper reports, and machines that are forgotten."""

from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from services.ingest.postgres.audit import AuditRecord, run_audited
from services.ingest.postgres.database import Database

# A key that is bound to a user does not take over another user's machine. A renamed user's machines have any of the user's names.
_REPORT: Final = """
    INSERT INTO machines AS m (machine_id, name, user_name, report)
    VALUES (%(machine_id)s, %(name)s, %(user)s, %(report)s)
    ON CONFLICT (machine_id) DO UPDATE
    SET name = excluded.name, user_name = coalesce(excluded.user_name, m.user_name), report = excluded.report, last_heard_at = clock_timestamp()
    WHERE NOT %(is_bound)s OR m.user_name IS NULL OR m.user_name = excluded.user_name OR m.user_name IN (
        SELECT other.name FROM users AS u JOIN users AS other ON coalesce(other.alias_of, other.id) = coalesce(u.alias_of, u.id)
        WHERE u.name = excluded.user_name)
    RETURNING clock_timestamp() AS now"""
_FORGET: Final = "DELETE FROM machines WHERE machine_id = %(machine_id)s RETURNING name, true AS done"


async def store_report(
    database: Database, machine_id: str, *, name: str, user: str | None, is_bound: bool, report: dict[str, Any]
) -> datetime | None:
    """The database's time. None if `is_bound` and the machine is another user's."""
    found = await database.rows(
        _REPORT, {"machine_id": machine_id, "name": name, "user": user, "is_bound": is_bound, "report": Jsonb(report)}
    )
    now: datetime | None = found[0]["now"] if found else None
    return now


async def forget(database: Database, machine_id: str, record: AuditRecord) -> str | None:
    """The name of the machine that was forgotten; None if there is none. Its sessions and transcripts stay."""
    row = await run_audited(database, _FORGET, {"machine_id": machine_id}, record)
    return None if row is None else str(row["name"])
