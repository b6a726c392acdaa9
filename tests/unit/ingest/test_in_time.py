"""Work that does not wait needs no timer; work that waits is given as long as was said."""

import asyncio
from collections.abc import Coroutine
from contextlib import nullcontext
from typing import Any

import pytest

from services.ingest.http.body_timeout import in_time


async def at_once() -> str:
    return "done"


async def after(event: asyncio.Event) -> str:
    await event.wait()
    await asyncio.sleep(0)
    return "done"


def run(work: Coroutine[Any, Any, str], seconds: float = 30) -> str:
    return asyncio.run(in_time(work, seconds, nullcontext))


def test_what_does_not_wait_is_there_without_a_turn_of_the_loop() -> None:
    with pytest.raises(StopIteration) as done:
        in_time(at_once(), 0, nullcontext).send(None)
    assert done.value.value == "done"


def test_what_waits_for_several_things_gives_what_it_would_give() -> None:
    async def scene() -> str:
        event = asyncio.Event()
        asyncio.get_running_loop().call_soon(event.set)
        return await in_time(after(event), 30, nullcontext)

    assert asyncio.run(scene()) == "done"


def test_what_waits_too_long_is_told_and_ends() -> None:
    ended: list[str] = []

    async def endless() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")
        return ""

    with pytest.raises(TimeoutError):
        run(endless(), 0.01)
    assert ended == ["cleaned up"]


def test_a_failure_of_what_is_waited_for_is_the_works_own_to_catch() -> None:
    async def catching(failing: asyncio.Future[None]) -> str:
        try:
            await failing
        except ConnectionError:
            await asyncio.sleep(0)
            return "caught"
        return "not reached"

    async def scene() -> str:
        failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(failing.set_exception, ConnectionError())
        return await in_time(catching(failing), 30, nullcontext)

    assert asyncio.run(scene()) == "caught"


def test_an_error_before_any_wait_comes_out() -> None:
    async def failing() -> str:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        run(failing())


def test_who_cancels_the_waiting_cancels_the_work() -> None:
    async def scene() -> bool:
        event = asyncio.Event()
        work = after(event)
        task = asyncio.create_task(in_time(work, 30, nullcontext))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled() and work.cr_frame is None

    assert asyncio.run(scene())
