"""The SQL of erasures and tombstones on the writing side: what a name stands for, erasures that are added, tombstones that are lifted or asked for.

Every function answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, structs
from msgspec.structs import replace

from services.ingest.postgres.admin.jobs import Wanted, add_in
from services.ingest.postgres.audit import AuditRecord, add_record
from services.ingest.postgres.database import Connection, Database
from shared.jobs import ERASURE
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "erasures.sql")

_FIND: Final = {kind: _SQL[f"find_{kind}"] for kind in ("session", "user", "project")}
_ARE_THERE_ANY: Final = "SELECT EXISTS (SELECT FROM tombstones) AS are_there_any"


class Target(Struct, frozen=True):
    """The target of an erasure. `confirmed_by`: texts of which a person types one to confirm it."""

    kind: str
    names: list[str]
    confirmed_by: list[str]
    user_ids: list[int] = []
    project_ids: list[int] = []
    from_at: datetime | None = None
    to_at: datetime | None = None


async def find(
    database: Database, *, kind: str, name: str, from_at: datetime | None, to_at: datetime | None, is_dry_run: bool
) -> Target | None:
    """None if nothing of it is stored, and no erasure of it runs. A user by any of its names, with all of them."""
    times = {"from_at": from_at, "to_at": to_at}
    if unfinished := await database.rows(_SQL.unfinished, {"kind": kind, "name": name, "is_dry_run": is_dry_run} | times):
        row = unfinished[0]
        return Target(kind, row["names"], [*row["names"], name], row["user_ids"], row["project_ids"], from_at, to_at)
    found = await database.rows(_FIND["session" if kind == "range" else kind], {"name": name})
    if not found or not found[0]["names"]:
        return None
    return Target(kind, **found[0], from_at=from_at, to_at=to_at)


async def add(database: Database, erasure_id: UUID, target: Target, *, is_dry_run: bool, record: AuditRecord) -> UUID:
    """Adds a queued erasure. One that goes on and erases the same is the answer instead, and one that failed is begun again. Gives its id."""
    wanted = Wanted(
        is_dry_run=is_dry_run,
        names=target.names,
        user_ids=target.user_ids,
        project_ids=target.project_ids,
        from_at=target.from_at,
        to_at=target.to_at,
        options={"of": target.kind},
        at_stage="tombstones",
    )

    async def work(connection: Connection) -> UUID:
        async with connection.transaction():
            await connection.execute(_SQL.lock)
            same = await (await connection.execute(_SQL.same, structs.asdict(wanted) | {"kind": target.kind})).fetchone()
            if same is None:
                await add_in(connection, ERASURE, erasure_id, wanted, record)
                return erasure_id
            same_id = UUID(str(same["id"]))
            if same["has_failed"] and (await connection.execute(_SQL.begin_again, {"id": same_id})).rowcount:
                await add_record(connection, replace(record, subject=str(same_id)))
            return same_id

    return await database.run(work)


async def lift(database: Database, *, kind: str, name: str, from_at: datetime | None, to_at: datetime | None, record: AuditRecord) -> int:
    """How many tombstones are gone: with that of a user or a project, those of its sessions that the same erasure wrote."""

    async def work(connection: Connection) -> int:
        async with connection.transaction():
            cursor = await connection.execute(_SQL.lift, {"kind": kind, "name": name, "from_at": from_at, "to_at": to_at})
            [row] = await cursor.fetchall()
            if row["lifted"]:
                await add_record(connection, record)
            return int(row["lifted"])

    return await database.run(work)


async def are_there_any_tombstones(database: Database) -> bool:
    """False where nothing was erased and everything is kept."""
    [row] = await database.rows(_ARE_THERE_ANY, {})
    return bool(row["are_there_any"])


async def reasons(database: Database, named: Sequence[tuple[Any, str]]) -> dict[tuple[Any, str], str]:
    """{(kind, name): `erased` or `expired`} of those that have a tombstone."""
    kinds, names = zip(*named, strict=True)
    rows = await database.rows(_SQL.reasons, {"kinds": list(kinds), "names": list(names)})
    return {(row["kind"], row["name"]): row["reason"] for row in rows}
