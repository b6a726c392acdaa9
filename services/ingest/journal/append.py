"""The append to the journal. Once it returns, the events are on Redis' disk.

Appends that arrive while one write is under way go into the next write together. Under load they share its round trip, its fsync and its cost in
Python; without load nothing waits.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from secrets import token_hex
from typing import TypeVar
from uuid import UUID

import structlog
from msgspec import Struct
from redis.asyncio import Redis

from services.ingest.http import backend_deadline
from services.ingest.http.queue_errors import REDIS_FAILURES, is_out_of_memory, refusal
from services.ingest.journal.backlog import Backlog
from services.ingest.journal.confirmed_script import ConfirmedScript
from services.ingest.journal.wakeup import WakeupSender
from shared.events.messages import ENVELOPE_VERSION, Binding, Envelope, Event, HookPayload, Signal, encode_envelope
from shared.events.readings import Reading
from shared.journal.streams import (
    EPOCH_FIELD,
    EVENTS_FIELD,
    PAYLOAD_FIELD,
    WAKEUP_TTL_MS,
    accounting_key,
    partition_of,
    stream_key,
    wakeup_key,
)
from shared.redis.cluster_nodes import Nodes

log = structlog.get_logger()

MAX_ENTRY_EVENTS = 500
MAX_ENTRY_BYTES = 256 * 1024
# The id, session, time and names of a hook or signal.
AROUND_AN_ITEM = 300

# One write: enough appends to share a round trip, few enough to keep it short.
MAX_WRITE_APPENDS = 128
MAX_WRITE_BYTES = 8 * 1024**2
LEAST_WRITE_SECONDS = 0.3

T = TypeVar("T", bound=Event | HookPayload | Signal | Reading)


class Entry(Struct, frozen=True):
    """The fields of one XADD: a payload of so many events. With `events` 0 it is in no account: its events were accounted for before."""

    stream: str
    payload: bytes
    events: int


class CacheEntry(Struct, frozen=True):
    """The knowledge of a session, for the other ingest processes: a Redis key that is written together with the entries, and expires."""

    key: str
    value: bytes


class Position(Struct, frozen=True):
    """Where an entry is: a stream and the id in it. The worker removes the entry once it has processed it."""

    stream: str
    entry_id: bytes


def entries_of(
    events: Sequence[Event],
    sizes: Sequence[int],
    *,
    request_id: str,
    received_at: datetime,
    partitions: int,
    inferred: Collection[UUID] = (),
    bound: Binding | None = None,
) -> list[Entry]:
    """The entries that carry the events, in the events' order within a partition.

    `sizes`: the events' bytes, roughly. `inferred`: ids of the events whose session ingest inferred. `bound`: what the API key is bound to.
    """
    return [
        Entry(stream_key(partition), encode_envelope(_envelope(chunk, request_id, received_at, inferred, bound)), len(chunk))
        for partition, chunk in _chunks(events, sizes, partitions)
    ]


def captured_entries(
    items: Sequence[HookPayload | Signal | Reading],
    sizes: Sequence[int],
    *,
    request_id: str,
    received_at: datetime,
    partitions: int,
) -> list[Entry]:
    """The entries that carry captured items, in their order within a partition. `sizes`: their bytes, roughly."""
    return [
        Entry(stream_key(partition), encode_envelope(_captured_envelope(chunk, request_id, received_at)), len(chunk))
        for partition, chunk in _chunks(items, sizes, partitions)
    ]


def _captured_envelope(items: Sequence[HookPayload | Signal | Reading], request_id: str, received_at: datetime) -> Envelope:
    return Envelope(
        version=ENVELOPE_VERSION,
        request_id=request_id,
        received_at=received_at,
        events=[],
        hooks=[item for item in items if isinstance(item, HookPayload)],
        signals=[item for item in items if isinstance(item, Signal)],
        readings=[item for item in items if isinstance(item, Reading)],
    )


def _envelope(
    events: Sequence[Event], request_id: str, received_at: datetime, inferred: Collection[UUID], bound: Binding | None
) -> Envelope:
    found = [event.id for event in events if event.id in inferred and event.id is not None] if inferred else []
    return Envelope(
        version=ENVELOPE_VERSION, request_id=request_id, received_at=received_at, events=list(events), inferred=found, bound=bound
    )


def _chunks(events: Sequence[T], sizes: Sequence[int], partitions: int) -> Iterable[tuple[int, Sequence[T]]]:
    if len(events) == 1:
        return [(_partition_of(events[0], partitions), events)]
    if partitions == 1:
        return [(0, chunk) for chunk in _cut(events, sizes)]
    by_partition: dict[int, tuple[list[T], list[int]]] = {}
    for event, size in zip(events, sizes, strict=True):
        partition = _partition_of(event, partitions)
        of_partition = by_partition.setdefault(partition, ([], []))
        of_partition[0].append(event)
        of_partition[1].append(size)
    return [(partition, chunk) for partition, parts in by_partition.items() for chunk in _cut(*parts)]


def _partition_of(event: Event | HookPayload | Signal | Reading, partitions: int) -> int:
    return partition_of(event.session_id, partitions) if partitions > 1 else 0


def _cut(events: Sequence[T], sizes: Sequence[int]) -> Iterator[Sequence[T]]:
    """Slices that keep to both limits. An event that is over them by itself is a slice too."""
    start = filled = 0
    for at, size in enumerate(sizes):
        if at > start and (filled + size > MAX_ENTRY_BYTES or at - start >= MAX_ENTRY_EVENTS):
            yield events[start:at]
            start, filled = at, 0
        filled += size
    yield events[start:]


class _Append(Struct, frozen=True):
    entries: Sequence[Entry]
    cache_entries: Sequence[CacheEntry]
    # By the event loop's clock: when the request is refused if it has no answer.
    due: float
    done: "asyncio.Future[list[Position]]"


class Journal:
    """The side of the journal that appends. `replicas`: how many Redis replicas must have an append on disk before it is confirmed."""

    def __init__(self, redis: Redis, wakeups: WakeupSender, backlog: Backlog, replicas: int = 0) -> None:
        self._script = _AppendScript(redis, replicas)
        self._backlog = backlog
        self._wakeups = wakeups
        self._waiting: list[_Append] = []
        self._writer: asyncio.Task[None] | None = None
        # Whether the write under way may have reached Redis.
        self._is_sent = False

    async def aclose(self) -> None:
        """Closes the connections that it opened."""
        await self._script.aclose()

    async def append(self, entries: Sequence[Entry], cache_entries: Sequence[CacheEntry] = ()) -> list[Position]:
        """Writes all of the entries or none, and gives their positions.

        Unavailable BACKLOG_FULL if there is no room. Unavailable QUEUE_UNAVAILABLE within a second if Redis does not confirm them; OutcomeUnknown
        if it may have them all the same.
        """
        self._backlog.reserve(sum([len(entry.payload) for entry in entries]))
        loop = asyncio.get_running_loop()
        done: asyncio.Future[list[Position]] = loop.create_future()
        self._waiting.append(_Append(entries, cache_entries, loop.time() + backend_deadline.left(), done))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_until_idle())
        return await done

    async def _write_until_idle(self) -> None:
        try:
            while self._waiting:
                group = self._next_group()
                try:
                    await self._write(group)
                except BaseException as error:
                    log.error("journal_write_failed", reason=type(error).__name__, appends=len(group))
                    # The appends behind a failed write have waited long enough. All are refused, so none waits for ever.
                    _refuse(group, error, may_be_kept=self._is_sent and not (self._script.is_atomic and is_out_of_memory(error)))
                    _refuse(self._waiting, error, may_be_kept=False)
                    self._waiting.clear()
                    if not isinstance(error, REDIS_FAILURES):
                        raise
        finally:
            self._writer = None

    def _next_group(self) -> list[_Append]:
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
        cache_entries = [entry for append in group for entry in append.cache_entries]
        # An append that waited behind another write has less time left, but never too little for a Redis that works.
        seconds = max(min([append.due for append in group]) - asyncio.get_running_loop().time(), LEAST_WRITE_SECONDS)
        async with backend_deadline.within(seconds):
            self._is_sent = False
            if not self._backlog.is_announced:
                await self._backlog.sample()
            self._is_sent = True
            wakeups_due, entry_ids = await self._script.run(entries, cache_entries, self._backlog.cache_entry_seconds)
        positions = map(Position, (entry.stream for entry in entries), entry_ids)
        for append in group:
            of_append = list(islice(positions, len(append.entries)))
            if not append.done.done():
                append.done.set_result(of_append)
        if wakeups_due:
            self._wakeups.wake_workers(wakeups_due)


def _refuse(appends: Sequence[_Append], cause: BaseException, *, may_be_kept: bool) -> None:
    for append in appends:
        if not append.done.done():
            append.done.set_exception(refusal(cause, may_be_kept=may_be_kept))


# All of it happens or none, as in MULTI, but in one command with one answer, which costs Python a third.
# KEYS: stream, account and wake-up of each stream; the cache entries.
# ARGV: number of streams; TTLs of wake-ups and cache entries; a name for accounts that have to be made; number of entries. Then each entry's
# stream (from 1), events and payload, and the cache entries' values.
# Answers how many wake-ups are due, then the entries' ids. The wake-ups are set last: a worker clears its own before it reads, so entries that
# were appended while it is set will be read.
_APPEND = f"""
local answer = {{0}}
local streams, entries = tonumber(ARGV[1]), tonumber(ARGV[5])
local epochs, accepted = {{}}, {{}}
for s = 1, streams do
    accepted[s] = 0
    epochs[s] = redis.call('HGET', KEYS[3 * s - 1], '{EPOCH_FIELD}')
    if not epochs[s] then
        epochs[s] = ARGV[4] .. '-' .. s
        redis.call('HSET', KEYS[3 * s - 1], '{EPOCH_FIELD}', epochs[s], 'settled', 0)
    end
