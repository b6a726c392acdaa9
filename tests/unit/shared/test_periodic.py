"""Loops beside the requests: they wait, and end when they are told to."""

import asyncio
import time

import pytest

from shared.periodic import in_background, stops_within


def test_a_wait_ends_as_soon_as_the_service_stops() -> None:
    async def run() -> None:
        stopping = asyncio.Event()
        assert not await stops_within(stopping, 0.01)
        asyncio.get_running_loop().call_later(0.01, stopping.set)
        assert await stops_within(stopping, 60)
        assert await stops_within(stopping, 60), "it is still stopping"

    started = time.monotonic()
    asyncio.run(run())
    assert time.monotonic() - started < 30


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_a_loop_ends_with_its_block_also_after_an_error(error: type[Exception] | None) -> None:
    ended: list[bool] = []

    async def watch(stopping: asyncio.Event) -> None:
        while not await stops_within(stopping, 60):
            pass
        ended.append(True)

    async def run() -> None:
        async with in_background(watch):
            await asyncio.sleep(0)
            if error:
                raise error

    if error:
        with pytest.raises(error):
            asyncio.run(run())
    else:
        asyncio.run(run())
    assert ended == [True]
