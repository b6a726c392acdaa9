"""Step 5 of an event's path: entries are taken from the journal, new ones and those that a dead worker left, and given back as done."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from shared.journal import GROUP, PAYLOAD_FIELD, stream_key

# At most this many entries are in memory at once; an entry is at most 256 KB.
ENTRIES_PER_READ = 256


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry. `deliveries` counts how often a worker has taken it; more than one means that a worker died with it."""

    stream: str
    entry_id: str
    payload: bytes
    deliveries: int = 1


def make_groups(redis: Redis, partitions: int) -> None:
    """Makes the consumer group of every partition, reading from the very first entry. Nothing happens where it exists."""
    for partition in range(partitions):
        try:
            redis.xgroup_create(stream_key(partition), GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


def take_abandoned(redis: Redis, partitions: int, consumer: str, min_idle_ms: int) -> Iterator[Entry]:
    """Takes over what others hold for longer than `min_idle_ms`, with the number of times it was delivered."""
    for partition in range(partitions):
        stream = stream_key(partition)
        start = "0-0"
        while True:
            start, entries, *_ = redis.xautoclaim(stream, GROUP, consumer, min_idle_ms, start, ENTRIES_PER_READ)
            if entries:
                yield from _counted(redis, stream, consumer, entries)
            start = start.decode()
            if start == "0-0":
                break


def _counted(redis: Redis, stream: str, consumer: str, entries: list[tuple[bytes, dict[bytes, bytes]]]) -> Iterator[Entry]:
    first, last = entries[0][0], entries[-1][0]
    pending = redis.xpending_range(stream, GROUP, first, last, ENTRIES_PER_READ * 2, consumer)
    deliveries: dict[Any, int] = {item["message_id"]: int(item["times_delivered"]) for item in pending}
    for entry_id, fields in entries:
        yield Entry(stream, entry_id.decode(), fields[PAYLOAD_FIELD.encode()], deliveries.get(entry_id, 1))


def take_new(redis: Redis, partitions: int, consumer: str) -> list[Entry]:
    """Takes entries that nobody has had, some of each partition."""
    streams: dict[Any, Any] = {stream_key(partition): ">" for partition in range(partitions)}
    # [[stream, [(entry id, {field: value})]]], all bytes
    answer: Any = redis.xreadgroup(GROUP, consumer, streams, count=ENTRIES_PER_READ) or []
    return [
        Entry(stream.decode(), entry_id.decode(), fields[PAYLOAD_FIELD.encode()])
        for stream, entries in answer
        for entry_id, fields in entries
    ]


def done(redis: Redis, entries: list[Entry]) -> None:
    """Acknowledges and removes entries whose transaction is committed. Both or neither."""
    with redis.pipeline(transaction=True) as pipeline:
        for stream, ids in _by_stream(entries).items():
            pipeline.xack(stream, GROUP, *ids)
            pipeline.xdel(stream, *ids)
        pipeline.execute()


def give_back(redis: Redis, entries: list[Entry], consumer: str) -> None:
    """After an operational error: the entries' delivery count starts again, since it is not they that failed."""
    for stream, ids in _by_stream(entries).items():
        redis.xclaim(stream, GROUP, consumer, 0, ids, idle=0, retrycount=0, justid=True)


def _by_stream(entries: list[Entry]) -> dict[str, list[Any]]:
    streams: dict[str, list[Any]] = {}
    for entry in entries:
        streams.setdefault(entry.stream, []).append(entry.entry_id)
    return streams
