"""Reads the stored content of a transcript's file, piece by piece, so that a file of any length takes little memory.

A file's content is its segments (zstd frames in the store) and then its ranges (zstd frames in Postgres). Ranges become segments while
others read. So each step lists the next pieces in one statement, which sees one moment, and goes on by the position in the content, which
stays the same.
"""

import hashlib
from collections.abc import Iterator
from typing import Any, ClassVar, Final, NamedTuple

import psycopg
import zstandard

from shared.blobs.contents import ContentStore
from shared.blobs.store import BlobUnreadable
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "stored_pieces.sql")

# The content that one step lists. A piece has about a megabyte at most, unless it is one longer line.
STEP_BYTES: Final = 2 * 1024**2
# The most bytes that a frame's header may give for its content. The tracker writes no frame that is longer, or that lacks the size.
MAX_PIECE_BYTES: Final = 64 * 1024**2


class ContentUnreadable(Exception):
    """A piece of a file cannot be read; all others can. `sha256` is the segment's name, None for a range."""

    reason: ClassVar[str]

    def __init__(self, message: str, sha256: bytes | None = None) -> None:
        super().__init__(message)
        self.sha256 = sha256


class ContentMissing(ContentUnreadable):
    """A segment is not in the store: it was lost, or the store is another than the one that it was put into."""

    reason = "missing"


class ContentDamaged(ContentUnreadable):
    """The stored content is not that which was put: its hash differs, or it is no zstd frame."""

    reason = "damaged"


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
    """The content of a file from a position on, in order. ContentUnreadable, BlobStoreError. Ranges that are stored meanwhile are read, too."""
    while stored := next_pieces(connection, file_id, position):
        for each in stored:
            piece = piece_of(store, each, position)
            yield piece
            position += len(piece.content)


def piece_of(store: ContentStore, stored: StoredPiece, position: int) -> Piece:
    """The content of a piece from a position in the file's content on. ContentUnreadable, BlobStoreError."""
    return Piece(stored.start_offset, stored.end_offset, position, read_piece(store, stored)[position - stored.position :])


def content_of(connection: psycopg.Connection[Any], file_id: int, store: ContentStore) -> Iterator[bytes]:
    """The same from the beginning, without offsets."""
    return (piece.content for piece in pieces_of(connection, file_id, store))


def next_pieces(connection: psycopg.Connection[Any], file_id: int, position: int) -> list[StoredPiece]:
    """The pieces of the next two megabytes of content, the first of which may begin before the position; none at the end."""
    parameters = {"file_id": file_id, "position": position, "step_bytes": STEP_BYTES}
    return [StoredPiece(*row) for row in connection.execute(_SQL.next_pieces, parameters).fetchall()]


def read_piece(store: ContentStore, piece: StoredPiece) -> bytes:
    """The content of a piece, which a segment's name is checked to be the hash of. ContentUnreadable; BlobStoreError if the store is away."""
    if piece.sha256 is not None:
        return read_segment(store, piece.sha256)
    assert piece.frame is not None
    try:
        return decompressed(piece.frame)
    except ValueError as error:
        raise ContentDamaged(f"A stored range is damaged: {error}") from None


def read_segment(store: ContentStore, sha256: bytes) -> bytes:
    """The content of a segment. ContentUnreadable; BlobStoreError if the store is away."""
    name = sha256.hex()
    try:
        content = decompressed(store.get(name))
    except FileNotFoundError:
        raise ContentMissing(f"The archive has no content {name}.", sha256) from None
    except (BlobUnreadable, ValueError) as error:
        raise ContentDamaged(f"The archive's content {name} is damaged: {error}", sha256) from None
    if hashlib.sha256(content).digest() != sha256:
        raise ContentDamaged(f"The archive's content {name} is damaged: its hash is another.", sha256)
    return content


def decompressed(frame: bytes) -> bytes:
    """The content of one zstd frame that says its length. ValueError for anything else."""
    try:
        if not 0 <= zstandard.frame_content_size(frame) <= MAX_PIECE_BYTES:
            raise ValueError("The frame holds more than a piece of a transcript.")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise ValueError(f"This is no zstd frame ({error}).") from error
