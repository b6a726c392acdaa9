"""Scrubs: how far the rules of redaction have been applied to what is stored."""

from functools import partial
from uuid import UUID

from services.query.database import Connection, Row, rows
from shared.sql_files import statement

_sql = partial(statement, __package__, "scrubs.sql")

_SCRUB = _sql("scrub")


def scrub(connection: Connection, scrub_id: UUID) -> Row | None:
    """One scrub."""
    return next(iter(rows(connection, _SCRUB, {"id": scrub_id})), None)
