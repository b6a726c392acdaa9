"""accepted = persisted + duplicate + dead + pending, to the event, whatever dies or is slow at whatever moment."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from services.ingest.doorbell import Doorbell
from services.ingest.journal import Entry as NewEntry
from services.ingest.journal import Journal, entries_of
from services.worker.accounting import accounting, check_accounting
from services.worker.drain import drain, settle
from services.worker.drainers import FencedError, hold
from services.worker.maintenance import remove_dead_consumers
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from services.worker.take import Entry, done, make_groups, take_new
from shared.accounting import CHECK_KEY
from shared.broker import sender
from shared.journal import GROUP, PAYLOAD_FIELD, accounting_key, stream_key
from shared.messages import Envelope, Event, ToolCall, encode_envelope

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PARTITIONS = 2


@dataclass
class World:
    """A journal, a database, and two workers, `me` and `other`, of which each may stop anywhere."""

    me: Resources
    other: Resources
    redis: Redis
    accepted: int = 0
    in_hand: list[Entry] = field(default_factory=list)
    is_committed: bool = False

    def append(self, *events: Event, partition: int = 0, payload: bytes | None = None, n: int = 0) -> None:
        """As ingest does."""
        entries: Sequence[NewEntry] = (
            [NewEntry(stream_key(partition), payload, n)]
            if payload is not None
            else entries_of(events, [100] * len(events), request_id="r", received_at=NOW, partitions=PARTITIONS)
        )
        asyncio.run(_append(self.me.settings.redis_url, entries))
        self.accepted += len(events) + n

    def take(self, worker: Resources) -> list[Entry]:
        """What is new, in the worker's hands and nowhere else."""
        with worker.transaction() as connection:
            consumer = worker.drainer.register(connection)
        entries = take_new(worker.redis, PARTITIONS, consumer)
        account = entries[0].account if entries else None
        return [entry for entry in entries if entry.account == account]

    def commit(self, worker: Resources, entries: list[Entry]) -> None:
        """As far as the commit, and no further. FencedError if another has taken over."""
        assert worker.drainer.name
        with worker.transaction() as connection:
            settle(worker, connection, worker.drainer.name, entries)

    def let_time_pass(self) -> None:
        """All that is held by anyone has been held for long."""
        for stream in map(stream_key, range(PARTITIONS)):
            for item in self.redis.xpending_range(stream, GROUP, "-", "+", 1000):
                deliveries = int(item["times_delivered"])
                self.redis.xclaim(stream, GROUP, item["consumer"], 0, [item["message_id"]], idle=60_000, retrycount=deliveries, justid=True)


async def _append(redis_url: str, entries: Sequence[NewEntry]) -> None:
    async with AsyncRedis.from_url(redis_url) as redis:
        await Journal(redis, Doorbell(sender(redis_url))).append(entries)


@pytest.fixture
def world(database_url: str, redis_url: str) -> Iterator[World]:
    settings = Settings(database_url=database_url, redis_url=redis_url, journal_partitions=PARTITIONS, claim_idle_ms=5_000)
    me, other = open_resources(settings), open_resources(settings)
    make_groups(me.redis, PARTITIONS)
    yield World(me, other, me.redis)
    me.close()
    other.close()


def call(event_id: UUID | None = None, *, name: str = "Bash", session_id: str | None = None) -> ToolCall:
    return ToolCall(tool_name=name, result_status="success", timestamp=NOW, id=event_id or uuid4(), session_id=session_id)


def sums(world: World) -> tuple[int, int, int, int, int]:
    found = accounting(world.me)
    return found.accepted, found.persisted, found.duplicate, found.dead, found.pending


def test_each_event_is_counted_once_as_what_it_became(world: World) -> None:
    # Given two events, one of them twice, one that Postgres refuses, and an entry of seven that nobody can read
    twice = call()
    world.append(twice, call(), twice, call(name="bad \x00 name"))
    world.append(payload=b"{not json", n=7)
    assert sums(world) == (11, 0, 0, 0, 11)

    # When they are drained
    drain(world.me)

    # Then the equation holds to the event
    assert sums(world) == (11, 2, 1, 8, 0)
    assert accounting(world.me).drift == 0


