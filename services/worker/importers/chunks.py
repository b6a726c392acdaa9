"""What a share has still to do, chunk by chunk: which files and members are its own, read by whom, and how far. Small members share a chunk."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import IO, Any, NamedTuple

import fsspec

from services.worker.importers import archive, reading
from services.worker.importers.hashing import Hashing
from services.worker.importers.shares import Position, Share
from services.worker.records import DAMAGED, FileSummary, Message, Record, RecordError

CHUNK_RECORDS = 2_000
# Of texts; a chunk may be longer by one record.
CHUNK_CHARACTERS = 4_000_000


@dataclass(slots=True)
class Chunk:
    """Some records, and how far the share is behind them."""

    position: Position = Position()
    bytes_done: int = 0
    records: list[Record] = field(default_factory=list)
    # With the name of the file or member.
    errors: list[tuple[str, RecordError]] = field(default_factory=list)
    unknown_records: dict[str, int] = field(default_factory=dict)
    # Of the whole content of each member that was read to its end.
    sha256s: list[bytes] = field(default_factory=list)
    files: int = 0
    characters: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.records) + len(self.errors) >= CHUNK_RECORDS or self.characters >= CHUNK_CHARACTERS

    @property
    def is_damaged(self) -> bool:
        return any(error.code == DAMAGED for _, error in self.errors)

    def add(self, name: str, record: Record | RecordError | FileSummary) -> None:
        """The next thing that a member gives."""
        match record:
            case RecordError():
                self.errors.append((name, record))
            case FileSummary():
                for kind, count in record.unknown_records.items():
                    self.unknown_records[kind] = self.unknown_records.get(kind, 0) + count
            case _:
                self.records.append(record)
                self.characters += len(record.content) if isinstance(record, Message) else 0


class Member(NamedTuple):
    """A file to read: the upload itself, or one inside of it. Without content it is one that could not be read, and why."""

    name: str
    kind: str
    content: IO[bytes] | None
    error: RecordError | None = None


def chunks_of(share: Share, idle_gap: timedelta) -> Iterator[Chunk]:
    """From the share's position on. Deterministic, so that a position means the same to whoever takes the share over."""
    chunk = Chunk(share.position)
    for position, member, upload in _own_members(share):
        start = position.records
        if member.error is not None:
            chunk.add(member.name, member.error)
        if member.content is not None:
            content = Hashing(member.content)
            records = islice(reading.read(content, member.kind, share.user, idle_gap), start, None)
            for number, record in enumerate(records, start + 1):
                chunk.add(member.name, record)
                if chunk.is_full:
                    chunk.position, chunk.bytes_done = Position(position.file, position.member, number), upload.tell()
                    yield chunk
                    chunk = Chunk()
            chunk.sha256s.append(content.digest())
            chunk.files += 1
        chunk.position, chunk.bytes_done = Position(position.file, position.member + 1, 0), upload.tell()
    if chunk.position != share.position:
        yield chunk


def _own_members(share: Share) -> Iterator[tuple[Position, Member, IO[bytes]]]:
    """The members that are dealt to this share and not through yet, each with where to go on in it, and the upload it is in."""
    number = 0
    for index, file in enumerate(share.files):
        with fsspec.open(file["blob_url"], "rb") as upload:
            for member_index, member in enumerate(_members(file, upload)):
                is_ours = number % share.shares == share.share
                number += 1
                place = (index, member_index)
                done_up_to = (share.position.file, share.position.member)
                if is_ours and place >= done_up_to:
                    yield Position(index, member_index, share.position.records if place == done_up_to else 0), member, upload


def _members(file: dict[str, Any], upload: IO[bytes]) -> Iterator[Member]:
    if file["kind"] in archive.KINDS:
        yield from archive.members(upload, file["kind"], file["name"])
    else:
        yield Member(file["name"], file["kind"], upload)
