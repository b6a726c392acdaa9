"""Step 5 of an event's path: entries are taken from the journal, new ones and those that a dead worker left, and given back as done."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from shared.journal import GROUP, PAYLOAD_FIELD, stream_key

# At most this many entries are in memory at once; an entry is at most 256 KB.
ENTRIES_PER_READ = 256
# A worker died this often with the entry in hand: it is tried alone; if that kills one more, it is buried.
DELIVERIES_BEFORE_ALONE = 3


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
    """Takes over what others hold for longer than `min_idle_ms`: some of each partition, with the number of times it was delivered.

    Who goes on to the next entry has dealt with the one before. A suspect is therefore taken only when its turn has come: whatever dies
    until then dies without it in hand, and it is not counted.
    """
    for partition in range(partitions):
        stream = stream_key(partition)
        pending = redis.xpending_range(stream, GROUP, "-", "+", ENTRIES_PER_READ, idle=min_idle_ms)
        deliveries: dict[Any, int] = {item["message_id"]: int(item["times_delivered"]) + 1 for item in pending}
        suspects = [entry_id for entry_id, number in deliveries.items() if number >= DELIVERIES_BEFORE_ALONE]
        others = [entry_id for entry_id in deliveries if entry_id not in suspects]
        for ids in [others, *([suspect] for suspect in suspects)]:
            # [(entry id, {field: value})], all bytes. Another worker may have been faster: then fewer come back, or none.
            answer: Any = redis.xclaim(stream, GROUP, consumer, min_idle_ms, ids) if ids else []
            for entry_id, fields in answer:
                if fields is None:
                    _forget_removed(redis, stream, ids)
                    continue
                yield Entry(stream, entry_id.decode(), fields[PAYLOAD_FIELD.encode()], deliveries[entry_id])


def _forget_removed(redis: Redis, stream: str, ids: list[Any]) -> None:
    """Redis before 7 answers (nil, nil) for an entry that somebody removed from the stream by hand, and keeps it pending for ever.

    Which one of several it is, it does not say; it becomes a suspect and is then asked for alone.
    """
    if len(ids) == 1:
        redis.xack(stream, GROUP, *ids)


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