def test_what_a_worker_committed_and_did_not_acknowledge_is_acknowledged_and_not_counted_again(world: World) -> None:
    # Given a worker that dies between its commit and its acknowledgement, with more in its hands than it committed
    world.append(call())
    committed = world.take(world.other)
    world.commit(world.other, committed)
    world.append(call())
    world.take(world.other)
    assert sums(world)[1:] == (1, 0, 0, 2)
    world.let_time_pass()

    # When another takes over, then each is counted once
    drain(world.me)
    assert sums(world) == (2, 2, 0, 0, 0)
    assert world.redis.xpending(stream_key(0), GROUP)["pending"] == 0


def test_a_worker_that_was_taken_to_be_dead_commits_nothing_and_goes_on_under_a_new_name(world: World) -> None:
    # Given a worker that is stopped with an entry in hand, for so long that another stores it
    world.append(call())
    taken = world.take(world.other)
    former_name = world.other.drainer.name
    world.let_time_pass()
    drain(world.me)

    # When it goes on, then it can't commit
    with pytest.raises(FencedError):
        world.commit(world.other, taken)
    world.append(call())
    assert drain(world.other) is True
    world.let_time_pass()
    drain(world.other)
    assert world.other.drainer.name != former_name
    assert sums(world) == (2, 2, 0, 0, 0)


def test_a_worker_in_its_transaction_is_left_alone_however_long_it_takes(world: World) -> None:
    # Given a worker at the beginning of a slow transaction
    world.append(call())
    entries = world.take(world.other)
    assert world.other.drainer.name
    with world.other.transaction() as connection:
        hold(connection, world.other.drainer.name, entries)
        world.let_time_pass()

        # When another looks for what is abandoned, then it takes nothing, and goes on with what is new
        world.append(call())
        drain(world.me)
        assert sums(world) == (2, 1, 0, 0, 1)

        # And it comes to its end
        settle(world.other, connection, world.other.drainer.name, entries)
    done(world.redis, entries)
    assert sums(world) == (2, 2, 0, 0, 0)


def test_an_acknowledgement_that_comes_late_settles_nothing_twice(world: World) -> None:
    world.append(call())
    entries = world.take(world.other)
    world.commit(world.other, entries)
    world.let_time_pass()
    drain(world.me)

    done(world.redis, entries)

    assert sums(world) == (1, 1, 0, 0, 0)


def test_a_journal_that_was_replaced_begins_a_new_account(world: World) -> None:
    # Given events that are stored, and some that were lost with the journal
    world.append(call(), call())
    drain(world.me)
    world.append(call())
    world.redis.flushdb()
    make_groups(world.redis, PARTITIONS)

    # When new ones come, then they alone are in the equation, and it says that there was another
    world.append(call())
    drain(world.me)
    assert sums(world) == (1, 1, 0, 0, 0)
    assert accounting(world.me).former_epochs == 1
    assert accounting(world.me).drift == 0


