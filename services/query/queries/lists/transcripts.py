"""Transcripts: which files of a session are stored, and which version of each is the newest."""

from datetime import datetime

from msgspec import Struct

from services.query.database import Connection, fetch
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "transcripts.sql")


class StoredFile(Struct, frozen=True):
    """A version of a file. `content_hash` and `end_offset` change with its content."""

    id: int
    file: str
    machine: str
    generation: int
    user: str | None
    bytes: int
    changed_at: datetime
    content_hash: str | None
    end_offset: int
    is_newest: bool


def transcript_files(connection: Connection, session_id: str) -> list[StoredFile]:
    """All stored versions of a session's files: its own transcript first, then those of its subagents by name, the newest version first.

    `bytes` is the length of the redacted content.
    """
    return fetch(connection, StoredFile, _SQL.files, {"session_id": session_id})


def version_of(files: list[StoredFile], file: str, machine: str | None, generation: int | None) -> StoredFile | None:
    """The newest version of a file, or the one that is asked for."""
    wanted = [
        each
        for each in files
        if each.file == file
        and (machine is None or each.machine == machine)
        and (each.generation == generation if generation is not None else each.is_newest or machine is not None)
    ]
    # Those that imports brought have no order: the longest.
    return max(wanted, key=lambda each: (each.is_newest, each.generation if each.machine else each.bytes, each.changed_at), default=None)
