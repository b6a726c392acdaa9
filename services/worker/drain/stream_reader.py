"""Step 5 of an event's path: entries are taken from the journal, new ones and those that a dead worker left, and given back as done.

In the journal a worker goes by a name that nobody has had before it (drainers.py). To take over what another holds is to claim it from that
name, after that name has been fenced: so whoever holds an entry has settled what its former holders had done with it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from shared.journal.streams import EPOCH_FIELD, EVENTS_FIELD, GROUP, PAYLOAD_FIELD, accounting_key
from shared.redis import replica_acks

# At most this many entries are in memory at once; an entry is at most 256 KB.
ENTRIES_PER_READ = 256
# As many are acknowledged in one script: a few ms, in which Redis does nothing else.
ENTRIES_PER_SCRIPT = 1000
# A worker died this often with the entry in hand: it is tried alone; if that kills one more, it is buried.
DELIVERIES_BEFORE_ALONE = 3

# KEYS: a stream. ARGV: group, who claims, idle ms, then id and holder of each entry. Claims those which that holder still holds.
# An entry that somebody removed from the stream by hand is forgotten: else it would be pending for ever.
_CLAIM = """
local taken = {}
for i = 4, #ARGV, 2 do
    local id, holder = ARGV[i], ARGV[i + 1]
    if #redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], id, id, 1, holder) == 1 then
        local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], id)[1]
        if entry and entry[2] then
            taken[#taken + 1] = entry
        else
            redis.call('XACK', KEYS[1], ARGV[1], id)
        end
    end
end
return taken
"""

# Calls a read with a client and the number of entries to ask for, within a time limit (limited_reads.py).
ReadInTime = Callable[[Callable[[Redis, int], Any]], Any]

# KEYS: a stream and its account. ARGV: group, epoch, then id and number of events of each entry. Only what this removes is settled by it.
_DONE = f"""
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

# KEYS: a stream. ARGV: group, who holds them, how many.
_GIVE_BACK_UNREAD = """
for _, item in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[3], ARGV[2])) do
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, item[1], 'IDLE', 0, 'RETRYCOUNT', 0, 'JUSTID')
end
"""

# KEYS: a stream. ARGV: group, who holds them, then ids. What somebody else has meanwhile is his.
_GIVE_BACK = """
for i = 3, #ARGV do
    if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[i], 'IDLE', 0, 'RETRYCOUNT', 0, 'JUSTID')
    end
end
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One journal entry. `deliveries` counts how often a worker has taken it; more than one means that a worker died with it.

    `epoch` names the account that it belongs to and `events` is how many it counts for there; "" and None if it was written by a version
    that kept no account.
    """

    stream: str
    entry_id: str
    payload: bytes
    epoch: str = ""
    events: int | None = None
    deliveries: int = 1

    @property
    def account(self) -> tuple[str, str]:
        """Entries of one account can be settled together."""
        return self.stream, self.epoch


def make_group(redis: Redis, stream: str) -> None:
    """Makes the consumer group of a stream, reading from the very first entry. Nothing happens if it exists."""
    try:
        redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


def take_abandoned(
    redis: Redis,
    stream: str,
    consumer: str,
    min_idle_ms: int,
    fence: Callable[[Collection[str]], Collection[str]],
    read_in_time: "ReadInTime | None" = None,
    count: int = ENTRIES_PER_READ,
) -> Iterator[Entry]:
    """Takes over what others hold for longer than `min_idle_ms`: some of a stream, with the number of times it was delivered.

    `fence` is told the names of the holders and says of which of them entries may be claimed. Who goes on to the next entry has dealt with
    the one before. A suspect is therefore taken only when its turn has come: whatever dies until then dies without it in hand, and it is
    not counted.
    """
    read_in_time = read_in_time or (lambda read: read(redis, ENTRIES_PER_READ))
    pending: Any = redis.xpending_range(stream, GROUP, "-", "+", count, idle=min_idle_ms)
    deliveries = {item["message_id"]: item["times_delivered"] + 1 for item in pending}
    holder_of = {item["message_id"]: item["consumer"].decode() for item in pending}
    holders = set(holder_of.values()) - {consumer}
    fenced = fence(holders) if holders else ()
    holder_of = {entry_id: holder for entry_id, holder in holder_of.items() if holder in fenced}
    suspects = [entry_id for entry_id in holder_of if deliveries[entry_id] >= DELIVERIES_BEFORE_ALONE]
    others = [entry_id for entry_id in holder_of if deliveries[entry_id] < DELIVERIES_BEFORE_ALONE]
    for ids in [others, *([suspect] for suspect in suspects)]:
        held = [word for entry_id in ids for word in (entry_id, holder_of[entry_id])]
        # [[entry id, [field, value, …]]], all bytes. Another worker may have been faster: then fewer come back, or none.
        answer: Any = read_in_time(partial(_claim, stream, consumer, min_idle_ms, held)) if ids else []
        for entry_id, fields in answer:
            yield _entry(stream, entry_id, dict(zip(fields[::2], fields[1::2], strict=True)), deliveries[entry_id])


def _claim(stream: str, consumer: str, min_idle_ms: int, held: list[str], redis: Redis, _: int) -> Any:
    return redis.eval(_CLAIM, 1, stream, GROUP, consumer, min_idle_ms, *held)


def take_new(redis: Redis, stream: str, consumer: str, count: int = ENTRIES_PER_READ) -> list[Entry]:
    """Takes entries of a stream that nobody has had, some of them."""
    # [[stream, [(entry id, {field: value})]]], all bytes
    answer: Any = redis.xreadgroup(GROUP, consumer, {stream: ">"}, count=count) or []
    return [_entry(stream, entry_id, fields) for _, entries in answer for entry_id, fields in entries]


def find(redis: Redis, places: Iterable[tuple[str, str]]) -> list[Entry]:
    """Of entries named by stream and id, those that are still in the journal."""
    wanted = list(places)
    with redis.pipeline(transaction=False) as pipeline:
        for stream, entry_id in wanted:
            pipeline.xrange(stream, entry_id, entry_id)
        answers: list[Any] = pipeline.execute()
    return [_entry(stream, *found[0]) for (stream, _), found in zip(wanted, answers, strict=True) if found]


def done(redis: Redis, entries: Iterable[Entry], replicas: int = 0) -> None:
    """Acknowledges and removes entries whose transaction is committed, and settles their events. All of it or nothing, a script at a time.

    With `replicas` it is certain only without a NotReplicatedError.
    """
    for (stream, epoch), of_account in _by_account(entries).items():
        for at in range(0, len(of_account), ENTRIES_PER_SCRIPT):
            words: list[str | int] = [
                word for entry in of_account[at : at + ENTRIES_PER_SCRIPT] for word in (entry.entry_id, entry.events or 0)
            ]
            replica_acks.write(redis, stream, replicas, partial(_settle, stream, epoch, words))


def _settle(stream: str, epoch: str, words: list[str | int], redis: Redis) -> Any:
    return redis.eval(_DONE, 2, stream, accounting_key(stream), GROUP, epoch, *words)


def give_back(redis: Redis, entries: Iterable[Entry], consumer: str) -> None:
    """After an operational error: the entries' delivery count starts again, since it is not they that failed."""
    for (stream, _), of_account in _by_account(entries).items():
        for at in range(0, len(of_account), ENTRIES_PER_SCRIPT):
            redis.eval(_GIVE_BACK, 1, stream, GROUP, consumer, *(entry.entry_id for entry in of_account[at : at + ENTRIES_PER_SCRIPT]))


def give_back_unread(redis: Redis, stream: str, consumer: str) -> None:
    """After a read whose answer did not come: whatever it took for this name is as if nobody had tried it."""
    redis.eval(_GIVE_BACK_UNREAD, 1, stream, GROUP, consumer, ENTRIES_PER_READ)


def _entry(stream: str, entry_id: bytes, fields: dict[bytes, bytes], deliveries: int = 1) -> Entry:
    epoch, events = fields.get(EPOCH_FIELD.encode(), b"").decode(), fields.get(EVENTS_FIELD.encode())
    return Entry(stream, entry_id.decode(), fields[PAYLOAD_FIELD.encode()], epoch, None if events is None else int(events), deliveries)


def _by_account(entries: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    accounts: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        accounts.setdefault(entry.account, []).append(entry)
    return accounts
