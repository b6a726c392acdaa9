"""One poll serves all waiters. Each learns about its own key, and about a failed poll."""

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


def test_one_poll_serves_all_waiters() -> None:
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


def test_polling_stops_without_waiters() -> None:
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


def test_a_failed_poll_is_raised_to_all_waiters_and_polling_resumes() -> None:
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
def test_a_finished_key_returns_without_waiting(keys: tuple[int, ...]) -> None:
    asyncio.run(asyncio.wait_for(poller({1}, []).until_done(*keys), 30))
