"""Requests queue for a server in arrival order while it answers at least one of them."""

import asyncio

import pytest

from services.ingest.http import backend_deadline
from services.ingest.http.bulkhead import Bulkhead

pytestmark = pytest.mark.anyio


async def exchange(bulkhead: Bulkhead, log: list[int], number: int, seconds: float = 0.001) -> None:
    async with bulkhead.slot():
        log.append(number)
        await asyncio.sleep(seconds)


async def test_requests_beyond_the_limit_run_in_arrival_order() -> None:
    bulkhead, log = Bulkhead(3), list[int]()
    await asyncio.gather(*(exchange(bulkhead, log, number) for number in range(100)))
    assert log == list(range(100))


async def test_a_queued_request_is_served_while_the_server_keeps_answering(monkeypatch: pytest.MonkeyPatch) -> None:
    """given a server that answers, when a crowd takes longer than one request may wait, then no request is refused."""
    monkeypatch.setattr(backend_deadline, "SECONDS", 0.05)
    bulkhead, log = Bulkhead(1), list[int]()
    await asyncio.gather(*(exchange(bulkhead, log, number, 0.01) for number in range(20)))
    assert len(log) == 20


async def test_queued_requests_fail_together_when_the_server_stops_answering(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_deadline, "SECONDS", 0.05)

    async def silent(bulkhead: Bulkhead) -> None:
        async with bulkhead.slot(), asyncio.timeout(0.06):
            await asyncio.Event().wait()

    bulkhead, log = Bulkhead(2), list[int]()
    async with asyncio.timeout(30):
        refused = await asyncio.gather(*(silent(bulkhead) for _ in range(50)), return_exceptions=True)
        # And then it is there again.
        await asyncio.gather(*(exchange(bulkhead, log, number) for number in range(5)))
    assert (set(map(type, refused)), log) == ({TimeoutError}, [0, 1, 2, 3, 4])


async def test_a_cancelled_request_frees_its_place() -> None:
    bulkhead, log = Bulkhead(1), list[int]()
    async with asyncio.timeout(30):
        # The first one holds the only place for as long as it is not cancelled.
        tasks = [asyncio.create_task(exchange(bulkhead, log, number, 0.001 if number else 30)) for number in range(30)]
        while not log:  # noqa: ASYNC110 - each step of the loop matters
            await asyncio.sleep(0)
        for at in (5, 6, 29, 0):
            tasks[at].cancel()
        # At the very moment at which its place becomes free.
        while log[-1] < 9:  # noqa: ASYNC110 - each step of the loop matters
            await asyncio.sleep(0)
        tasks[10].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await exchange(bulkhead, log, 100)
    assert log[-1] == 100
    assert set(range(30)) - set(log) >= {5, 6, 29}
