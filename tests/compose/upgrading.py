"""An upgrade under load: clients that do as Retry-After says see no failure; nearly all need one retry."""

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field

from deploy.containers import compose
from tests.compose.images import TAG
from tests.compose.load import Load
from tests.compose.stack import Composed
from tests.faults.clients.client import NO_ANSWER, Answer, Client
from tests.faults.clients.load import Request, requests
from tests.faults.pace import stretch

PROGRAM = [sys.executable, "-m", "deploy.containers.upgrade"]
CLIENTS = 4
PAUSE_SECONDS = 0.1
RETRIES = 2
READS = ("/api/projects?limit=5", "/api/sessions?limit=5", "/api/stats")


@dataclass
class Callers:
    """Clients that wait for Retry-After and retry. `again`: what needed more than one retry. `failures`: requests that failed after the last."""

    sent: int = 0
    retried: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)


def upgrade(stack: Composed, load: Load) -> str:
    """From the images that run to those of TAG, with `make compose-upgrade`'s own program."""
    load.fault("upgrade")
    before = _images(stack)
    stack.set("TRACKER_IMAGE_TAG", TAG)
    callers, stopping = Callers(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_call(stack.port, load, callers, stopping)))
    thread.start()
    try:
        done = subprocess.run(PROGRAM, cwd=compose.REPOSITORY, capture_output=True, text=True, check=False)
    finally:
        stopping.set()
        thread.join()
    assert done.returncode == 0, done.stdout + done.stderr
    after = _images(stack)
    assert before.keys() == after.keys(), (before, after)
    assert not (same := [service for service in before if before[service] == after[service]]), f"not exchanged: {same}"
    assert not callers.failures, callers.failures[:5]
    flow = load.await_flow()
    seen = f"{callers.sent:,} requests, none failed (retried: {_listed(callers.retried)}; more than once: {_listed(callers.again)})"
    return f"{seen}; flowing after {flow:.1f} s; {'; '.join(done.stdout.splitlines())}"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} after {why}" for why, count in counts.items()) or "none"


def _images(stack: Composed) -> dict[str, str]:
    """{service of ours: its image's id}, of what runs."""
    stack.use()
    found = {one["Service"]: stack.inspect(one["ID"]) for one in compose.containers()}
    return {service: one["Image"] for service, one in found.items() if "claude-code-tracker" in one["Config"]["Image"]}


async def _call(port: int, load: Load, callers: Callers, stopping: threading.Event) -> None:
    await asyncio.gather(*(_caller(port, number, load, callers, stopping) for number in range(CLIENTS)))


async def _caller(port: int, number: int, load: Load, callers: Callers, stopping: threading.Event) -> None:
    client = Client(port)
    for count, request in enumerate(requests(f"upgrade/{number}")):
        if stopping.is_set():
            break
        if await _ask_and_retry(client, request, callers):
            load.acknowledge(request)
        await _ask_and_retry(client, READS[count % len(READS)], callers)
        await asyncio.sleep(PAUSE_SECONDS)
    client.close()


async def _ask_and_retry(client: Client, what: Request | str, callers: Callers) -> bool:
    """Whether it was answered well, at once or after a retry. A second one is for a moment in which Redis' disk lets everybody wait, upgrade or not.

    A busy machine may need more (tests/faults/pace.py).
    """
    callers.sent += 1
    answer, problem = await _ask(client, what)
    if problem is None:
        return True
    callers.retried[problem] += 1
    for number in range(round(RETRIES * stretch())):
        if number == 1:
            callers.again[problem or ""] += 1
        await asyncio.sleep(float(answer.headers.get("retry-after", 1)) if answer else 1)
        answer, problem = await _ask(client, what)
        if problem is None:
            return True
    callers.failures.append(f"{what if isinstance(what, str) else what.path}: {problem}")
    return False


async def _ask(client: Client, what: Request | str) -> tuple[Answer | None, str | None]:
    """The answer if one came, and what is wrong with it, or with its absence."""
    try:
        answer = await (client.get(what) if isinstance(what, str) else client.post(what.path, what.body))
    except NO_ANSWER as error:
        return None, type(error).__name__
    return answer, None if answer.status in (200, 201) else f"{answer.status} {json.loads(answer.body).get('code')}"
