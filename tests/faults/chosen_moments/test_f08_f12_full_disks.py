"""F8 and F12: the disk of the journal, of the rows, of Postgres' log or of everything is full, then has room again."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from redis.exceptions import RedisError

from shared.journal.streams import stream_key
from tests.faults import checks
from tests.faults.clients.acks import Acks
from tests.faults.clients.writers import RECOVERY_SECONDS, Tally, writing
from tests.faults.devices.small_disk import SmallDisk, small_disk
from tests.faults.pace import long_only, wait_until
from tests.faults.product.stack import SERVICES, Stack

RATE = 300.0
SYMPTOM_SECONDS = 60.0
FULL_SECONDS = 3.0
# How long an entry waits in the journal when its rows find no room; otherwise it is a tenth of a second. Not how many wait: a writer whose next
# request begins a session needs Postgres, and sends no more.
WAITING_SECONDS = 3.0


def refuses(stack: Stack, tally: Tally) -> bool:
    return tally.answers["503"] > 0


def keeps_in_the_journal(stack: Stack, tally: Tally) -> bool:
    """Postgres cannot store; `pg_switch_wal` makes it need another of its files soon, as hours of work would."""
    try:
        with stack.database() as connection:
            connection.execute("SELECT pg_switch_wal()")
    except psycopg.Error:
        pass
    try:
        with stack.redis() as redis:
            oldest, now = redis.xrange(stream_key(0), count=1), redis.time()
            return bool(oldest) and now[0] - int(oldest[0][0].split("-")[0]) / 1000 > WAITING_SECONDS
    except RedisError:
        return False


async def through_a_full_disk(stack: Stack, disk: SmallDisk, acks: Acks, tally: Tally, symptom: Callable[[Stack, Tally], bool]) -> None:
    async with writing(stack.port, acks, tally, seed=8, rate=RATE):
        await acks.next_accepted(0)
        acks.fault = "the disk is full"
        await asyncio.to_thread(disk.fill)
        assert await asyncio.to_thread(wait_until, lambda: symptom(stack, tally), SYMPTOM_SECONDS), f"no symptom; answers: {tally.answers}"
        await asyncio.sleep(FULL_SECONDS)
        acks.fault = "the disk has room again"
        await asyncio.to_thread(disk.free)
        accepted = asyncio.ensure_future(acks.next_accepted(asyncio.get_running_loop().time()))
        assert await asyncio.to_thread(wait_until, accepted.done, RECOVERY_SECONDS), "no new event was accepted"
        await asyncio.sleep(1)


@pytest.mark.parametrize(
    ("place", "symptom"),
    [
        ("redis", refuses),
        ("postgres/pg_wal", keeps_in_the_journal),
        pytest.param("postgres/base", keeps_in_the_journal, marks=long_only),
        pytest.param(".", refuses, marks=long_only),
    ],
)
def test_a_full_disk_loses_no_accepted_event_and_recovers_by_itself(
    tmp_path: Path, place: str, symptom: Callable[[Stack, Tally], bool]
) -> None:
    # Given a stack with its data partly on a small disk
    stack = Stack(tmp_path)
    stack.start()
    assert stack.stop() == 0

    acks, tally = Acks(tmp_path / "acknowledged"), Tally()

    with small_disk((stack.paths.data_dir / place).resolve(), megabytes=64 if place != "." else 300) as disk:
        stack.start()
        try:
            # When that is filled under load, and freed
            asyncio.run(through_a_full_disk(stack, disk, acks, tally, symptom))
            # Then nothing was answered that may not be, and every accepted event is stored once
            assert tally.violations == []
            for service in SERVICES:
                stack.deaths_wanted[service] = stack.deaths(service)
            count = checks.check(stack, acks)
            assert count.violations == []
            print(f"{place}: {dict(count.accepted)} accepted; answers {dict(tally.answers)}; deaths {dict(stack.deaths_wanted)}")
        finally:
            acks.close()
            code = stack.stop()
        assert code == 0
