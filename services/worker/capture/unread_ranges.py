"""The stored ranges of a captured file that are not read yet. What was read before may be in segments by now (shared/archive/stored_pieces.py)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from shared.archive.stored_pieces import decompressed
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "unread_ranges.sql")

# Most have a mebibyte at most.
RANGES_AT_ONCE = 4


class UnreadRange(NamedTuple):
    """Whole lines of a file, redacted. Offsets are in bytes of the file on its machine, so `content` may have another length."""

    start_offset: int
    end_offset: int
    content: bytes
    received_at: datetime
    request_id: str


def unread_ranges(connection: Connection[Any], file_id: int, start: int) -> Iterator[UnreadRange]:
    """The ranges that begin at `start` or behind it, in order. The first may begin later: behind a gap, or if its beginning is not kept any more."""
    while True:
        rows = connection.execute(_SQL.ranges, {"file_id": file_id, "start": start, "limit": RANGES_AT_ONCE}).fetchall()
        for start_offset, end_offset, frame, received_at, request_id in rows:
            yield UnreadRange(start_offset, end_offset, decompressed(frame), received_at, request_id)
            start = end_offset
        if len(rows) < RANGES_AT_ONCE:
            return
