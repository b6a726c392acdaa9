"""Exports of everything: the newest, one of them, and where the archive of one lies."""

from uuid import UUID

from services.query.answers.exports import Export, Exports
from services.query.database import Connection, Row, fetch, first_row
from services.query.queries.lists.import_jobs import progress_of
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "exports.sql")

_BLOB = "SELECT blob_url FROM exports WHERE id = %(id)s AND expires_at > now()"


def exports(connection: Connection, of_user: str | None) -> Exports:
    """The newest, of one user's key or of all."""
    return Exports(list(fetch(connection, Export, _SQL.exports, {"id": None, "of_user": of_user}, _prepare)))


def export(connection: Connection, export_id: UUID, of_user: str | None) -> Export | None:
    """One; None also if it is another user's."""
    return next(iter(fetch(connection, Export, _SQL.exports, {"id": export_id, "of_user": of_user}, _prepare)), None)


def blob_of(connection: Connection, export_id: UUID) -> str | None:
    """The URL of an archive that is written and not expired."""
    row = first_row(connection, _BLOB, {"id": export_id})
    return None if row is None else row["blob_url"]


def _prepare(row: Row) -> None:
    row["progress"] = progress_of("succeeded" if row["status"] == "expired" else row["status"], row["bytes_done"], row.pop("bytes_total"))
