"""The audit log: who did what with an admin's power, in the transaction in which it was done."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from msgspec import Struct
from psycopg.types.json import Jsonb

from services.ingest.postgres.registry import Connection, Registry
from shared.auth.authentication import who_in
from shared.http.middleware import request_id_of

_ADD = """
    INSERT INTO audit_log (who, act, subject, details, request_id)
    VALUES (%(who)s, %(act)s, %(subject)s, %(details)s, %(request_id)s)"""


class Act(Struct, frozen=True):
    """What was done, to what, by whom: a key's id, `open` where none was needed, `machine` for a command beside the database."""

    who: str
    act: str
    subject: str
    request_id: str
    details: dict[str, Any] = {}


async def audit(connection: Connection, act: Act) -> None:
    """Notes an act. Call it in the transaction of the act itself, so that there is never one without the other."""
    fields = {"who": act.who, "act": act.act, "subject": act.subject, "details": Jsonb(act.details), "request_id": act.request_id}
    await connection.execute(_ADD, fields)


async def audited(registry: Registry, statement: str, params: Mapping[str, Any], act: Act, *, done: str = "done") -> dict[str, Any] | None:
    """The one row of a statement, None if it gives none; if its column `done` is true, the act is noted in the same transaction."""

    async def work(connection: Connection) -> dict[str, Any] | None:
        async with connection.transaction():
            row = await (await connection.execute(statement.encode(), params)).fetchone()
            if row is not None and row[done]:
                await audit(connection, act)
        return row

    return await registry.run(work)


def act_of(request: Request, act: str, subject: object, **details: Any) -> Act:
    """An act that a request asks for. `act` is a word and a verb: `key.create`, `import.undo`."""
    return Act(who_in(request.scope), act, str(subject), request_id_of(request), details)
