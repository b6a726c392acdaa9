"""The lease of a partition: one worker process drains it at a time, so that a session's events are stored in order and no two wait for its rows.

A lease lasts for about a batch. Workers go round the partitions and skip those that another worker has leased. As long as there are as many
partitions with entries as workers, all workers are busy. The lease of a dead worker ends by itself, after the time at which its entries may be
taken over. Leases are for order alone: that each event is stored once rests on consumer_fencing.py.
"""

from typing import Any

from redis import Redis

from shared.journal.streams import lease_key, wakeup_key
from shared.redis import replica_acks

# KEYS: a lease. ARGV: worker process, ms.
_ACQUIRE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then
    return 1
end
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return 1
end
return 0
"""

# KEYS: a lease, the wake-up. ARGV: worker process. A worker woken while another held the lease has already exited, so this
# script tells the worker that releases the lease whether the wake-up is set.
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
return redis.call('EXISTS', KEYS[2])
"""


def acquire(redis: Redis, stream: str, process: str, lease_ms: int, replicas: int = 0) -> bool:
    """Takes the lease for the next `lease_ms`, or renews it. False if another process has it.

    With `replicas`, also waits until so many have on disk what was written to the stream before; else NotReplicatedError.
    """
    acquired: Any = replica_acks.write(
        redis, stream, replicas, lambda client: client.eval(_ACQUIRE, 1, lease_key(stream), process, lease_ms)
    )
    return bool(acquired)


def release(redis: Redis, stream: str, process: str) -> bool:
    """Ends the lease. True if a wake-up was sent since clear_wakeup(): then the partition has to be read again."""
    is_woken: Any = redis.eval(_RELEASE, 2, lease_key(stream), wakeup_key(stream), process)
    return bool(is_woken)


def clear_wakeup(redis: Redis, stream: str) -> None:
    """Called before a read that may find nothing: an event that arrives from now on sends a wake-up again."""
    redis.delete(wakeup_key(stream))


def worth_a_read(redis: Redis, streams: list[str]) -> list[str]:
    """The streams that have entries, or for which a wake-up was sent."""
    with redis.pipeline(transaction=False) as pipeline:
        for stream in streams:
            pipeline.xlen(stream)
            pipeline.exists(wakeup_key(stream))
        answers: list[Any] = pipeline.execute()
    return [stream for stream, entries, is_woken in zip(streams, answers[::2], answers[1::2], strict=True) if entries or is_woken]
