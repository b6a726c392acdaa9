"""Which entries are persisted together: those of one account, up to a number of events; suspects alone."""

import time
from collections.abc import Callable, Collection, Iterator
from functools import partial
from random import sample
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from services.worker.drain import consumer_fencing, limited_reads, partition_lease
from services.worker.drain.stream_reader import DELIVERIES_BEFORE_ALONE, Entry, make_group, take_abandoned, take_new
from services.worker.resources import Resources
from shared.journal.partitions import streams_in_use
from shared.redis.clients import REDIS_ERRORS

# How long what a dead worker left may lie, beyond the time after which it is taken to be dead.
LOOK_SECONDS = 1.0


class _Gathering:
    """Entries that wait to be a batch, by account."""

    def __init__(self, max_events: int) -> None:
        self._max_events = max_events
        self._waiting: dict[tuple[str, str], tuple[list[Entry], int]] = {}

    def add(self, entry: Entry) -> list[Entry] | None:
        """The batch that is full with this entry, if one is."""
        entries, events = self._waiting.get(entry.account, ([], 0))
        entries.append(entry)
        events += _events_in(entry)
        self._waiting[entry.account] = entries, events
        return self._waiting.pop(entry.account)[0] if events >= self._max_events else None

    def empty(self) -> Iterator[list[Entry]]:
        """All that waits."""
        waiting, self._waiting = self._waiting, {}
        for entries, _ in waiting.values():
            yield entries


def batches(worker: Resources, consumer: str, deadline: float, look_seconds: float = LOOK_SECONDS) -> Iterator[list[Entry]]:
    """What dead workers left, looked for at first and every `look_seconds`, and what nobody has had; a partition after the other, turn by turn.

    Ends when nothing is left but where it is another's turn. After the deadline no more is taken, but all that was taken is given: it
    would have to wait to be taken over.
    """
    streams = streams_in_use(worker.redis, worker.settings.journal_partitions)
    look_at: dict[str, float] = {}
    # Each worker begins somewhere else.
    streams = sample(streams, len(streams))
    is_something_left = True
    while is_something_left:
        is_something_left = False
        for stream in partition_lease.with_something(worker.redis, streams):
            if time.monotonic() >= deadline:
                return
            if not prolong(worker, stream):
                continue
            if time.monotonic() >= look_at.get(stream, 0.0):
                # With nothing in hand: what this worker holds itself could have been idle for long enough to be taken from it.
                yield from _abandoned(worker, consumer, stream)
                look_at[stream] = time.monotonic() + look_seconds
            for batch in _new(worker, consumer, stream):
                is_something_left = True
                yield batch
            is_something_left |= partition_lease.end(worker.redis, stream, worker.drainer.process)


def prolong(worker: Resources, stream: str) -> bool:
    """Begins this worker's turn at a partition, or prolongs it; False if it is another's. NotReplicatedError if its entries are not safe."""
    settings = worker.settings
    return partition_lease.begin(worker.redis, stream, worker.drainer.process, settings.claim_idle_ms, settings.redis_replicas_acked)


def _new(worker: Resources, consumer: str, stream: str) -> Iterator[list[Entry]]:
    """What nobody has had: entries until a batch is full or there are no more."""
    gathering = _Gathering(worker.settings.drain_batch_events)
    is_silenced = is_full = False
    # A turn lasts for one read; where it is another's by now, that one reads on.
    while not is_full and prolong(worker, stream):
        try:
            entries: list[Entry] = _read_in_time(worker, stream, lambda client, count: take_new(client, stream, consumer, count))
        except REDIS_ERRORS:
            # What came before is in hand, and stored before the turn is given up.
            yield from gathering.empty()
            raise
        for entry in entries:
            if batch := gathering.add(entry):
                is_full = True
                yield batch
        if not entries:
            if is_silenced:
                break
            partition_lease.silence(worker.redis, stream)
            is_silenced = True
    yield from gathering.empty()


def _abandoned(worker: Resources, consumer: str, stream: str) -> Iterator[list[Entry]]:
    """What dead workers left, not more than a read of it; suspects one by one."""
    gathering = _Gathering(worker.settings.drain_batch_events)

    def fence(holders: Collection[str]) -> Collection[str]:
        with worker.connection() as connection:
            return consumer_fencing.fence(connection, worker.redis, holders, worker.settings.redis_replicas_acked)

    try:
        read_in_time = partial(_read_in_time, worker, stream)
        idle_ms, count = worker.settings.claim_idle_ms, worker.drainer.entries_per_read
        for entry in take_abandoned(worker.redis, stream, consumer, idle_ms, fence, read_in_time, count):
            if entry.deliveries >= DELIVERIES_BEFORE_ALONE:
                yield from gathering.empty()
                yield [entry]
            elif batch := gathering.add(entry):
                yield batch
        yield from gathering.empty()
    except ResponseError as error:
        if "NOGROUP" not in str(error):
            raise
        make_group(worker.redis, stream)


def _read_in_time(worker: Resources, stream: str, read: Callable[[Redis, int], Any]) -> Any:
    return limited_reads.read_in_time(worker.redis, stream, worker.drainer, worker.settings.claim_idle_ms, read)


def _events_in(entry: Entry) -> int:
    """Of an entry without an account counted without decoding twice; a wrong guess makes a batch longer or shorter, nothing else."""
    return entry.events if entry.events is not None else entry.payload.count(b'"type":')
