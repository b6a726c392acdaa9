"""Work that does not block needs no timer. Work that blocks gets the given time."""

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


def test_work_that_does_not_block_finishes_without_the_event_loop() -> None:
    with pytest.raises(StopIteration) as done:
        in_time(at_once(), 0, nullcontext).send(None)
    assert done.value.value == "done"


def test_work_with_several_awaits_returns_its_result() -> None:
    async def scene() -> str:
        event = asyncio.Event()
        asyncio.get_running_loop().call_soon(event.set)
        return await in_time(after(event), 30, nullcontext)

    assert asyncio.run(scene()) == "done"


def test_work_past_its_deadline_is_cancelled() -> None:
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


def test_work_can_catch_the_error_of_what_it_awaits() -> None:
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


def test_an_error_before_the_first_await_is_raised() -> None:
    async def failing() -> str:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        run(failing())


def test_cancelling_the_caller_cancels_the_work() -> None:
    async def scene() -> bool:
        event = asyncio.Event()
        work = after(event)
        task = asyncio.create_task(in_time(work, 30, nullcontext))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled() and work.cr_frame is None

    assert asyncio.run(scene())
