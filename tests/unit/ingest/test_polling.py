"""One poll serves all waiters. Each learns about its own key, and about a failed poll."""

import asyncio
from collections.abc import Collection

import pytest

from services.ingest.events.polling import Poller

pytestmark = pytest.mark.anyio


def poller(done: set[int], looks: list[int]) -> Poller[int]:
    async def find_done(keys: Collection[int]) -> list[int]:
        looks.append(len(keys))
        await asyncio.sleep(0)
        return [key for key in keys if key in done]

    return Poller(find_done, first_pause=0.001, longest_pause=0.005)


async def test_one_poll_serves_all_waiters() -> None:
    done, looks = set[int](), list[int]()
    ours = poller(done, looks)
    async with asyncio.timeout(30):
        waiting = [asyncio.create_task(ours.until_done(key)) for key in (1, 2, 2, 3)]
        waiting.append(asyncio.create_task(ours.until_done(1, 3)))
        await asyncio.sleep(0.05)
        done |= {1, 2}
        await asyncio.gather(*waiting[:3])
        heard = [task.done() for task in waiting]
        done.add(3)
        await asyncio.gather(*waiting)
    assert (heard, max(looks)) == ([True, True, True, False, False], 3)


async def test_polling_stops_without_waiters() -> None:
    looks: list[int] = []
    ours = poller(set(), looks)
    waiting = asyncio.create_task(ours.until_done(1))
    await asyncio.sleep(0.02)
    waiting.cancel()
    await asyncio.sleep(0.02)
    before = len(looks)
    await asyncio.sleep(0.05)
    assert 0 < before == len(looks)


async def test_a_failed_poll_is_raised_to_all_waiters_and_polling_resumes() -> None:
    fails = True

    async def find_done(keys: Collection[int]) -> Collection[int]:
        if fails:
            raise ConnectionError
        return keys

    ours = Poller(find_done, first_pause=0.001, longest_pause=0.005)
    async with asyncio.timeout(30):
        told = await asyncio.gather(ours.until_done(1, 2), ours.until_done(2), return_exceptions=True)
        fails = False
        await ours.until_done(1)
    assert [type(error) for error in told] == [ConnectionError, ConnectionError]


@pytest.mark.parametrize("keys", [(), (1,)])
async def test_a_finished_key_returns_without_waiting(keys: tuple[int, ...]) -> None:
    async with asyncio.timeout(30):
        await poller({1}, []).until_done(*keys)
