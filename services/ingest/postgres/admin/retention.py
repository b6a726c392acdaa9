"""The SQL of retention's rules. Answers within a second or raises Unavailable DATABASE_UNAVAILABLE."""

from typing import Final
from uuid import UUID

from msgspec import Struct, structs

from services.ingest.postgres.audit import AuditRecord, change_audited, run_audited
from services.ingest.postgres.database import Database
from shared.retention import What
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "retention.sql")

_UNSET: Final = "DELETE FROM retention_rules WHERE id = %(id)s RETURNING what, true AS done"


class Rule(Struct, frozen=True):
    """A rule as it is to be stored."""

    what: What
    project_id: int | None
    user: str | None
    days: int | None
    key_id: str | None


class Allowed(Struct, frozen=True):
    """Whether the session was kept out, and whether its texts were."""

    session: bool
    texts: bool


async def set_rule(database: Database, rule: Rule, record: AuditRecord) -> str:
    """The rule's id; or "no project", "no user"."""
    row = await change_audited(database, _SQL.set_rule, structs.asdict(rule), record)
    return str(row["outcome"])


async def unset_rule(database: Database, rule_id: UUID, record: AuditRecord) -> What | None:
    """The kind of data that the rule was for; None if no rule has this id."""
    row = await run_audited(database, _UNSET, {"id": rule_id}, record)
    return None if row is None else row["what"]


async def allow(database: Database, session_id: str, record: AuditRecord) -> Allowed:
    """Takes away what keeps a session or its texts out, unless the session was erased."""
    row = await change_audited(database, _SQL.allow, {"session_id": session_id}, record)
    return Allowed(row["session"], row["texts"])
