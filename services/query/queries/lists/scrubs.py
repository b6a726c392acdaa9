"""Scrubs: how far the rules of redaction have been applied to what is stored."""

from functools import partial
from uuid import UUID

from services.query.answers.operations import Scrub
from services.query.database import Connection, fetch_first
from shared.sql_files import statement

_sql = partial(statement, __package__, "scrubs.sql")

_SCRUB = _sql("scrub")


def scrub(connection: Connection, scrub_id: UUID) -> Scrub | None:
    """One scrub."""
    return fetch_first(connection, Scrub, _SCRUB, {"id": scrub_id})
