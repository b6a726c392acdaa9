"""Puts transcripts into a database and an archive, as the worker would have."""

from datetime import UTC, datetime
from typing import Any

import psycopg

from services.worker.archive.segments import Segment, add_segments, cut_place, frame_of, packed
from services.worker.resources import Resources
from shared.archive.stored_pieces import content_of
from shared.blobs.contents import ContentStore

_FILE = """
    INSERT INTO transcript_files (machine_id, session_id, file_name, generation, user_name, stored_offset, parsed_offset, changed_at)
    VALUES (%(machine_id)s, %(session_id)s, %(file_name)s, %(generation)s, %(user_name)s, %(size)s, %(size)s, %(changed_at)s) RETURNING id"""
_RANGE = (
    "INSERT INTO transcript_ranges (file_id, start_offset, end_offset, content, raw_bytes, received_at) VALUES (%s, %s, %s, %s, %s, now())"
)


def add_file(
    connection: psycopg.Connection[Any],
    store: ContentStore | None,
    session_id: str,
    content: bytes,
    *,
    file_name: str | None = None,
    machine_id: str = "",
    generation: int = 0,
    user_name: str | None = None,
    archived: int | None = None,
    range_bytes: int = 50_000,
    changed_at: datetime | None = None,
) -> int:
    """A file whose first `archived` bytes are segments, all without that; the rest are ranges of about `range_bytes`. Its id."""
    archived = len(content) if archived is None else archived
    parameters = {
        "machine_id": machine_id,
        "session_id": session_id,
        "file_name": file_name or f"{session_id}.jsonl",
        "generation": generation,
        "user_name": user_name,
        "size": len(content),
        "changed_at": changed_at or datetime.now(UTC),
    }
    file_id = int(connection.execute(_FILE, parameters).fetchone()[0])  # type: ignore[index]
    segments: list[Segment] = []
    start = 0
    while start < archived:
        end = min(cut_place(content, start) or archived, archived)
        digest, frame = packed(content[start:end])
        assert store is not None
        store.put(digest.hex(), frame)
        segments.append(Segment(end, digest, end - start, len(frame)))
        start = end
    add_segments(connection, [(file_id, number, segment) for number, segment in enumerate(segments)])
    while start < len(content):
        end = content.find(b"\n", start + range_bytes) + 1 or len(content)
        connection.execute(_RANGE, (file_id, start, end, frame_of(content[start:end]), end - start))
        start = end
    return file_id


def stored(worker: Resources, file_id: int) -> bytes:
    with worker.transaction() as connection:
        return b"".join(content_of(connection, file_id, worker.archive))
