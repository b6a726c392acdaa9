"""Scrubs: how far the rules of redaction have been applied to what is stored."""

from uuid import UUID

from services.query.database import Connection, Row, rows

_SCRUB = """
    SELECT id AS scrub_id, status, is_dry_run AS dry_run, rows_scanned, rows_changed, redactions, remains, created_at, started_at, finished_at
    FROM scrubs WHERE id = %(id)s"""


def scrub(connection: Connection, scrub_id: UUID) -> Row | None:
    """One scrub."""
    return next(iter(rows(connection, _SCRUB, {"id": scrub_id})), None)
