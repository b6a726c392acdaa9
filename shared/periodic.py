"""Loops that run beside a service's requests until it stops."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any


async def stops_within(stopping: asyncio.Event, seconds: float) -> bool:
    """Waits; False after `seconds`, True as soon as `stopping` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
    return stopping.is_set()


@asynccontextmanager
async def in_background(watch: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Runs `watch` during the block, sets the event that it was given at the end, and waits for it."""
    stopping = asyncio.Event()
    task = asyncio.create_task(watch(stopping))
    try:
        yield
    finally:
        # Not cancelled: redis-py may swallow that, by Python 3.11's wait_for.
        stopping.set()
        await task
