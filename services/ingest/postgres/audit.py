"""The audit log: what an admin did, recorded in the transaction in which it was done."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from msgspec import Struct
from psycopg.types.json import Jsonb

from services.ingest.postgres.database import Connection, Database
from shared.auth.authentication import actor_of
from shared.http.middleware import request_id_of
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "audit.sql")


class AuditRecord(Struct, frozen=True):
    """The action, its object and its actor: a key's id, `open` if no key was needed, `machine` for a command beside the database."""

    who: str
    act: str
    subject: str
    request_id: str
    details: dict[str, Any] = {}


def audit_record(request: Request, act: str, subject: object, **details: Any) -> AuditRecord:
    """The record of what a request does. `act` is a noun and a verb: `key.create`, `import.undo`."""
    return AuditRecord(actor_of(request.scope), act, str(subject), request_id_of(request), details)


async def run_audited(
    database: Database, statement: str, params: Mapping[str, Any], record: AuditRecord, *, done: str = "done"
) -> dict[str, Any] | None:
    """Runs a statement that gives one row or none. If the row's column `done` is true, adds the record in the same transaction."""

    async def work(connection: Connection) -> dict[str, Any] | None:
        async with connection.transaction():
            row = await (await connection.execute(statement.encode(), params)).fetchone()
            if row is not None and row[done]:
                await add_record(connection, record)
        return row

    return await database.run(work)


async def change_audited(
    database: Database, statement: str, params: Mapping[str, Any], record: AuditRecord, *, done: str = "done"
) -> dict[str, Any]:
    """The same for a statement that always gives a row."""
    row = await run_audited(database, statement, params, record, done=done)
    assert row is not None
    return row


async def add_record(connection: Connection, record: AuditRecord) -> None:
    """Adds a record, in the caller's transaction."""
    details = Jsonb(record.details)
    fields = {"who": record.who, "act": record.act, "subject": record.subject, "details": details, "request_id": record.request_id}
    await connection.execute(_SQL.add, fields)
