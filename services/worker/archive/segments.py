"""Cuts the redacted content of a file into segments, and packs them.

A segment ends at the first line's end at or after SEGMENT_BYTES, counted from where it begins. So the same content gives the same segments,
however it arrived, and a file that grew shares all segments but its last with the file that it was.
"""

import threading
from hashlib import sha256
from typing import Any, Final, NamedTuple

import psycopg
import structlog
import zstandard
from psycopg import Connection

from shared.archive.stored_pieces import ContentUnreadable
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "segments.sql")

SEGMENT_BYTES: Final = 1024**2
# Level 3 takes 3 ms for a megabyte of transcripts and leaves a sixth of it; level 9 takes 15 ms for a tenth less.
_LEVEL: Final = 3
# A compressor keeps its megabytes of memory, and is for one thread.
_of_thread: Final = threading.local()


class Segment(NamedTuple):
    """A segment that is in the store. `end_offset` counts in bytes of the file on its machine, the sizes in bytes of redacted content and of its frame."""

    end_offset: int
    sha256: bytes
    raw_bytes: int
    stored_bytes: int


def cut_place(content: bytes | bytearray, start: int = 0) -> int | None:
    """Where the segment that begins at `start` ends; None if that is not in the content yet."""
    end = content.find(b"\n", start + SEGMENT_BYTES - 1)
    return None if end < 0 else end + 1


def packed(content: bytes | bytearray) -> tuple[bytes, bytes]:
    """The hash of a segment's content, and its frame. Other threads run meanwhile."""
    return sha256(content).digest(), frame_of(content)


def frame_of(content: bytes | bytearray) -> bytes:
    """One zstd frame that says its length."""
    compressor: zstandard.ZstdCompressor | None = getattr(_of_thread, "compressor", None)
    if compressor is None:
        compressor = _of_thread.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=True, write_checksum=True)
    return compressor.compress(content)


def add_segments(connection: psycopg.Connection[Any], segments: list[tuple[int, int, Segment]]) -> None:
    """Writes segments, each with its file's id and its number in the file."""
    if segments:
        names = ("file_ids", "numbers", "end_offsets", "sha256s", "raw_bytes", "stored_bytes")
        columns = zip(*((file_id, number, *segment) for file_id, number, segment in segments), strict=True)
        connection.execute(_SQL.add_segments, dict(zip(names, map(list, columns), strict=True)))


log = structlog.get_logger()

_FORGET: Final = "DELETE FROM damaged_segments WHERE file_id = %(file_id)s"


def note_damage(connection: Connection[Any], file_id: int, error: ContentUnreadable) -> None:
    """Notes that a piece of a file cannot be read, in the caller's transaction."""
    log.error("archive_content_unreadable", file_id=file_id, reason=str(error))
    connection.execute(_SQL.note, {"file_id": file_id, "sha256": error.sha256 or b"", "reason": error.reason})


def forget_damage(connection: Connection[Any], file_id: int) -> None:
    """When all of a file could be read."""
    connection.execute(_FORGET, {"file_id": file_id})
