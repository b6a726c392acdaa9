"""The account stays balanced under any sequence of appends, poison, crashes, takeovers, late commits and acknowledgements."""

import json
from uuid import UUID, uuid4

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.worker.drain.accounting import accounting
from services.worker.drain.consumer_fencing import FencedError
from services.worker.drain.drain_partition import drain
from services.worker.drain.stream_reader import acknowledge, make_group
from tests.example_counts import examples
from tests.integration.worker.accounting.accounting_world import STREAMS, World, call
from tests.kept_connection import execute

IDS = [UUID(int=number) for number in range(1, 9)]
STEPS = st.one_of(
    st.tuples(st.just("append"), st.lists(st.sampled_from(range(len(IDS))), min_size=1, max_size=4)),
    st.tuples(st.just("poison"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["unreadable", "time", "drain", "other drains", "take", "commit", "acknowledge", "die"]), st.none()),
)


@given(st.lists(STEPS, max_size=20))
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_account_balances_after_any_sequence_of_steps(world: World, steps: list[tuple[str, object]]) -> None:
    world = _begin_again(world)
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
            acknowledge(world.redis, world.in_hand)
            world.in_hand = []
        case "die":
            _lose_name(world)


def _lose_name(world: World) -> None:
    world.other.consumer.name = None
    world.in_hand = []


def _begin_again(world: World) -> World:
    """The same servers and workers, with nothing in them."""
    world.redis.flushdb()
    for stream in STREAMS:
        make_group(world.redis, stream)
    execute(world.me.settings.database_url, "TRUNCATE accounts, drainers, ledger, dead_letters, tool_calls, sessions, session_events")
    world.me.consumer.name = None
    world.other.consumer.name = None
    return World(world.me, world.other, world.redis)
