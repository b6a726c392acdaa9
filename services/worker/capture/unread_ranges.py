"""What is stored of a captured file, in the order of the file: pieces of whole lines."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import zstandard
from psycopg import Connection

# Of 1 MiB at most each.
RANGES_AT_ONCE = 4

_RANGES = """
    SELECT start_offset, end_offset, content, raw_bytes, received_at, coalesce(request_id, '')
    FROM transcript_ranges WHERE file_id = %(file_id)s AND start_offset >= %(start)s ORDER BY start_offset LIMIT %(limit)s"""


class Piece(NamedTuple):
    """Lines of a file, redacted. Offsets are in bytes of the file on its machine, so `content` may have another length."""

    start_offset: int
    end_offset: int
    content: bytes
    received_at: datetime
    request_id: str


def pieces_from(connection: Connection[Any], file_id: int, start: int) -> Iterator[Piece]:
    """The pieces that begin at `start` or behind it. The first may begin later, if what was there is not kept any more."""
    while True:
        ranges = connection.execute(_RANGES, {"file_id": file_id, "start": start, "limit": RANGES_AT_ONCE}).fetchall()
        for start_offset, end_offset, content, raw_bytes, received_at, request_id in ranges:
            raw = zstandard.ZstdDecompressor().decompress(content, max_output_size=raw_bytes)
            yield Piece(start_offset, end_offset, raw, received_at, request_id)
            start = end_offset
        if len(ranges) < RANGES_AT_ONCE:
            return
