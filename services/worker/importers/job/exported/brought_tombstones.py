"""Tombstones that an export brings: what was erased or dropped in the other tracker stays out here too.

A session's tombstone is a hash under the other tracker's salt, which comes with it: from then on each name is looked for under both. A range of a session
is told by name. A session that is stored here already stays: only an erasure of this tracker deletes rows.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from psycopg import Connection
from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb

from services.worker import lock_order
from services.worker.importers.formats.export_manifest import check_times
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "brought_tombstones.sql")

_FORGET: Final = (_SQL.forget, _SQL.leave_to_others, _SQL.forget_salts)

# More moves between trackers are unlikely; each further salt slows down every write.
_MOST_SALTS: Final = 64

_Time = Annotated[datetime, Meta(tz=True)]
_Name = Annotated[str, Meta(min_length=1, max_length=4096)]
_Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]


class _Tombstone(Struct, tag_field="kind"):
    created_at: _Time
    job_id: UUID | None = None

    def __post_init__(self) -> None:
        """ValueError."""
        check_times(self)


class BroughtSession(_Tombstone, tag="session", kw_only=True):
    key: _Hash
    salt: _Hash
    reason: Literal["erased", "expired"]
    project_path: _Name | None = None
    user: _Name | None = None


class BroughtRange(_Tombstone, tag="range", kw_only=True):
    session_id: Annotated[str, Meta(min_length=1, max_length=200)]
    from_at: _Time
    to_at: _Time


# A line of rows/tombstones.ndjson.
BroughtTombstone = BroughtSession | BroughtRange


def bring_tombstones(connection: Connection[Any], rows: Sequence[BroughtTombstone], job_number: int) -> int:
    """Keeps out what is named, in the caller's transaction. Gives how many were left out, since their sessions are here."""
    sessions = [msgspec.to_builtins(row) for row in rows if isinstance(row, BroughtSession)]
    ranges = [msgspec.to_builtins(row) for row in rows if isinstance(row, BroughtRange)]
    # Before anybody has to wait: it hashes the id of each session that is here. One that begins meanwhile is closed as if it had begun later.
    here = _sessions_here(connection, sessions, ranges, job_number)
    lock_order.lock_writing_exclusive(connection)
    new_sessions = [value for value in sessions if value["key"] not in here]
    new_ranges = [value for value in ranges if value["session_id"] not in here]
    connection.execute(_SQL.insert_salts, {"rows": Jsonb(new_sessions), "most_salts": _MOST_SALTS})
    connection.execute(_SQL.insert_sessions, {"rows": Jsonb(new_sessions), "job_number": job_number})
    connection.execute(_SQL.insert_ranges, {"rows": Jsonb(new_ranges), "job_number": job_number})
    return len(rows) - len(new_sessions) - len(new_ranges)


def forget_tombstones(connection: Connection[Any], job_number: int) -> None:
    """The undo: what only this import kept out may come."""
    for command in _FORGET:
        connection.execute(command, {"job_number": job_number})


def _sessions_here(
    connection: Connection[Any], sessions: Sequence[dict[str, Any]], ranges: Sequence[dict[str, Any]], job_number: int
) -> set[str]:
    """Sessions that this tracker has: by the keys of their tombstones, and by their ids."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        here = set(cursor.execute(_SQL.sessions_here, {"rows": Jsonb(sessions)}).fetchall() if sessions else ())
        session_ids = [value["session_id"] for value in ranges]
        return here | set(
            cursor.execute(_SQL.ranges_here, {"session_ids": session_ids, "job_number": job_number}).fetchall() if ranges else ()
        )
