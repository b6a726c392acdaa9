"""Partition leases: one worker drains a partition at a time, none is forgotten, and a dead worker's lease expires."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from services.worker.drain import consumer_fencing, partition_lease
from services.worker.drain.consumer_fencing import JournalConsumer
from services.worker.drain.drain_partition import batches, drain
from services.worker.drain.stream_reader import Entry
from services.worker.resources import Resources, open_resources
from shared.journal.partitions import PARTITIONS_KEY
from shared.journal.streams import lease_key, partition_of, stream_key, wakeup_key
from tests.integration.worker.accounting.accounting_world import PARTITIONS, STREAMS, World, call


@pytest.fixture
def world(world: World) -> World:
    """The two workers as two processes have them: under names of their own."""
    return replace(
        world, me=replace(world.me, consumer=JournalConsumer("me")), other=replace(world.other, consumer=JournalConsumer("other"))
    )


def session_in(partition: int) -> str:
    """A session whose events go there."""
    return next(name for name in map(str, range(100)) if partition_of(name, PARTITIONS) == partition)


def going_round(worker: Resources) -> Iterator[list[Entry]]:
    with worker.transaction() as connection:
        consumer = consumer_fencing.register(connection, worker.consumer)
    return batches(worker, consumer, deadline=time.monotonic() + 60)


def test_two_workers_drain_different_partitions(world: World) -> None:
    # Given entries in both partitions
    for partition in range(PARTITIONS):
        world.append(call(session_id=session_in(partition)))

    # When both workers are in the middle of a batch
    mine, others = next(going_round(world.me)), next(going_round(world.other))

    # Then each has one partition
    assert {entry.stream for entry in [*mine, *others]} == set(STREAMS)
    assert {entry.stream for entry in mine}.isdisjoint({entry.stream for entry in others})


def test_a_leased_partition_is_not_read_by_another_worker(world: World) -> None:
    world.append(call(session_id=session_in(0)))
    partition_lease.acquire(world.redis, STREAMS[0], "somebody", 60_000)

    drain(world.me)

    assert world.redis.xlen(STREAMS[0]) == 1


def test_the_lease_of_a_dead_worker_expires(world: World) -> None:
    world.append(call(session_id=session_in(0)))
    partition_lease.acquire(world.redis, STREAMS[0], "a dead worker", 50)
    time.sleep(0.1)

    drain(world.me)

    assert world.redis.xlen(STREAMS[0]) == 0
    assert world.sums() == (1, 1, 0, 0, 0)


def test_only_the_owner_renews_and_releases_a_lease(world: World) -> None:
    stream = STREAMS[0]
    assert partition_lease.acquire(world.redis, stream, "a", 60_000)
    assert not partition_lease.acquire(world.redis, stream, "b", 1_000)
    assert partition_lease.acquire(world.redis, stream, "a", 600_000)
    assert world.redis.pttl(lease_key(stream)) > 60_000

    partition_lease.release(world.redis, stream, "b")
    assert not partition_lease.acquire(world.redis, stream, "b", 1_000)
    partition_lease.release(world.redis, stream, "a")
    assert partition_lease.acquire(world.redis, stream, "b", 1_000)


def test_an_event_with_a_wakeup_during_another_workers_lease_is_drained(world: World) -> None:
    # Given a lease under which nothing was found, and which has not ended yet
    stream = STREAMS[0]
    partition_lease.acquire(world.redis, stream, "a", 60_000)
    partition_lease.clear_wakeup(world.redis, stream)

    # When an event comes, and the worker that it wakes exits again
    world.append(call(session_id=session_in(0)))
    drain(world.me)
    assert world.redis.xlen(stream) == 1

    # Then the first worker is told when it releases its lease
    assert partition_lease.release(world.redis, stream, "a")


def test_a_finished_drain_leaves_neither_wakeup_nor_lease(world: World) -> None:
    for partition in range(PARTITIONS):
        world.append(call(session_id=session_in(partition)))
    assert all(world.redis.exists(wakeup_key(stream)) for stream in STREAMS)

    drain(world.me)

    assert not any(world.redis.exists(wakeup_key(stream)) for stream in STREAMS)
    assert not any(world.redis.exists(lease_key(stream)) for stream in STREAMS)


@pytest.mark.parametrize(("before", "after"), [(4, 2), (4, 1), (1, 4), (2, 4)])
def test_no_partition_keeps_entries_after_their_number_changed(world: World, before: int, after: int) -> None:
    # Given entries that were written with another number of partitions
    world.append(*(call(session_id=str(n)) for n in range(20)), partitions=before)

    # When a worker of the new number drains
    changed = open_resources(world.me.settings.model_copy(update={"journal_partitions": after}))
    try:
        drain(changed)
    finally:
        changed.close()

    # Then all is stored, and any worker's equation counts all partitions that ever were
    assert sum(world.redis.xlen(stream_key(partition)) for partition in range(4)) == 0
    assert world.sums() == (20, 20, 0, 0, 0)
    assert int(world.redis.get(PARTITIONS_KEY) or 0) == before


def test_the_recorded_number_of_partitions_never_decreases(world: World) -> None:
    world.append(call(), partitions=4)
    world.append(call(), partitions=2)
    assert world.redis.get(PARTITIONS_KEY) == b"4"
