"""What a share has still to do, chunk by chunk: which files and members are its own, read by whom, and how far. Small members share a chunk."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import IO, Any, NamedTuple, assert_never, cast

from services.worker.importers.archives.archive_members import ArchiveSummary, Member, read_members
from services.worker.importers.archives.hashing import Hashing
from services.worker.importers.job import dispatch
from services.worker.importers.job.shards import Position, Share
from services.worker.importers.job.stall_watch import StallWatch, WatchedFile
from services.worker.importers.limits import LIMIT_EXCEEDED
from services.worker.persist.records import (
    DAMAGED,
    ApiCall,
    FileChange,
    FileSummary,
    Message,
    ProjectSeen,
    Record,
    RecordError,
    SessionFacts,
    ToolUse,
)
from shared.blobs.stores import open_blob
from shared.upload_kinds import ARCHIVES, Kind

CHUNK_RECORDS = 2_000
# A file of which the rest is missing: the job has failed, though what came before is stored.
CUT_OFF = frozenset({DAMAGED, LIMIT_EXCEEDED})
# Of texts; a chunk may be longer by one record.
CHUNK_CHARACTERS = 4_000_000


class Ended(NamedTuple):
    """The end of a member: behind how many of the chunk's records, and the hash of its whole content.

    None where it could not be read to its end, or where an earlier attempt had read the beginning.
    """

    records: int
    sha256: bytes | None


@dataclass(slots=True)
class Chunk:
    """Some records, and how far the share is behind them."""

    position: Position = field(default_factory=Position)
    bytes_done: int = 0
    records: list[Record] = field(default_factory=list)
    # With the name of the file or member.
    errors: list[tuple[str, RecordError]] = field(default_factory=list)
    unknown_records: dict[str, int] = field(default_factory=dict)
    # By reason, those of which nothing is kept.
    skipped_records: dict[str, int] = field(default_factory=dict)
    # How many secrets were replaced, by kind.
    redactions: dict[str, int] = field(default_factory=dict)
    # The members that end in it, in their order.
    ended: list[Ended] = field(default_factory=list)
    files: int = 0
    characters: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.records) + len(self.errors) >= CHUNK_RECORDS or self.characters >= CHUNK_CHARACTERS

    @property
    def is_damaged(self) -> bool:
        return any(error.code in CUT_OFF for _, error in self.errors)

    def add(self, name: str, record: Record | RecordError | FileSummary) -> None:
        """The next thing that a member gives."""
        match record:
            case RecordError():
                self.errors.append((name, record))
            case FileSummary():
                _add(self.unknown_records, record.unknown_records)
                _add(self.skipped_records, record.skipped_records)
            case Message():
                self.records.append(record)
                self.characters += len(record.content)
            case ProjectSeen() | SessionFacts() | ToolUse() | FileChange() | ApiCall():
                self.records.append(record)
            case _:
                assert_never(record)


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count


class Source(NamedTuple):
    """A file to read, the upload itself or a member of it; or why one cannot be read."""

    name: str
    kind: Kind
    content: IO[bytes] | None
    error: RecordError | None = None


@dataclass(frozen=True, slots=True)
class _Dealt:
    """The indexes that are a share's own, from some on."""

    share: int
    shares: int
    start: int

    def __contains__(self, index: object) -> bool:
        return isinstance(index, int) and index % self.shares == self.share and index >= self.start


def chunks_of(share: Share, idle_gap: timedelta, watch: StallWatch) -> Iterator[Chunk]:
    """From the share's position on. Deterministic, so that a position means the same to whoever takes the share over."""
    chunk = Chunk(share.position)
    for position, source, upload in _sources(share, watch):
        if source.error is not None:
            chunk.add(source.name, source.error)
        if source.content is not None:
            content = Hashing(source.content)
            found = dispatch.read(cast(IO[bytes], content), source.kind, share.user, idle_gap, share.accepted_at)
            records = islice(found, position.records, None)
            for number, record in enumerate(records, position.records + 1):
                watch.moved()
                chunk.add(source.name, record)
                if chunk.is_full:
                    chunk.position, chunk.bytes_done = Position(position.file, position.member, number), upload.tell()
                    yield chunk
                    chunk = Chunk()
            chunk.ended.append(Ended(len(chunk.records), content.digest() if position.records == 0 else None))
            chunk.files += 1
            position = Position(position.file, position.member + 1)
        chunk.position, chunk.bytes_done = Position(position.file, position.member), upload.tell()
        if chunk.is_full:
            yield chunk
            chunk = Chunk(chunk.position, chunk.bytes_done)
    yield chunk


def _sources(share: Share, watch: StallWatch) -> Iterator[tuple[Position, Source, IO[bytes]]]:
    """The files that are dealt to this share and not through yet, each with where to go on in it, and the upload it is in."""
    for index, file in enumerate(share.files):
        if index < share.position.file:
            continue
        is_first = index == share.position.file
        dealt = _Dealt(share.share, share.shares, share.position.member if is_first else 0)
        with open_blob(file["blob_url"]) as opened:
            upload = cast(IO[bytes], WatchedFile(opened, watch))
            members = _members(file, upload, share, dealt) if file["kind"] in ARCHIVES else _itself(file, upload, index, dealt)
            for member, source in members:
                is_same = is_first and member == share.position.member
                yield Position(index, member, share.position.records if is_same else 0), source, upload


def _itself(file: dict[str, Any], upload: IO[bytes], index: int, dealt: _Dealt) -> Iterator[tuple[int, Source]]:
    """A file that is no archive is its own first member, dealt by its place among the files."""
    if index % dealt.shares == dealt.share and dealt.start == 0:
        yield 0, Source(file["name"], file["kind"], upload)


def _is_own(error: RecordError, kind: str) -> bool:
    """Every share meets the same in a tar, and the same damage in a zip's list, which the first share tells. Of a zip it unpacks its own members alone."""
    return kind == "zip" and error.code == LIMIT_EXCEEDED


def _members(file: dict[str, Any], upload: IO[bytes], share: Share, dealt: _Dealt) -> Iterator[tuple[int, Source]]:
    index = dealt.start
    for found in read_members(upload, file["kind"], only=dealt):
        match found:
            case Member():
                index = found.index
                yield index, Source(found.name, found.kind, found.file)
            case RecordError():
                if share.share == 0 or found.code not in CUT_OFF or _is_own(found, file["kind"]):
                    yield index, Source(file["name"], file["kind"], None, found)
            case ArchiveSummary():
                pass
            case _:
                assert_never(found)
