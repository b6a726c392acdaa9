"""A chunk: the records of an import that are stored in one transaction. It is gathered, read ahead, redacted."""

from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeVar
from uuid import UUID

from services.worker.archive.imported_content import ArchivedFile
from services.worker.importers.formats.plausible_records import Found
from services.worker.importers.job.shards import Checkpoint
from services.worker.importers.unpacking_limits import LIMIT_EXCEEDED
from services.worker.persist.records import DAMAGED, FileSummary, Message, Record, RecordError, Result, ToolUse, Unread
from shared.redaction.redact import redact_text
from shared.redaction.redacted_structs import redact_structs

CHUNK_RECORDS = 2_000
# Limits the texts of a chunk; a chunk may be longer by one record.
CHUNK_CHARACTERS = 4_000_000
# Errors that mean that the rest of a file is missing: the job fails, though what came before is stored.
CUT_OFF = frozenset({DAMAGED, LIMIT_EXCEEDED})

T = TypeVar("T")


class EndedMember(NamedTuple):
    """The end of a member: the number of the chunk's records before it, and the SHA-256 of the member's content.

    The hash is None if the member could not be read to its end, or if an earlier attempt had read its beginning.
    `archived`: a transcript's content, on its way into the archive. `facts_ids`: of the facts of sessions that its reading gave. `unread`: what it has
    and nothing reads.
    """

    records: int
    sha256: bytes | None
    name: str = ""
    archived: ArchivedFile | None = None
    facts_ids: frozenset[UUID] = frozenset()
    unread: Mapping[Unread, int] = MappingProxyType({})


@dataclass(slots=True)
class Chunk:
    """Some records, and how far the shard is behind them."""

    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    bytes_done: int = 0
    records: list[Record] = field(default_factory=list)
    # With the name of the file or member.
    errors: list[tuple[str, RecordError]] = field(default_factory=list)
    # Number of records of unknown types, by type.
    unknown_records: dict[str, int] = field(default_factory=dict)
    # Number of records that are not kept, by reason.
    skipped_records: dict[str, int] = field(default_factory=dict)
    # How many by kind: secrets that were replaced.
    redactions: dict[str, int] = field(default_factory=dict)
    # The members that end in it, in their order.
    ended: list[EndedMember] = field(default_factory=list)
    files: int = 0
    characters: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.records) + len(self.errors) >= CHUNK_RECORDS or self.characters >= CHUNK_CHARACTERS

    @property
    def is_damaged(self) -> bool:
        return any(error.code in CUT_OFF for _, error in self.errors)

    def add(self, name: str, found: Found) -> None:
        """Adds the next thing that was found in the member `name`."""
        match found:
            case RecordError():
                self.errors.append((name, found))
            case FileSummary():
                _add(self.unknown_records, found.unknown_records)
                _add(self.skipped_records, found.skipped_records)
            case record:
                self.records.append(record)
                self.characters += characters_of(record)

    def take_redactions(self, counts: dict[str, int]) -> None:
        """Moves what was counted while its records were read into the chunk."""
        if counts:
            _add(self.redactions, counts)
            counts.clear()


def characters_of(record: Record) -> int:
    """How many characters of text a record has that can be long: a message's, or a tool call's result."""
    if isinstance(record, Message):
        return len(record.content)
    if isinstance(record, ToolUse) and isinstance(record.result, Result):
        return len(record.result.text)
    return 0


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count


def redact(chunk: Chunk) -> Chunk:
    """The same chunk, redacted in place: its records, and its errors and types, which may quote the file's own words.

    Ids stay what they are: they were made from the text before redaction.
    """
    redact_structs(chunk.records, chunk.redactions)
    chunk.errors = [
        (redact_text(name), RecordError(code=error.code, message=redact_text(error.message), line=error.line, offset=error.offset))
        for name, error in chunk.errors
    ]
    chunk.unknown_records = {redact_text(kind): count for kind, count in chunk.unknown_records.items()}
    return chunk


def read_ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, while a thread makes the next one. An exception of `items` is raised where its item would have come."""
    end = object()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as reader:
        coming = reader.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = reader.submit(next, items, end)
            yield item  # type: ignore[misc]


class WholeFiles:
    """Finds the members that were stored completely, and so need not be sent again. Follows a shard's chunks in their order.

    A member may begin in one chunk and end in another.
    """

    def __init__(self) -> None:
        self._is_whole_so_far = True

    def after(self, chunk: Chunk, left_out: Collection[UUID | None]) -> list[bytes]:
        """The hashes of the members that end in the chunk and have no record left out. `left_out`: ids of the chunk's records."""
        whole: list[bytes] = []
        begin = 0
        for ended in chunk.ended:
            if self._goes_on_whole(chunk, begin, ended.records, left_out) and ended.sha256 is not None:
                whole.append(ended.sha256)
            begin = ended.records
            self._is_whole_so_far = True
        self._is_whole_so_far = self._goes_on_whole(chunk, begin, len(chunk.records), left_out)
        return whole

    def _goes_on_whole(self, chunk: Chunk, begin: int, end: int, left_out: Collection[UUID | None]) -> bool:
        return self._is_whole_so_far and not (left_out and any(record.id in left_out for record in chunk.records[begin:end]))