end
for i = 1, entries do
    local s, n, payload = tonumber(ARGV[3 + 3 * i]), ARGV[4 + 3 * i], ARGV[5 + 3 * i]
    local stream = KEYS[3 * s - 2]
    if n == '0' then
        answer[i + 1] = redis.call('XADD', stream, '*', '{PAYLOAD_FIELD}', payload)
    else
        answer[i + 1] = redis.call('XADD', stream, '*', '{PAYLOAD_FIELD}', payload, '{EPOCH_FIELD}', epochs[s], '{EVENTS_FIELD}', n)
        accepted[s] = accepted[s] + n
    end
end
for s = 1, streams do
    if accepted[s] > 0 then
        redis.call('HINCRBY', KEYS[3 * s - 1], 'accepted', accepted[s])
    end
end
for i = 1, #KEYS - 3 * streams do
    redis.call('SET', KEYS[3 * streams + i], ARGV[5 + 3 * entries + i], 'EX', ARGV[3])
end
for s = 1, streams do
    if redis.call('SET', KEYS[3 * s], 1, 'NX', 'PX', ARGV[2]) then
        answer[1] = answer[1] + 1
    end
end
return answer
"""


class _AppendScript:
    """Runs the script: once for all streams, or in a Cluster once for each. Answers once all is on as many disks as it has to be."""

    def __init__(self, redis: Redis, replicas: int) -> None:
        self._redis = redis
        self._nodes = Nodes(redis)
        self._script = ConfirmedScript(_APPEND, self._nodes, replicas)

    async def run(self, entries: Sequence[Entry], cache_entries: Sequence[CacheEntry], cache_entry_seconds: int) -> tuple[int, list[bytes]]:
        """How many wake-ups are due, and the entries' ids. Redis' errors, NotReplicatedError among them, if not all of it is certain to be there.

        On one server all of it is there or nothing. In a Cluster some partitions may have theirs when others fail. A client that sends it again
        with the same ids makes no duplicates.
        """
        if not self._nodes.is_cluster:
            return await self._run(entries, cache_entries, cache_entry_seconds)
        by_stream: dict[str, list[int]] = {}
        for at, entry in enumerate(entries):
            by_stream.setdefault(entry.stream, []).append(at)
        answers = await asyncio.gather(
            *(self._run([entries[at] for at in places], (), cache_entry_seconds) for places in by_stream.values())
        )
        await asyncio.gather(*(self._redis.set(entry.key, entry.value, ex=cache_entry_seconds) for entry in cache_entries))
        ids = [b""] * len(entries)
        for places, (_, found) in zip(by_stream.values(), answers, strict=True):
            for at, entry_id in zip(places, found, strict=True):
                ids[at] = entry_id
        return sum(wakeups for wakeups, _ in answers), ids

    @property
    def is_atomic(self) -> bool:
        """Whether a write is there as a whole or not at all."""
        return not self._nodes.is_cluster

    async def aclose(self) -> None:
        """Closes the connections that it opened."""
        await self._nodes.aclose()

    async def _run(
        self, entries: Sequence[Entry], cache_entries: Sequence[CacheEntry], cache_entry_seconds: int
    ) -> tuple[int, list[bytes]]:
        # Most appends have one stream, and many entries.
        numbers: dict[str, int] = {}
        values: list[bytes | int] = []
        for entry in entries:
            values += (numbers.setdefault(entry.stream, len(numbers) + 1), entry.events, entry.payload)
        keys = [key for stream in numbers for key in (stream, accounting_key(stream), wakeup_key(stream))]
        keys += [entry.key for entry in cache_entries]
        values += [entry.value for entry in cache_entries]
        words = (len(keys), *keys, len(numbers), WAKEUP_TTL_MS, cache_entry_seconds, token_hex(8), len(entries), *values)
        wakeups, *ids = await self._script.run(entries[0].stream, *words)
        return wakeups, ids
