"""What a share has still to do, chunk by chunk: which files and members are its own, read by whom, and how far."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import islice
from typing import IO, Any, NamedTuple

import fsspec

from services.worker.importers import archive, reading
from services.worker.importers.shares import Position, Share
from services.worker.records import DAMAGED, FileSummary, Message, Record, RecordError

CHUNK_RECORDS = 1_000
# Of texts; a chunk may be longer by one record.
CHUNK_CHARACTERS = 4_000_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some records of one member, and how far the share is behind them. `sha256` of the whole content once the member has been read to its end."""

    file_name: str
    records: list[Record | RecordError | FileSummary]
    position: Position
    bytes_done: int
    sha256: bytes | None = None

    @property
    def is_damaged(self) -> bool:
        return any(isinstance(record, RecordError) and record.code == DAMAGED for record in self.records)


class Member(NamedTuple):
    """A file to read: the upload itself, or one inside of it. Without content it is one that could not be read, and why."""

    name: str
    kind: str
    content: IO[bytes] | None
    error: RecordError | None = None


class _Hashing:
    """A file object that hashes what is read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = sha256()
        self._size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        self._size += len(data)
        return data

    def tell(self) -> int:
        """How much was read."""
        return self._size

    def digest(self) -> bytes:
        """Of all; what the importer did not read included."""
        while self.read(1 << 20):
            continue
        return self._hash.digest()


def chunks_of(share: Share, idle_gap: timedelta) -> Iterator[Chunk]:
    """From the share's position on. Deterministic, so that a position means the same to whoever takes the share over."""
    number = 0
    for index, file in enumerate(share.files):
        with fsspec.open(file["blob_url"], "rb") as upload:
            for member_index, member in enumerate(_members(file, upload)):
                is_ours = number % share.shares == share.share
                number += 1
                if not is_ours or (index, member_index) < (share.position.file, share.position.member):
                    continue
                is_first = (index, member_index) == (share.position.file, share.position.member)
                skip = share.position.records if is_first else 0
                yield from _of_member(share, member, Position(index, member_index, skip), upload, idle_gap)


def _members(file: dict[str, Any], upload: IO[bytes]) -> Iterator[Member]:
    if file["kind"] in archive.KINDS:
        yield from archive.members(upload, file["kind"], file["name"])
    else:
        yield Member(file["name"], file["kind"], upload)


def _of_member(share: Share, member: Member, start: Position, upload: IO[bytes], idle_gap: timedelta) -> Iterator[Chunk]:
    after = Position(start.file, start.member + 1, 0)
    if member.content is None:
        assert member.error is not None
        yield Chunk(member.name, [member.error], after, upload.tell())
        return
    content = _Hashing(member.content)
    records = islice(reading.read(content, member.kind, share.user, idle_gap), start.records, None)
    read = start.records
    while chunk := _next(records):
        read += len(chunk)
        yield Chunk(member.name, chunk, Position(start.file, start.member, read), upload.tell())
    yield Chunk(member.name, [], after, upload.tell(), content.digest())


def _next(records: Iterator[Record | RecordError | FileSummary]) -> list[Record | RecordError | FileSummary]:
    chunk: list[Record | RecordError | FileSummary] = []
    characters = 0
    for record in records:
        chunk.append(record)
        characters += len(record.content) if isinstance(record, Message) else 0
        if len(chunk) >= CHUNK_RECORDS or characters >= CHUNK_CHARACTERS:
            break
    return chunk
