"""A time limit that costs nothing where nobody waits: the timer is made when the work first has to wait.

Nearly every body has come with its head. `asyncio.timeout` around it costs a write 3 µs of 60, to make a timer and to cancel it.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def in_time(
    work: Coroutine[Any, Any, T], seconds: float, while_waiting: Callable[[asyncio.Timeout], AbstractContextManager[None]]
) -> T:
    """What the work gives; TimeoutError if it is not done within `seconds`, and then it is cancelled.

    If it has to wait at all, it does so inside of `while_waiting`, which may bring the end of the time forward.
    """
    try:
        waits_for = work.send(None)
    except StopIteration as done:
        found: T = done.value
        return found
    async with asyncio.timeout(seconds) as timeout:
        with while_waiting(timeout):
            return await _rest(work, waits_for)


@coroutine
def _rest(work: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    """Goes on with a coroutine that waits for something already, as `await` would."""
    try:
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - it is the work's to catch
                waits_for = work.throw(error)
            else:
                waits_for = work.send(sent)
    except StopIteration as done:
        found: T = done.value
        return found
