"""Which archived files cannot be read, as it was when somebody last tried. Health and `verify --archive` name them."""

from typing import Any, Final

import structlog
from psycopg import Connection

from shared.archive.stored_pieces import ContentUnreadable
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "damage.sql")

log = structlog.get_logger()

_FORGET: Final = "DELETE FROM damaged_segments WHERE file_id = %(file_id)s"


def note_damage(connection: Connection[Any], file_id: int, error: ContentUnreadable) -> None:
    """Notes that a piece of a file cannot be read, in the caller's transaction."""
    log.error("archive_content_unreadable", file_id=file_id, reason=str(error))
    connection.execute(_SQL.note, {"file_id": file_id, "sha256": error.sha256 or b"", "reason": error.reason})


def forget_damage(connection: Connection[Any], file_id: int) -> None:
    """When all of a file could be read."""
    connection.execute(_FORGET, {"file_id": file_id})
