"""Who drains a partition: one worker process at a time, so that a session's events are applied in order and no two wait for its rows.

A turn is short, a batch or so. Workers go round the partitions and pass over those where it is another's turn: however many there are of
either, all workers are busy as long as there are as many partitions with entries. A turn that nobody ends, its worker being dead, is over
after the time for which a worker's entries are left to it. No count depends on turns: what is stored, and stored once, is up to drainers.py.
"""

from typing import Any

from redis import Redis

from shared.journal.streams import turn_key, wakeup_key
from shared.redis import replica_acks

# KEYS: a turn. ARGV: who, ms.
_BEGIN = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
    return 1
end
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return 1
end
return 0
"""

# KEYS: a turn, the bell. ARGV: who. Who was rung for while it was another's turn has gone away again: the bell tells it to the other.
_END = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
return redis.call('EXISTS', KEYS[2])
"""


def begin(redis: Redis, stream: str, process: str, turn_ms: int, replicas: int = 0) -> bool:
    """Whether it is this process' turn for the next `turn_ms`; if it was already, it is so again from now.

    With `replicas`: and whatever was written to the stream before is on the disks of so many. NotReplicatedError if it is not.
    """
    begun: Any = replica_acks.write(redis, stream, replicas, lambda client: client.eval(_BEGIN, 1, turn_key(stream), process, turn_ms))
    return bool(begun)


def end(redis: Redis, stream: str, process: str) -> bool:
    """Lets others have their turn. True if the bell was rung since it was silenced: then there is something to come back for."""
    is_rung: Any = redis.eval(_END, 2, turn_key(stream), wakeup_key(stream), process)
    return bool(is_rung)


def silence(redis: Redis, stream: str) -> None:
    """Before the read that may find nothing: an event that arrives from now on rings again."""
    redis.delete(wakeup_key(stream))


def with_something(redis: Redis, streams: list[str]) -> list[str]:
    """Those of the streams that have entries, or whose bell was rung."""
    with redis.pipeline(transaction=False) as pipeline:
        for stream in streams:
            pipeline.xlen(stream)
            pipeline.exists(wakeup_key(stream))
        answers: list[Any] = pipeline.execute()
    return [stream for stream, entries, is_rung in zip(streams, answers[::2], answers[1::2], strict=True) if entries or is_rung]
