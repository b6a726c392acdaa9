"""The journal's streams as the worker uses them: read new entries, claim abandoned ones, acknowledge, release.

A consumer name is never used twice (consumer_fencing.py). Entries are claimed only from a fenced name: by then it is certain which
of them that consumer has stored.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import ResponseError

from shared.journal.streams import EPOCH_FIELD, EVENTS_FIELD, GROUP, PAYLOAD_FIELD, accounting_key
from shared.redis import replica_acks

# At most this many entries are in memory at once, and about so many bytes: a range of a transcript may have megabytes.
ENTRIES_PER_READ = 256
BYTES_PER_READ = 32 * 1024**2
# How many of a stream's nodes Redis looks at to estimate the size of an entry.
NODES_SAMPLED = 20
# As many are acknowledged in one script. That takes a few ms, in which Redis does nothing else.
ENTRIES_PER_SCRIPT = 1000
# After so many deliveries, each but the last to a worker that died, an entry is tried alone. One more, and it becomes a dead letter.
DELIVERIES_BEFORE_ALONE = 3

# KEYS: a stream. ARGV: group, consumer that claims, idle ms, then id and holder of each entry. Claims those which that holder still holds.
# An entry that was deleted from the stream by hand is acknowledged: else it would be pending for ever.
_CLAIM = """
local claimed = {}
for i = 4, #ARGV, 2 do
    local id, holder = ARGV[i], ARGV[i + 1]
    if #redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], id, id, 1, holder) == 1 then
        local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], id)[1]
        if entry and entry[2] then
            claimed[#claimed + 1] = entry
        else
            redis.call('XACK', KEYS[1], ARGV[1], id)
        end
    end
end
return claimed
"""

# KEYS: a stream and its account. ARGV: group, epoch, then id and number of events of each entry. Only entries that it deletes count as settled.
_ACKNOWLEDGE = f"""
local settled = 0
for i = 3, #ARGV, 2 do
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
    if redis.call('XDEL', KEYS[1], ARGV[i]) == 1 then
        settled = settled + ARGV[i + 1]
    end
end
if settled > 0 and redis.call('HGET', KEYS[2], '{EPOCH_FIELD}') == ARGV[2] then
    redis.call('HINCRBY', KEYS[2], 'settled', settled)
end
"""

# KEYS: a stream. ARGV: group, consumer, then ids. Entries that another consumer holds by now are left alone.
_RELEASE = """
for i = 3, #ARGV do
    if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'IDLE', 0, 'RETRYCOUNT', 0, 'JUSTID')
    end
