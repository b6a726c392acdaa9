"""What a write does in Redis: the script that appends, counts and rings, once for all or, in a Cluster, once for each partition."""

import asyncio
from collections.abc import Sequence
from hashlib import sha1
from secrets import token_hex
from typing import Any

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from services.ingest.http.queue_errors import REDIS_FAILURES
from shared.journal.streams import BELL_TTL_MS, EPOCH_FIELD, EVENTS_FIELD, PAYLOAD_FIELD, accounting_key, bell_key
from shared.redis import replica_acks
from shared.redis.cluster_nodes import Nodes

# All of it happens or none, as in MULTI, in one command and one answer, which is a third of the cost in Python.
# KEYS: stream, account and bell of each stream, the notes. ARGV: number of streams, TTLs of bell and notes, a name for accounts that have to be
# made, number of entries; the stream (from 1), events and payload of each entry; the notes' values. Answers how many bells are due, then the
# entries' ids. The bell comes last: a worker clears it before it reads, so who finds it ringing will be read.
_WRITE = f"""
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

# To name the script by its hash saves Redis the hashing.
_WRITE_SHA1 = sha1(_WRITE.encode(), usedforsecurity=False).hexdigest()


class Entry(Struct, frozen=True):
    """What one XADD writes: a payload of so many events. One of 0 is in no account: its events were accounted for before."""

    stream: str
    payload: bytes
    events: int


class Note(Struct, frozen=True):
    """What is known of a session, for the other ingest processes: written together with the entries, kept for a while."""

    key: str
    value: bytes


class AppendScript:
    """Writes to the journal, and answers once it is on as many disks as it has to be."""

    def __init__(self, redis: Redis, replicas: int = 0) -> None:
        self._redis = redis
        self._replicas = replicas
        self._nodes = Nodes(redis)

    async def write(self, entries: Sequence[Entry], notes: Sequence[Note], note_seconds: int) -> tuple[int, list[bytes]]:
        """How many bells are due, and the entries' ids. Redis' errors, NotReplicatedError among them, if not all of it is certain to be there.

        On one server all of it is there or nothing. In a Cluster some partitions may have theirs when others fail: who sends it again,
        with the ids that it had, makes no doubles.
        """
        if not self._nodes.is_cluster:
            return await self._run(entries, notes, note_seconds)
        by_stream: dict[str, list[int]] = {}
        for at, entry in enumerate(entries):
            by_stream.setdefault(entry.stream, []).append(at)
        answers = await asyncio.gather(*(self._run([entries[at] for at in places], (), note_seconds) for places in by_stream.values()))
        await asyncio.gather(*(self._redis.set(note.key, note.value, ex=note_seconds) for note in notes))
        ids = [b""] * len(entries)
        for places, (_, found) in zip(by_stream.values(), answers, strict=True):
            for at, entry_id in zip(places, found, strict=True):
                ids[at] = entry_id
        return sum(bells for bells, _ in answers), ids

    @property
    def is_atomic(self) -> bool:
        """Whether a write is there as a whole or not at all."""
        return not self._nodes.is_cluster

    async def aclose(self) -> None:
        """Closes the connections that it made."""
        await self._nodes.aclose()

    async def _run(self, entries: Sequence[Entry], notes: Sequence[Note], note_seconds: int) -> tuple[int, list[bytes]]:
        # Most appends have one stream, and many entries.
        numbers: dict[str, int] = {}
        values: list[bytes | int] = []
        for entry in entries:
            values += (numbers.setdefault(entry.stream, len(numbers) + 1), entry.events, entry.payload)
        keys = [key for stream in numbers for key in (stream, accounting_key(stream), bell_key(stream))]
        keys += [note.key for note in notes]
        values += [note.value for note in notes]
        words = (len(keys), *keys, len(numbers), BELL_TTL_MS, note_seconds, token_hex(8), len(entries), *values)
        try:
            node = await self._nodes.of(entries[0].stream)
            try:
                bells, *ids = await self._send(node, "EVALSHA", _WRITE_SHA1, *words)
            except NoScriptError:
                # A Redis that has started anew: it knows the script from now on.
                bells, *ids = await self._send(node, "EVAL", _WRITE, *words)
        except REDIS_FAILURES:
            self._nodes.look_again()
            raise
        return bells, ids

    async def _send(self, node: Redis, *words: Any) -> Any:
        if not self._replicas:
            return await node.execute_command(*words)  # type: ignore[no-untyped-call]
        async with node.pipeline(transaction=False) as pipe:
            pipe.execute_command(*words)
            for wait in replica_acks.waits(self._replicas):
                pipe.execute_command(*wait)
            answer, *acks = await pipe.execute()
        replica_acks.check(acks, self._replicas)
        return answer