def test_entries_of_an_earlier_version_are_stored_and_belong_to_no_account(world: World) -> None:
    # Given an entry as it was written before there were accounts, among others, and taken before by a worker of that version
    event = call()
    envelope = Envelope(version=1, request_id="r", received_at=NOW, events=[event])
    world.redis.xadd(stream_key(0), {PAYLOAD_FIELD: encode_envelope(envelope)})
    take_new(world.redis, PARTITIONS, "worker-of-an-earlier-version")
    world.append(call())
    world.let_time_pass()

    drain(world.me)

    assert sums(world) == (1, 1, 0, 0, 0)
    with psycopg.connect(world.me.settings.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM tool_calls").fetchone() == (2,)
        assert connection.execute("SELECT sum(persisted) FROM ledger").fetchone() == (2,)


def test_drift_is_found_whichever_way_it_goes_and_rings_an_alarm(world: World) -> None:
    world.append(call(), call())
    drain(world.me)
    assert check_accounting(world.me, 0).drift == 0
    assert world.redis.hget(CHECK_KEY, "alarms") is None

    # When Postgres has lost an event, or one was counted twice, or entries were removed from the journal by hand
    with psycopg.connect(world.me.settings.database_url, autocommit=True) as connection:
        connection.execute("UPDATE accounts SET persisted = persisted - 1")
        assert check_accounting(world.me, 0).drift == 1
        connection.execute("UPDATE accounts SET persisted = persisted + 4")
        assert check_accounting(world.me, 0).drift == 3
        connection.execute("UPDATE accounts SET persisted = persisted - 3")
    world.append(call())
    world.redis.xtrim(stream_key(0), 0)
    assert check_accounting(world.me, 0).drift == 1
    assert world.redis.hget(CHECK_KEY, "alarms") == b"3"


def test_rows_of_drainers_that_are_gone_are_removed_and_those_that_hold_something_are_kept(world: World) -> None:
    world.append(call())
    world.take(world.other)
    with psycopg.connect(world.me.settings.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO drainers (consumer) VALUES ('gone')")
        connection.execute("UPDATE drainers SET registered_at = now() - interval '2 hours'")
        remove_dead_consumers(world.me)
        assert connection.execute("SELECT consumer FROM drainers").fetchall() == [(world.other.drainer.name,)]


IDS = [UUID(int=number) for number in range(1, 9)]
STEPS = st.one_of(
    st.tuples(st.just("append"), st.lists(st.sampled_from(range(len(IDS))), min_size=1, max_size=4)),
    st.tuples(st.just("poison"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["unreadable", "time", "drain", "other drains", "take", "commit", "acknowledge", "die"]), st.none()),
)


@given(st.lists(STEPS, max_size=20))
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_in_whatever_order_the_equation_holds(sequences: "Sequences", steps: list[tuple[str, object]]) -> None:
    world = sequences.begin()
    accepted_ids: set[UUID] = set()
    for step, argument in steps:
        match step, argument:
            case "append", list(chosen):
                world.append(*(call(IDS[at], session_id=f"s{at % 3}") for at in chosen))
                accepted_ids |= {IDS[at] for at in chosen}
            case "poison", int(among):
                world.append(*(call() for _ in range(among)), call(name="\x00"))
                accepted_ids |= {uuid4() for _ in range(among)}
            case _:
                _do(world, step)
        assert accounting(world.me).drift == 0
    # In the end whatever is alive goes on.
    for _ in range(3):
        world.let_time_pass()
        drain(world.me)
        drain(world.other)
    found = accounting(world.me)
    assert (found.accepted, found.pending, found.drift) == (world.accepted, 0, 0)
    assert found.persisted + found.duplicate + found.dead == world.accepted
    with psycopg.connect(world.me.settings.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM tool_calls").fetchone() == (found.persisted,)
    assert found.persisted == len(accepted_ids)


def _do(world: World, step: str) -> None:
    match step:
        case "unreadable":
            world.append(payload=json.dumps({"version": 1}).encode(), n=3)
        case "time":
            world.let_time_pass()
        case "drain":
            drain(world.me)
        case "other drains" if not world.in_hand:
            drain(world.other)
        case "take" if not world.in_hand:
            world.in_hand, world.is_committed = world.take(world.other), False
        case "commit" if world.in_hand and not world.is_committed:
            try:
                world.commit(world.other, world.in_hand)
                world.is_committed = True
            except FencedError:
                _lose_name(world)
        case "acknowledge" if world.in_hand and world.is_committed:
            done(world.redis, world.in_hand)
            world.in_hand = []
        case "die":
            _lose_name(world)


def _lose_name(world: World) -> None:
    world.other.drainer.drop_name()
    world.in_hand = []


@dataclass
class Sequences:
    """Worlds of the same servers, one after the other."""

    world: World

    def begin(self) -> World:
        """An empty one."""
        me, other, redis = self.world.me, self.world.other, self.world.redis
        redis.flushdb()
        make_groups(redis, PARTITIONS)
        with psycopg.connect(me.settings.database_url, autocommit=True) as connection:
            connection.execute("TRUNCATE accounts, drainers, ledger, dead_letters, tool_calls, sessions, session_events")
        me.drainer.drop_name()
        other.drainer.drop_name()
        return World(me, other, redis)


@pytest.fixture
def sequences(world: World) -> Sequences:
    return Sequences(world)


def test_the_account_is_where_the_stream_is(world: World) -> None:
    assert accounting_key(stream_key(7)) == "accounting:{7}"