end
"""

# KEYS: a stream. ARGV: group, consumer, at most how many.
_RELEASE_UNREAD = """
for _, item in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[3], ARGV[2])) do
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, item[1], 'IDLE', 0, 'RETRYCOUNT', 0, 'JUSTID')
end
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry. `deliveries` counts how often a worker took it; more than one means that a worker died with it.

    `epoch` is its account, `events` the number of events it was accepted for. Entries of versions without accounts have "" and None.
    """

    stream: str
    entry_id: str
    payload: bytes
    epoch: str = ""
    events: int | None = None
    deliveries: int = 1

    @property
    def account(self) -> tuple[str, str]:
        """Entries of one account can be stored in one batch."""
        return self.stream, self.epoch

    @property
    def approximate_events(self) -> int:
        """Exact with an account, else guessed without decoding. A wrong guess only makes a batch longer or shorter."""
        return self.events if self.events is not None else self.payload.count(b'"type":')


class Pending(NamedTuple):
    """An entry that another consumer holds. `deliveries` includes the one that a claim would be."""

    entry_id: str
    holder: str
    deliveries: int


def make_group(redis: Redis, stream: str) -> None:
    """Creates the consumer group of a stream, which reads from the very first entry. Nothing happens if it exists."""
    try:
        redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def affordable(redis: Redis, stream: str) -> int:
    """How many entries of a stream may be read at once, by their average size."""
    size: Any = redis.memory_usage(stream, samples=NODES_SAMPLED)
    entries: Any = redis.xlen(stream)
    return max(1, min(ENTRIES_PER_READ, BYTES_PER_READ * entries // size if size else ENTRIES_PER_READ))


def read_new(redis: Redis, stream: str, consumer: str, count: int = ENTRIES_PER_READ) -> list[Entry]:
    """Reads up to `count` entries that no consumer has had. From now on `consumer` holds them."""
    # [[stream, [(entry id, {field: value})]]], all bytes
    answer: Any = redis.xreadgroup(GROUP, consumer, {stream: ">"}, count=count) or []
    return [_entry(stream, entry_id, fields) for _, entries in answer for entry_id, fields in entries]


def find_abandoned(redis: Redis, stream: str, min_idle_ms: int, count: int = ENTRIES_PER_READ) -> list[Pending]:
    """Up to `count` entries that their consumers have held for longer than `min_idle_ms`."""
    pending: Any = redis.xpending_range(stream, GROUP, "-", "+", count, idle=min_idle_ms)
    return [Pending(item["message_id"].decode(), item["consumer"].decode(), item["times_delivered"] + 1) for item in pending]


def claim(redis: Redis, stream: str, consumer: str, min_idle_ms: int, pending: Sequence[Pending]) -> list[Entry]:
    """Makes `consumer` the holder of abandoned entries. Gives fewer, or none, if another worker was faster."""
    deliveries = {each.entry_id: each.deliveries for each in pending}
    held = [word for each in pending for word in (each.entry_id, each.holder)]
    # [[entry id, [field, value, …]]], all bytes
    answer: Any = redis.eval(_CLAIM, 1, stream, GROUP, consumer, min_idle_ms, *held)
    return [
        _entry(stream, entry_id, dict(zip(fields[::2], fields[1::2], strict=True)), deliveries[entry_id.decode()])
        for entry_id, fields in answer
    ]


def find_entries(redis: Redis, ids: Iterable[tuple[str, str]]) -> list[Entry]:
    """The entries of these (stream, entry id) that are still in the journal."""
    wanted = list(ids)
    with redis.pipeline(transaction=False) as pipeline:
        for stream, entry_id in wanted:
            pipeline.xrange(stream, entry_id, entry_id)
        answers: list[Any] = pipeline.execute()
    return [_entry(stream, *found[0]) for (stream, _), found in zip(wanted, answers, strict=True) if found]


def acknowledge(redis: Redis, entries: Iterable[Entry], replicas: int = 0) -> None:
    """Acknowledges and deletes entries whose transaction is committed, and counts their events as settled, in one script for up to 1,000.

    With `replicas` it has certainly happened only if there is no NotReplicatedError.
    """
    for (stream, epoch), of_account in _by_account(entries).items():
        for at in range(0, len(of_account), ENTRIES_PER_SCRIPT):
            words: list[str | int] = [
                word for entry in of_account[at : at + ENTRIES_PER_SCRIPT] for word in (entry.entry_id, entry.events or 0)
            ]
            replica_acks.write(redis, stream, replicas, partial(_acknowledge, stream, epoch, words))


def _acknowledge(stream: str, epoch: str, words: list[str | int], redis: Redis) -> Any:
    return redis.eval(_ACKNOWLEDGE, 2, stream, accounting_key(stream), GROUP, epoch, *words)


def release(redis: Redis, entries: Iterable[Entry], consumer: str) -> None:
    """Resets the delivery count of entries that could not be stored because a server was unavailable: it is not their fault."""
    for (stream, _), of_account in _by_account(entries).items():
        for at in range(0, len(of_account), ENTRIES_PER_SCRIPT):
            redis.eval(_RELEASE, 1, stream, GROUP, consumer, *(entry.entry_id for entry in of_account[at : at + ENTRIES_PER_SCRIPT]))


def release_unread(redis: Redis, stream: str, consumer: str) -> None:
    """The same after a read whose answer did not arrive, so that the entries it took are unknown."""
    redis.eval(_RELEASE_UNREAD, 1, stream, GROUP, consumer, ENTRIES_PER_READ)


def _entry(stream: str, entry_id: bytes, fields: dict[bytes, bytes], deliveries: int = 1) -> Entry:
    epoch, events = fields.get(EPOCH_FIELD.encode(), b"").decode(), fields.get(EVENTS_FIELD.encode())
    return Entry(stream, entry_id.decode(), fields[PAYLOAD_FIELD.encode()], epoch, None if events is None else int(events), deliveries)


def _by_account(entries: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    accounts: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        accounts.setdefault(entry.account, []).append(entry)
    return accounts
