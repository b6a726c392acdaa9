"""Step 3 of an event's path: the append to the journal. Once it returns, the events are on Redis' disk.

What arrives while one write is on its way goes into the next one together: under load a round trip, its fsync and its
cost in Python are shared, without load nobody waits for anybody.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

import structlog
from msgspec import Struct

from services.ingest.http import request_deadline
from services.ingest.http.queue_errors import REDIS_FAILURES, is_out_of_memory, refusal
from services.ingest.journal.append_script import AppendScript, Entry, Note
from services.ingest.journal.backlog import Backlog
from services.ingest.journal.wakeup import Doorbell
from shared.journal.streams import partition_of, stream_key
from shared.messages import ENVELOPE_VERSION, Envelope, Event, encode_envelope

log = structlog.get_logger()

MAX_ENTRY_EVENTS = 500
MAX_ENTRY_BYTES = 256 * 1024

# One write: enough to share a round trip among, little enough for it to stay short.
MAX_WRITE_APPENDS = 128
MAX_WRITE_BYTES = 8 * 1024**2
LEAST_WRITE_SECONDS = 0.3


class Position(Struct, frozen=True):
    """Where an entry is: a stream and the id in it. It is gone from there once the worker has dealt with it."""

    stream: str
    entry_id: bytes


class _Append(Struct, frozen=True):
    entries: Sequence[Entry]
    notes: Sequence[Note]
    # By the loop's clock; and the answer then is no.
    due: float
    done: "asyncio.Future[list[Position]]"


def entries_of(
    events: Sequence[Event],
    sizes: Sequence[int],
    *,
    request_id: str,
    received_at: datetime,
    partitions: int,
    inferred: Collection[UUID] = (),
) -> list[Entry]:
    """The entries that carry the events, in their order within a partition. `sizes` are the events' bytes, roughly; `inferred` the ids of those
    whose session ingest found."""
    return [
        Entry(stream_key(partition), encode_envelope(_envelope(chunk, request_id, received_at, inferred)), len(chunk))
        for partition, chunk in _chunks(events, sizes, partitions)
    ]


def _envelope(events: Sequence[Event], request_id: str, received_at: datetime, inferred: Collection[UUID]) -> Envelope:
    found = [event.id for event in events if event.id in inferred and event.id is not None] if inferred else []
    return Envelope(version=ENVELOPE_VERSION, request_id=request_id, received_at=received_at, events=list(events), inferred=found)


def _chunks(events: Sequence[Event], sizes: Sequence[int], partitions: int) -> Iterable[tuple[int, Sequence[Event]]]:
    if len(events) == 1:
        return [(_partition_of(events[0], partitions), events)]
    if partitions == 1:
        return [(0, chunk) for chunk in _cut(events, sizes)]
    by_partition: dict[int, tuple[list[Event], list[int]]] = {}
    for event, size in zip(events, sizes, strict=True):
        partition = _partition_of(event, partitions)
        of_partition = by_partition.setdefault(partition, ([], []))
        of_partition[0].append(event)
        of_partition[1].append(size)
    return [(partition, chunk) for partition, parts in by_partition.items() for chunk in _cut(*parts)]


def _partition_of(event: Event, partitions: int) -> int:
    return partition_of(event.session_id, partitions) if partitions > 1 else 0


def _cut(events: Sequence[Event], sizes: Sequence[int]) -> Iterator[Sequence[Event]]:
    """Slices that keep to both limits; one event that is over them by itself is a slice too."""
    start = filled = 0
    for at, size in enumerate(sizes):
        if at > start and (filled + size > MAX_ENTRY_BYTES or at - start >= MAX_ENTRY_EVENTS):
            yield events[start:at]
            start, filled = at, 0
        filled += size
    yield events[start:]


class Journal:
    """The streams' writing end."""

    def __init__(self, script: AppendScript, doorbell: Doorbell, backlog: Backlog) -> None:
        self._script = script
        self._backlog = backlog
        self._doorbell = doorbell
        self._waiting: list[_Append] = []
        self._writer: asyncio.Task[None] | None = None
        # Whether anything of the write that is under way may have reached Redis.
        self._is_sent = False

    async def aclose(self) -> None:
        """Closes what it opened."""
        await self._script.aclose()

    async def append(self, entries: Sequence[Entry], notes: Sequence[Note] = ()) -> list[Position]:
        """Writes all of the entries or none. Unavailable QUEUE_UNAVAILABLE within a second if Redis does not say that it has them (OutcomeUnknown
        if it may have them), BACKLOG_FULL if there is no room for so much."""
        self._backlog.take(sum([len(entry.payload) for entry in entries]))
        loop = asyncio.get_running_loop()
        done: asyncio.Future[list[Position]] = loop.create_future()
        self._waiting.append(_Append(entries, notes, loop.time() + request_deadline.left(), done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_until_idle())
        return await done

    async def _write_until_idle(self) -> None:
        try:
            while self._waiting:
                group = self._take()
                try:
                    await self._write(group)
                except BaseException as error:
                    log.error("journal_write_failed", reason=type(error).__name__, appends=len(group))
                    # Who waited behind the failed write has waited long enough; nobody is left waiting for ever.
                    _refuse(group, error, may_be_kept=self._is_sent and not (self._script.is_atomic and is_out_of_memory(error)))
                    _refuse(self._waiting, error, may_be_kept=False)
                    self._waiting.clear()
                    if not isinstance(error, REDIS_FAILURES):
                        raise
        finally:
            self._writer = None

    def _take(self) -> list[_Append]:
        size = count = 0
        for append in self._waiting[:MAX_WRITE_APPENDS]:
            size += sum(len(entry.payload) for entry in append.entries)
            if count and size > MAX_WRITE_BYTES:
                break
            count += 1
        group = self._waiting[:count]
        del self._waiting[:count]
        return group

    async def _write(self, group: list[_Append]) -> None:
        entries = [entry for append in group for entry in append.entries]
        notes = [note for append in group for note in append.notes]
        # Who waited behind another write has less left, but never so little that a Redis that works is given up.
        seconds = max(min([append.due for append in group]) - asyncio.get_running_loop().time(), LEAST_WRITE_SECONDS)
        async with request_deadline.within(seconds):
            self._is_sent = False
            if not self._backlog.is_announced:
                await self._backlog.sample()
            self._is_sent = True
            bells_due, entry_ids = await self._script.write(entries, notes, self._backlog.note_seconds)
        positions = map(Position, (entry.stream for entry in entries), entry_ids)
        for append in group:
            found = list(islice(positions, len(append.entries)))
            if not append.done.done():
                append.done.set_result(found)
        if bells_due:
            self._doorbell.ring(bells_due)


def _refuse(appends: Sequence[_Append], cause: BaseException, *, may_be_kept: bool) -> None:
    for append in appends:
        if not append.done.done():
            append.done.set_exception(refusal(cause, may_be_kept=may_be_kept))
