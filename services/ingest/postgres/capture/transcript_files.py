"""The SQL of captured transcripts on the writing side: how far a file is stored, and whose it is."""

from msgspec import Struct

from services.ingest.postgres.database import Database
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "transcript_files.sql")


class StoredFile(Struct, frozen=True):
    """The newest generation of a machine's file and how many of its bytes are stored; 0 and 0 for a new file. None: no user is known."""

    generation: int
    stored_offset: int
    session_user: str | None
    machine_user: str | None


async def stored_file(database: Database, session_id: str, machine_id: str, file_name: str) -> StoredFile:
    """Answers within a second or raises Unavailable DATABASE_UNAVAILABLE."""
    [row] = await database.rows(_SQL.stored, {"session_id": session_id, "file_name": file_name, "machine_id": machine_id})
    return StoredFile(**row)
