"""The SQL that finds out what the worker has read of live capture: hooks and ranges of transcripts that have become rows.

Every function answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
"""

from collections.abc import Collection
from uuid import UUID

from msgspec import Struct

from services.ingest.postgres.database import Database
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "captured.sql")

# A reading deletes the payload and stores its rows in one transaction.
_UNREAD_HOOKS = "SELECT id FROM hook_payloads WHERE id = ANY(%(ids)s)"


class RangeEnd(Struct, frozen=True):
    """Where a range ends, in a file of a machine."""

    session_id: str
    machine_id: str
    file_name: str
    generation: int
    end: int


async def read_hooks(database: Database, ids: Collection[UUID]) -> list[UUID]:
    """The ids of those stored hooks that have become rows, in the order given."""
    unread = {row["id"] for row in await database.rows(_UNREAD_HOOKS, {"ids": list(ids)})}
    return [hook_id for hook_id in ids if hook_id not in unread]


async def read_ranges(database: Database, ends: Collection[RangeEnd]) -> list[RangeEnd]:
    """The ranges of which everything has become rows."""
    asked = list(ends)
    names = {
        "session_ids": "session_id",
        "machine_ids": "machine_id",
        "file_names": "file_name",
        "generations": "generation",
        "ends": "end",
    }
    columns = {name: [getattr(each, field) for each in asked] for name, field in names.items()}
    return [asked[row["number"] - 1] for row in await database.rows(_SQL.read_ranges, columns)]


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
