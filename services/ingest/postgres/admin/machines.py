"""The SQL of machines on the writing side: what a shipper reports, and machines that are forgotten."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from services.ingest.postgres.audit import AuditRecord, run_audited
from services.ingest.postgres.database import Database
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "machines.sql")

_FORGET: Final = "DELETE FROM machines WHERE machine_id = %(machine_id)s RETURNING name, true AS done"


async def store_report(
    database: Database, machine_id: str, *, name: str, user: str | None, is_bound: bool, report: dict[str, Any]
) -> datetime | None:
    """The database's time. None if `is_bound` and the machine is another user's."""
    found = await database.rows(
        _SQL.report, {"machine_id": machine_id, "name": name, "user": user, "is_bound": is_bound, "report": Jsonb(report)}
    )
    now: datetime | None = found[0]["now"] if found else None
    return now


async def forget(database: Database, machine_id: str, record: AuditRecord) -> str | None:
    """The name of the machine that was forgotten; None if no machine has the id. Its sessions and transcripts stay."""
    row = await run_audited(database, _FORGET, {"machine_id": machine_id}, record)
    return None if row is None else str(row["name"])


async def store_places(
    database: Database, machine_id: str, places: Sequence[Mapping[str, Any]], *, user: str | None, most: int
) -> int | None:
    """How many of the folders are new or changed. None if `user` is given, and the machine is another user's."""
    if user is not None:
        [row] = await database.rows(_SQL.may_tell, {"machine_id": machine_id, "user": user})
        if not row["may_tell"]:
            return None
    if not places:
        return 0
    columns = {"paths": "path", "common_dirs": "common_dir", "remotes": "remote", "insides": "inside", "are_main": "is_main"}
    lists: dict[str, Any] = {name: [place[column] for place in places] for name, column in columns.items()}
    return len(await database.rows(_SQL.store_places, lists | {"machine_id": machine_id, "most": most}))
