"""Tombstones that an export brings: what was erased or dropped in the other tracker stays out here too.

A session's tombstone is a hash under the other tracker's salt, which comes with it: from then on each name is looked for under both. A range of a session
is told by name. Whoever has such a session here keeps it: only an erasure of this tracker closes what it has.
"""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct
from psycopg import Connection
from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb

from services.worker import lock_order
from shared.sql_files import statement

_sql = partial(statement, __package__, "brought_tombstones.sql")

_INSERT_SALTS: Final = _sql("insert_salts")
_SESSIONS_HERE: Final = _sql("sessions_here")
_INSERT_SESSIONS: Final = _sql("insert_sessions")
_RANGES_HERE: Final = _sql("ranges_here")
_INSERT_RANGES: Final = _sql("insert_ranges")
_FORGET: Final = (_sql("forget"), _sql("leave_to_others"), _sql("forget_salts"))

# Nobody moves house more often; more would slow down all who write.
_MOST_SALTS: Final = 64

_Time = Annotated[str, Meta(max_length=40, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)$")]
_Name = Annotated[str, Meta(min_length=1, max_length=4096)]
_Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]


class BroughtTombstone(Struct):
    """A line of rows/tombstones.ndjson. Of a session it has `key` and `salt`, of a range `session_id`, `from_at` and `to_at`."""

    kind: Literal["session", "range"]
    reason: Literal["erased", "expired"]
    created_at: _Time
    key: _Hash | None = None
    salt: _Hash | None = None
    session_id: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    from_at: _Time | None = None
    to_at: _Time | None = None
    project_path: _Name | None = None
    user: _Name | None = None
    job_id: UUID | None = None

    def __post_init__(self) -> None:
        needed = (self.key, self.salt) if self.kind == "session" else (self.session_id, self.from_at, self.to_at)
        if None in needed:
            raise ValueError(f"a {self.kind} without its names")


def bring_tombstones(connection: Connection[Any], rows: Sequence[BroughtTombstone], job_number: int) -> int:
    """Keeps out what is named, in the caller's transaction. Gives how many were left out, since their sessions are here."""
    values = [msgspec.to_builtins(row) for row in rows]
    sessions = [value for value in values if value["kind"] == "session"]
    ranges = [value for value in values if value["kind"] == "range"]
    # Before anybody has to wait: it hashes the id of each session that is here. One that begins meanwhile is closed as if it had begun later.
    here = _sessions_here(connection, sessions, ranges, job_number)
    lock_order.lock_writing_exclusive(connection)
    new_sessions = [value for value in sessions if value["key"] not in here]
    new_ranges = [value for value in ranges if value["session_id"] not in here]
    connection.execute(_INSERT_SALTS, {"rows": Jsonb(new_sessions), "most_salts": _MOST_SALTS})
    connection.execute(_INSERT_SESSIONS, {"rows": Jsonb(new_sessions), "job_number": job_number})
    connection.execute(_INSERT_RANGES, {"rows": Jsonb(new_ranges), "job_number": job_number})
    return len(values) - len(new_sessions) - len(new_ranges)


def forget_tombstones(connection: Connection[Any], job_number: int) -> None:
    """The undo: what only this import kept out may come."""
    for command in _FORGET:
        connection.execute(command, {"job_number": job_number})


def _sessions_here(
    connection: Connection[Any], sessions: Sequence[dict[str, Any]], ranges: Sequence[dict[str, Any]], job_number: int
) -> set[str]:
    """Sessions that this tracker has: by the keys of their tombstones, and by their ids."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        here = set(cursor.execute(_SESSIONS_HERE, {"rows": Jsonb(sessions)}).fetchall() if sessions else ())
        session_ids = [value["session_id"] for value in ranges]
        return here | set(cursor.execute(_RANGES_HERE, {"session_ids": session_ids, "job_number": job_number}).fetchall() if ranges else ())
