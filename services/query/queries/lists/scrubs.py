"""Scrubs: how far the rules of redaction have been applied to what is stored."""

from uuid import UUID

from services.query.answers.operations import Scrub
from services.query.database import Connection, fetch_first
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "scrubs.sql")


def scrub(connection: Connection, scrub_id: UUID) -> Scrub | None:
    """One scrub."""
    return fetch_first(connection, Scrub, _SQL.scrub, {"id": scrub_id})
