"""Transcripts: which files of a session are stored, and which version of each is the newest."""

from functools import partial

from services.query.database import Connection, Row, rows
from shared.sql_files import statement

_sql = partial(statement, __package__, "transcripts.sql")

_FILES = _sql("files")


def transcript_files(connection: Connection, session_id: str) -> list[Row]:
    """All stored versions of a session's files: its own transcript first, then those of its subagents by name, the newest version first.

    `bytes` is the length of the redacted content.
    """
    return rows(connection, _FILES, {"session_id": session_id})


def version_of(files: list[Row], file: str, machine: str | None, generation: int | None) -> Row | None:
    """The newest version of a file, or the one that is asked for."""
    wanted = [
        row
        for row in files
        if row["file"] == file
        and (machine is None or row["machine"] == machine)
        and (row["generation"] == generation if generation is not None else row["is_newest"] or machine is not None)
    ]
    # Those that imports brought have no order: the longest.
    return max(
        wanted, key=lambda row: (row["is_newest"], row["generation"] if row["machine"] else row["bytes"], row["changed_at"]), default=None
    )
