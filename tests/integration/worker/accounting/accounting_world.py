"""Two workers on one journal and one database, of which each may stop at any moment."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from services.ingest.journal.append import Entry as NewEntry
from services.ingest.journal.append import Journal, entries_of
from services.ingest.journal.backlog import Backlog
from services.ingest.journal.wakeup import WakeupSender
from services.worker.drain import consumer_fencing
from services.worker.drain.accounting import accounting
from services.worker.drain.drain_partition import store_batch
from services.worker.drain.stream_reader import Entry, read_new
from services.worker.resources import Resources
from shared.broker import sender
from shared.events.messages import Event, ToolCall
from shared.journal.streams import GROUP, stream_key

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PARTITIONS = 2
STREAMS = [stream_key(partition) for partition in range(PARTITIONS)]


@dataclass
class World:
    """A journal, a database, and two workers, `me` and `other`, of which each may stop anywhere."""

    me: Resources
    other: Resources
    redis: Redis
    accepted: int = 0
    in_hand: list[Entry] = field(default_factory=list)
    is_committed: bool = False

    def append(self, *events: Event, partition: int = 0, payload: bytes | None = None, n: int = 0, partitions: int = PARTITIONS) -> None:
        """As ingest does."""
        entries: Sequence[NewEntry] = (
            [NewEntry(stream_key(partition), payload, n)]
            if payload is not None
            else entries_of(events, [100] * len(events), request_id="r", received_at=NOW, partitions=partitions)
        )
        asyncio.run(_append(self.me.settings.redis_url, entries, partitions))
        self.accepted += len(events) + n

    def take(self, worker: Resources) -> list[Entry]:
        """The numbers of entries that are new, in the worker's hands and nowhere else."""
        with worker.transaction() as connection:
            consumer = consumer_fencing.register(connection, worker.consumer)
        entries = [entry for stream in STREAMS for entry in read_new(worker.redis, stream, consumer)]
        account = entries[0].account if entries else None
        return [entry for entry in entries if entry.account == account]

    def commit(self, worker: Resources, entries: list[Entry]) -> None:
        """As far as the commit, and no further. FencedError if another has taken over."""
        assert worker.consumer.name
        with worker.transaction() as connection:
            store_batch(worker, connection, worker.consumer.name, entries)

    def sums(self) -> tuple[int, int, int, int, int]:
        """Accepted, persisted, duplicate, dead, pending."""
        found = accounting(self.me)
        return found.accepted, found.persisted, found.duplicate, found.dead, found.pending

    def let_time_pass(self) -> None:
        """All that is held by anyone has been held for long."""
        for stream in STREAMS:
            for item in self.redis.xpending_range(stream, GROUP, "-", "+", 1000):
                deliveries = int(item["times_delivered"])
                self.redis.xclaim(stream, GROUP, item["consumer"], 0, [item["message_id"]], idle=60_000, retrycount=deliveries, justid=True)


async def _append(redis_url: str, entries: Sequence[NewEntry], partitions: int) -> None:
    async with AsyncRedis.from_url(redis_url) as redis:
        await Journal(redis, WakeupSender(sender(redis_url)), Backlog(redis, partitions=partitions, max_entries=1000)).append(entries)


def call(event_id: UUID | None = None, *, name: str = "Bash", session_id: str | None = None) -> ToolCall:
    return ToolCall(tool_name=name, result_status="success", timestamp=NOW, id=event_id or uuid4(), session_id=session_id)
