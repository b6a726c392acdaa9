"""Ranges of live transcripts become segments of the archive: those of a file that has many, or that is quiet.

Only ranges that were read into rows (`parsed_offset`). The last segment of a file may be short; then it is cut again together with what follows,
so that the segments are those of the whole content. A transaction moves some megabytes of one file.

If the store has lost a short last segment, the ranges go behind it. Otherwise one lost content would hold up the archive of all files.
"""

import time
from typing import Any, Final, NamedTuple

import structlog
from psycopg import Connection

from services.worker.archive.archive_locks import lock_file, lock_referring
from services.worker.archive.retention import collect_garbage, delete_expired
from services.worker.archive.segments import SEGMENT_BYTES, Segment, add_segments, cut_place, note_damage, packed
from services.worker.resources import Resources
from services.worker.sweep.sweep_statements import ARCHIVE_COLLECTED_KEY, COLLECT_SECONDS, COMPACTABLE_FILES
from shared.archive.stored_pieces import ContentUnreadable, decompressed, read_segment
from shared.blobs.contents import ContentStore
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "compaction.sql")

log = structlog.get_logger()

# A task runs for less than its time limit, then sends the next one.
RUN_SECONDS: Final = 15.0
# Content that one transaction moves, and holds in memory.
MOVE_BYTES: Final = 8 * 1024**2

_DELETE_SEGMENT = "DELETE FROM transcript_segments WHERE file_id = %(file_id)s AND number = %(number)s"
_DELETE_RANGES = "DELETE FROM transcript_ranges WHERE file_id = %(file_id)s AND end_offset <= %(end)s"


class _Part(NamedTuple):
    """Content whose offsets are known at both ends."""

    start_offset: int
    end_offset: int
    content: bytes


def compact(worker: Resources, run_seconds: float = RUN_SECONDS) -> bool:
    """Moves what is due, for a while. True if there is more."""
    deadline = time.monotonic() + run_seconds
    with worker.transaction() as connection:
        file_ids = [row[0] for row in connection.execute(COMPACTABLE_FILES).fetchall()]
    for file_id in file_ids:
        while compact_some(worker, file_id):
            if time.monotonic() > deadline:
                return True
    return len(file_ids) > 0


def compact_some(worker: Resources, file_id: int) -> bool:
    """Moves up to MOVE_BYTES of a file. True if there may be more."""
    with worker.transaction() as connection:
        lock_file(connection, file_id)
        lock_referring(connection)
        first, parts = _parts_to_move(connection, worker.archive, file_id)
        if not parts:
            return False
        add_segments(connection, [(file_id, number, segment) for number, segment in enumerate(_put_segments(worker.archive, parts), first)])
        connection.execute(_DELETE_RANGES, {"file_id": file_id, "end": parts[-1].end_offset})
    moved = sum(len(part.content) for part in parts)
    log.info("transcript_compacted", file_id=file_id, bytes=moved)
    return moved >= MOVE_BYTES


def _parts_to_move(connection: Connection[Any], store: ContentStore, file_id: int) -> tuple[int, list[_Part]]:
    """The number of the first segment to write, and its content and what follows. Takes a short last segment away."""
    ranges = connection.execute(_SQL.parsed_ranges, {"file_id": file_id, "move_bytes": MOVE_BYTES}).fetchall()
    if not ranges:
        return 0, []
    parts = [_Part(start, end, decompressed(frame)) for start, end, frame, _ in ranges]
    last = connection.execute(_SQL.last_segment, {"file_id": file_id}).fetchone()
    if last is None:
        return 0, parts
    number, end_offset, sha256, raw_bytes, start_offset = last
    if raw_bytes >= SEGMENT_BYTES:
        return number + 1, parts
    try:
        content = read_segment(store, sha256)
    except ContentUnreadable as error:
        note_damage(connection, file_id, error)
        return number + 1, parts
    connection.execute(_DELETE_SEGMENT, {"file_id": file_id, "number": number})
    return number, [_Part(start_offset, end_offset, content), *parts]


def _put_segments(store: ContentStore, parts: list[_Part]) -> list[Segment]:
    content = b"".join(part.content for part in parts)
    segments: list[Segment] = []
    start = 0
    while start < len(content):
        end = cut_place(content, start) or len(content)
        digest, frame = packed(content[start:end])
        store.put(digest.hex(), frame)
        segments.append(Segment(_offset_at(parts, end), digest, end - start, len(frame)))
        start = end
    return segments


def _offset_at(parts: list[_Part], position: int) -> int:
    """The offset on the machine of a position in the content. Inside a part whose length redaction has changed, it is estimated."""
    for part in parts:
        if position <= len(part.content):
            is_end = position == len(part.content)
            return part.end_offset if is_end else part.start_offset + position * (part.end_offset - part.start_offset) // len(part.content)
        position -= len(part.content)
    raise AssertionError("a position behind the content")


def keep_up(worker: Resources) -> bool:
    """One run of the upkeep: ranges become segments, old transcripts go, once a day garbage is collected. True if there is more to do at once."""
    if worker.settings.archive and compact(worker):
        return True
    delete_expired(worker)
    collected_at: Any = worker.redis.get(ARCHIVE_COLLECTED_KEY)
    if time.time() > float(collected_at or 0) + COLLECT_SECONDS:
        collect_garbage(worker)
    return False
