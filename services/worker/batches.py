"""Which entries are persisted together: those of one account, up to a number of events; suspects alone."""

import time
from collections.abc import Collection, Iterator

from redis.exceptions import ResponseError

from services.worker import drainers
from services.worker.resources import Resources
from services.worker.take import DELIVERIES_BEFORE_ALONE, Entry, make_groups, take_abandoned, take_new

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
    """What dead workers left, looked for at first and every `look_seconds`, and what nobody has had.

    After the deadline no more is taken, but all that was taken is given: it would have to wait to be taken over.
    """
    gathering = _Gathering(worker.settings.drain_batch_events)
    look_at = 0.0
    while True:
        now = time.monotonic()
        is_time_left = now < deadline
        if is_time_left and now >= look_at:
            # With nothing in hand: what this worker holds itself could have been idle for long enough to be taken from it.
            yield from gathering.empty()
            yield from _abandoned(worker, consumer)
            look_at = now + look_seconds
        entries = take_new(worker.redis, worker.settings.journal_partitions, consumer) if is_time_left else []
        for entry in entries:
            if batch := gathering.add(entry):
                yield batch
        if not entries:
            rest = list(gathering.empty())
            yield from rest
            if not rest:
                return


def _abandoned(worker: Resources, consumer: str) -> Iterator[list[Entry]]:
    """What dead workers left, not more than a read of each partition; suspects one by one."""
    partitions = worker.settings.journal_partitions
    gathering = _Gathering(worker.settings.drain_batch_events)

    def fence(holders: Collection[str]) -> Collection[str]:
        with worker.connection() as connection:
            return drainers.fence(connection, worker.redis, holders)

    try:
        for entry in take_abandoned(worker.redis, partitions, consumer, worker.settings.claim_idle_ms, fence):
            if entry.deliveries >= DELIVERIES_BEFORE_ALONE:
                yield from gathering.empty()
                yield [entry]
            elif batch := gathering.add(entry):
                yield batch
        yield from gathering.empty()
    except ResponseError as error:
        if "NOGROUP" not in str(error):
            raise
        make_groups(worker.redis, partitions)


def _events_in(entry: Entry) -> int:
    """Of an entry without an account counted without decoding twice; a wrong guess makes a batch longer or shorter, nothing else."""
    return entry.events if entry.events is not None else entry.payload.count(b'"type":')
