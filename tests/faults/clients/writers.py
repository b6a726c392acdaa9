"""The load: writers that send at a given rate, and send again, the same ids and the same body, until they are told that it is accepted."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.faults.clients.acks import Acks
from tests.faults.clients.client import NO_ANSWER, Answer, Client
from tests.faults.clients.load import Request, requests
from tests.faults.pace import wait_until

WRITERS = 16
RETRY_SECONDS = 0.2
LONG_SECONDS = 1.0
# A writer that was held up makes up for this much, so that the faults do not thin the load out.
CATCH_UP_SECONDS = 5.0
# A request that is accepted is sent once more now and then, as by a client that did not see the answer.
AGAIN_EVERY = 50
# The promise: after a fault, and after the end of the load, everything is accepted within a minute (stretched: tests/faults/pace.py).
RECOVERY_SECONDS = 60.0
REFUSAL_SECONDS = 1.5
# Overloaded and away: to be sent again.
REFUSALS = (429, 503)


@dataclass
class Tally:
    """The writers' findings."""

    violations: list[str] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    slow_refusals: Counter[str] = field(default_factory=Counter)
    slowest_refusal_seconds: float = 0.0

    def refused(self, seconds: float, fault: str) -> None:
        """A 429 or 503 with Retry-After: allowed, and it should come soon."""
        self.slowest_refusal_seconds = max(self.slowest_refusal_seconds, seconds)
        if seconds > REFUSAL_SECONDS:
            self.slow_refusals[fault] += 1


class Writer:
    """One connection and its sessions."""

    def __init__(self, client: Client, acks: Acks, tally: Tally, seed: str, events_per_second: float) -> None:
        self._client = client
        self._acks = acks
        self._tally = tally
        self._requests = requests(seed)
        self._seconds_per_event = 1 / events_per_second

    async def run(self, stopping: asyncio.Event) -> None:
        """Sends until `stopping` is set; what is under way then is still brought to its end."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for number, request in enumerate(self._requests):
            due = max(due, loop.time() - CATCH_UP_SECONDS)
            await _sleep(due - loop.time(), stopping)
            if stopping.is_set():
                return
            due += len(request.events) * self._seconds_per_event
            await self._send(request)
            if number % AGAIN_EVERY == 0:
                await self._send(request)

    async def _send(self, request: Request) -> None:
        while True:
            loop = asyncio.get_running_loop()
            sent_at = loop.time()
            try:
                answer = await self._client.post(request.path, request.body)
            except NO_ANSWER as error:
                self._tally.answers[type(error).__name__] += 1
            else:
                self._tally.answers[str(answer.status)] += 1
                problem = _problem(answer, request)
                if problem is None and answer.status not in REFUSALS:
                    await self._acks.record(request, sent_at)
                    return
                if problem is None:
                    self._tally.refused(loop.time() - sent_at, self._acks.fault)
                else:
                    self._tally.violations.append(f"C5: {request.path} was answered {problem}, after the fault: {self._acks.fault}")
            await asyncio.sleep(RETRY_SECONDS)


async def _sleep(seconds: float, stopping: asyncio.Event) -> None:
    """Until then, or until it is over: a slow writer has long pauses after its batches."""
    if seconds < LONG_SECONDS:
        await asyncio.sleep(max(0, seconds))
        return
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


def _problem(answer: Answer, request: Request) -> str | None:
    """The fault of an answer that should not have been; None for an acceptance of all its events, and for a refusal with Retry-After."""
    shown = f"{answer.status} {answer.body[:300].decode(errors='replace')}"
    if answer.status in REFUSALS:
        return None if "retry-after" in answer.headers else f"{shown} without Retry-After"
    if answer.status not in (200, 201):
        return shown
    content = json.loads(answer.body)
    is_whole = "accepted" not in content or (content["accepted"] == len(request.events) and not content["rejected"])
    return None if is_whole else shown


@asynccontextmanager
async def writing(port: int, acks: Acks, tally: Tally, *, seed: int, rate: float) -> AsyncIterator[None]:
    """All writers are at work inside; at the end they finish what they have begun."""
    stopping = asyncio.Event()
    clients = [Client(port) for _ in range(WRITERS)]
    tasks = [
        asyncio.create_task(Writer(client, acks, tally, f"{seed}/{number}", rate / WRITERS).run(stopping))
        for number, client in enumerate(clients)
    ]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.to_thread(wait_until, lambda: all(task.done() for task in tasks), RECOVERY_SECONDS)
        unfinished = [task for task in tasks if not task.done()]
        for task in unfinished:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for client in clients:
            client.close()
    if unfinished:
        tally.violations.append(
            f"C6: {len(unfinished)} requests were still not accepted {RECOVERY_SECONDS:.0f} s after the end of the load"
        )
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
