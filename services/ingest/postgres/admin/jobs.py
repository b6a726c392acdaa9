"""The SQL of jobs that go in stages: adds one of any kind. Answers within a second or raises Unavailable DATABASE_UNAVAILABLE."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from msgspec import Struct, structs
from psycopg.types.json import Jsonb

from services.ingest.postgres.audit import AuditRecord, add_record, change_audited
from services.ingest.postgres.database import Connection, Database
from shared.jobs import JobKind
from shared.redaction.sealed_texts import Halves
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "jobs.sql")


class Wanted(Struct, frozen=True, kw_only=True):
    """The order: the names, ids and times that the job is of, and its options."""

    is_dry_run: bool = False
    names: Sequence[str] | None = None
    user_ids: Sequence[int] | None = None
    project_ids: Sequence[int] | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    options: Mapping[str, Any] = {}
    # The first stage, which is shown until a worker has it.
    at_stage: str | None = None


async def add(
    database: Database, kind: JobKind, job_id: UUID, wanted: Wanted, record: AuditRecord, halves: Halves | None = None
) -> Literal["added", "there", "busy"]:
    """Adds a queued job. `there`: it was added before. `busy`: another one of an exclusive kind is under way. `halves`: of texts that a scrub is given."""

    async def work(connection: Connection) -> Literal["added", "there", "busy"]:
        async with connection.transaction():
            outcome = await add_in(connection, kind, job_id, wanted, record)
            if outcome == "added" and halves is not None:
                await connection.execute(_SQL.add_texts, {"id": job_id, "half": halves.in_postgres, "redis_key": halves.redis_key})
        return outcome

    return await database.run(work)


async def add_in(
    connection: Connection, kind: JobKind, job_id: UUID, wanted: Wanted, record: AuditRecord
) -> Literal["added", "there", "busy"]:
    """The same, in the caller's transaction."""
    asked = structs.asdict(wanted) | {"options": Jsonb(dict(wanted.options)), "request_id": record.request_id}
    parameters = {"id": job_id, "kind": kind.name, "is_exclusive": kind.is_exclusive} | asked
    row = await (await connection.execute(_SQL.add, parameters)).fetchone()
    assert row is not None
    if row["done"]:
        await add_record(connection, record)
    outcome: Literal["added", "there", "busy"] = row["outcome"]
    return outcome


async def let_in(database: Database, scrub_id: UUID, record: AuditRecord) -> dict[str, Any]:
    """{status, done}: not done if the scrub keeps nothing out, has not ended, or does not exist (status None)."""
    return await change_audited(database, _SQL.let_in, {"id": scrub_id}, record)
