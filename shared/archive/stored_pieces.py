"""Reads the stored content of a transcript's file, piece by piece, so that a file of any length takes little memory.

A file's content is its segments (zstd frames in the store) and then its ranges (zstd frames in Postgres). Ranges become segments while
others read. So each step lists the next pieces in one statement, which sees one moment, and goes on by the position in the content, which
stays the same.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import psycopg
import zstandard

from shared.blobs.contents import ContentStore

# The content that one step lists. A piece has about a megabyte at most, unless it is one longer line.
STEP_BYTES: Final = 2 * 1024**2
# What a frame may say that it holds; a longer one is not ours.
MAX_PIECE_BYTES: Final = 64 * 1024**2

# Segments end where the ranges begin.
NEXT_PIECES: Final = """
    SELECT start_offset, end_offset, ends_at - raw_bytes AS position, sha256, content
    FROM (SELECT *, sum(raw_bytes) OVER (ORDER BY is_range, place)::bigint AS ends_at
          FROM (SELECT false AS is_range, number AS place, lag(end_offset, 1, 0::bigint) OVER (ORDER BY number) AS start_offset, end_offset, raw_bytes,
                    sha256, NULL::bytea AS content
                FROM transcript_segments WHERE file_id = %(file_id)s
                UNION ALL
                SELECT true, start_offset, start_offset, end_offset, raw_bytes, NULL, content
                -- What waits behind a gap is not read (services/worker/drain/store_captured.py).
                FROM transcript_ranges WHERE file_id = %(file_id)s
                    AND end_offset <= (SELECT stored_offset FROM transcript_files WHERE id = %(file_id)s)) AS pieces) AS placed
    WHERE ends_at > %(position)s AND ends_at - raw_bytes < %(position)s + %(step_bytes)s
    ORDER BY ends_at"""


class ContentMissing(Exception):
    """A segment is not in the store: it was lost, or the store is another than the one that it was put into."""


class StoredPiece(NamedTuple):
    """Where a piece of a file is stored: a segment in the store, or a range's frame."""

    start_offset: int
    end_offset: int
    position: int
    sha256: bytes | None
    frame: bytes | None


class Piece(NamedTuple):
    """Whole lines of a file, redacted.

    `position` counts in bytes of the redacted content. Offsets are in bytes of the file on its machine, exact where a range begins and ends.
    """

    start_offset: int
    end_offset: int
    position: int
    content: bytes


def pieces_of(connection: psycopg.Connection[Any], file_id: int, store: ContentStore, position: int = 0) -> Iterator[Piece]:
    """The content of a file from a position on, in order. ContentMissing, BlobStoreError. Ranges that are stored meanwhile are read, too."""
    while stored := next_pieces(connection, file_id, position):
        for piece in stored:
            content = read_piece(store, piece)[position - piece.position :]
            yield Piece(piece.start_offset, piece.end_offset, position, content)
            position += len(content)


def content_of(connection: psycopg.Connection[Any], file_id: int, store: ContentStore) -> Iterator[bytes]:
    """The same from the beginning, without offsets."""
    return (piece.content for piece in pieces_of(connection, file_id, store))


def next_pieces(connection: psycopg.Connection[Any], file_id: int, position: int) -> list[StoredPiece]:
    """The pieces of the next two megabytes of content, the first of which may begin before the position; none at the end."""
    parameters = {"file_id": file_id, "position": position, "step_bytes": STEP_BYTES}
    return [StoredPiece(*row) for row in connection.execute(NEXT_PIECES, parameters).fetchall()]


def read_piece(store: ContentStore, piece: StoredPiece) -> bytes:
    """The content of a piece. ContentMissing if the store has not got it, BlobStoreError if it is away."""
    frame = piece.frame
    if frame is None:
        assert piece.sha256 is not None
        try:
            frame = store.get(piece.sha256.hex())
        except FileNotFoundError:
            raise ContentMissing(f"The archive has no content {piece.sha256.hex()}.") from None
    return decompressed(frame)


def decompressed(frame: bytes) -> bytes:
    """The content of one zstd frame that says its length. ValueError for anything else."""
    try:
        if zstandard.frame_content_size(frame) > MAX_PIECE_BYTES:
            raise ValueError("The frame holds more than a piece of a transcript.")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise ValueError(f"This is no zstd frame ({error}).") from error
