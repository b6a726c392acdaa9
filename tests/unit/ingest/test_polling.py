"""One look is for all who wait; each hears of what it waits for, and of a look that fails."""

import asyncio
from collections.abc import Collection

import pytest

from services.ingest.events.polling import Poller


def poller(done: set[int], looks: list[int]) -> Poller[int]:
    async def find_done(keys: Collection[int]) -> list[int]:
        looks.append(len(keys))
        await asyncio.sleep(0)
        return [key for key in keys if key in done]

    return Poller(find_done, first_pause=0.001, longest_pause=0.005)


def test_each_hears_of_its_own_and_a_look_is_for_all() -> None:
    async def story() -> tuple[list[bool], int]:
        done, looks = set[int](), list[int]()
        ours = poller(done, looks)
        waiting = [asyncio.create_task(ours.until_done(key)) for key in (1, 2, 2, 3)]
        waiting.append(asyncio.create_task(ours.until_done(1, 3)))
        await asyncio.sleep(0.05)
        done |= {1, 2}
        await asyncio.gather(*waiting[:3])
        heard = [task.done() for task in waiting]
        done.add(3)
        await asyncio.gather(*waiting)
        return heard, max(looks)

    assert asyncio.run(asyncio.wait_for(story(), 30)) == ([True, True, True, False, False], 3)


def test_nobody_looks_when_nobody_waits() -> None:
    async def story() -> bool:
        looks: list[int] = []
        ours = poller(set(), looks)
        waiting = asyncio.create_task(ours.until_done(1))
        await asyncio.sleep(0.02)
        waiting.cancel()
        await asyncio.sleep(0.02)
        before = len(looks)
        await asyncio.sleep(0.05)
        return 0 < before == len(looks)

    assert asyncio.run(story())


def test_a_look_that_fails_is_told_to_all_and_the_next_one_begins_anew() -> None:
    async def story() -> list[type]:
        fails = True

        async def find_done(keys: Collection[int]) -> Collection[int]:
            if fails:
                raise ConnectionError
            return keys

        ours = Poller(find_done, first_pause=0.001, longest_pause=0.005)
        told = await asyncio.gather(ours.until_done(1, 2), ours.until_done(2), return_exceptions=True)
        fails = False
        await ours.until_done(1)
        return [type(error) for error in told]

    assert asyncio.run(asyncio.wait_for(story(), 30)) == [ConnectionError, ConnectionError]


@pytest.mark.parametrize("keys", [(), (1,)])
def test_what_is_done_already_is_not_waited_for(keys: tuple[int, ...]) -> None:
    asyncio.run(asyncio.wait_for(poller({1}, []).until_done(*keys), 30))
