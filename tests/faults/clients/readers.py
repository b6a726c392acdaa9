"""The readers while the faults happen: a pulse on /healthz, whose process must not stand still, and questions, which may be refused, not fail."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.faults.clients.acks import Acks
from tests.faults.clients.client import NO_ANSWER, Client
from tests.faults.pace import stretch

PULSE_SECONDS = 0.1
ASK_SECONDS = 0.3
# /healthz asks no server, so a pulse this slow means that the process stood still; less is noise of the machine.
STANDSTILL_MS = 5_000
QUESTIONS = (
    "/api/projects?limit=5",
    "/api/sessions?limit=5",
    "/api/stats",
    "/api/conversations/search?q=parser&limit=5",
    "/api/tool-calls/stats",
    "/api/activities?limit=5",
    "/api/usage?group_by=model",
    "/readyz",
    "/metrics",
)


@dataclass
class Reading:
    """The readers' findings. While `is_api_struck`, silence is not the API's fault."""

    is_api_struck: bool = False
    pulses_ms: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)


@asynccontextmanager
async def reading(port: int, acks: Acks, outcome: Reading) -> AsyncIterator[None]:
    """They read inside."""
    pulse, asker = Client(port), Client(port)
    tasks = [
        asyncio.create_task(_again_and_again(lambda: _beat(pulse, acks, outcome), PULSE_SECONDS)),
        asyncio.create_task(_again_and_again(lambda: _ask(asker, acks, outcome), ASK_SECONDS)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        pulse.close()
        asker.close()
    for end in outcomes:
        if isinstance(end, Exception):
            raise end


async def _again_and_again(act: Callable[[], Awaitable[None]], seconds: float) -> None:
    while True:
        await act()
        await asyncio.sleep(seconds)


async def _beat(client: Client, acks: Acks, outcome: Reading) -> None:
    """C7, counted while nothing has happened to the API itself."""
    asked, was_struck, fault = time.monotonic(), outcome.is_api_struck, acks.fault
    try:
        await client.get("/healthz")
    except NO_ANSWER:
        # Its process was ended; if it was not, the writers see that too, and the supervisor counts it.
        return
    if was_struck or outcome.is_api_struck:
        return
    milliseconds = (time.monotonic() - asked) * 1000
    outcome.pulses_ms.append(milliseconds)
    if milliseconds > STANDSTILL_MS * stretch():
        outcome.violations.append(f"C7: /healthz took {milliseconds / 1000:.1f} s during: {fault}")


async def _ask(client: Client, acks: Acks, outcome: Reading) -> None:
    """C5: 200, or 503 with Retry-After."""
    path, fault = QUESTIONS[outcome.answers.total() % len(QUESTIONS)], acks.fault
    try:
        answer = await client.get(path)
    except NO_ANSWER as error:
        outcome.answers[type(error).__name__] += 1
        return
    outcome.answers[str(answer.status)] += 1
    if answer.status != 200 and not (answer.status == 503 and "retry-after" in answer.headers):
        shown = f"{answer.status} {answer.body[:300].decode(errors='replace')}"
        outcome.violations.append(f"C5: {path} was answered {shown}, during: {fault}")
