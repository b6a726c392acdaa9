"""The crowd before the product as `make up` runs it; and every so often the workers stand still, so that those who wait become many."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import closing
from typing import Any, Final
from uuid import UUID, uuid4

import uvloop

from tests.bench.report import milliseconds, percentile, table
from tests.crowd.clients import Notes, Scene, doctor, reader, slow_uploader, steady_uploader, waiter, watcher, writer
from tests.crowd.wire import Connection
from tests.faults.product.stack import Stack

# Shares of a thousand connections. Waiters, uploads and watchers exceed their limits, so that each limit is reached.
CROWD: Final[Mapping[str, tuple[Callable[[Scene], Coroutine[Any, Any, None]], int]]] = {
    "write": (writer, 200), "wait": (waiter, 300), "read": (reader, 100), "health": (doctor, 10),
    "upload": (steady_uploader, 40), "slow upload": (slow_uploader, 60), "watch": (watcher, 290),
}  # fmt: skip
QUICK: Final = ("write", "read", "health")
STANDSTILL_SECONDS: Final = 8.0
# For what is still under way when the story is over: the longest wait, and some more for a busy machine.
PATIENCE_SECONDS: Final = 60.0


def tell(stack: Stack, *, connections: int, seconds: float, standstill_every: float) -> Notes:
    """Lets a crowd at a running stack, and gives what it was answered."""
    return uvloop.run(_tell(stack, connections, seconds, standstill_every))


def refused(notes: Notes) -> dict[str, dict[str, int]]:
    """The quick requests that were not answered, by kind."""
    return {
        kind: bad for kind in QUICK if (bad := {outcome: n for outcome, n in notes.outcomes[kind].items() if not outcome.startswith("2")})
    }


def report(notes: Notes) -> str:
    """A table: requests by kind, what they were answered, how long that took."""
    rows = [
        [
            kind,
            str(sum(outcomes.values())),
            ", ".join(f"{outcome}: {count}" for outcome, count in outcomes.most_common()),
            milliseconds(percentile(notes.seconds[kind], 0.5) * 1000),
            milliseconds(percentile(notes.seconds[kind], 0.99) * 1000),
        ]
        for kind, outcomes in notes.outcomes.items()
    ]
    return table(["kind", "requests", "answers", "p50 ms", "p99 ms"], rows)


async def _tell(stack: Stack, connections: int, seconds: float, standstill_every: float) -> Notes:
    notes, job_id = Notes(), uuid4()
    await asyncio.to_thread(_add_job, stack, job_id)
    with closing(Connection(stack.port)) as connection:
        started = await connection.ask("POST", "/api/sessions/start", {"session_id": "crowd", "project_path": "/home/me/crowd"})
    assert started.status == 201, started
    scene = Scene(stack.port, notes, job_id, time.perf_counter() + seconds)
    whole = sum(count for _, count in CROWD.values())
    crowd = [asyncio.create_task(play(scene)) for play, count in CROWD.values() for _ in range(max(count * connections // whole, 1))]
    beside = [asyncio.create_task(_stand_still(stack, scene, standstill_every)), asyncio.create_task(_watch_self(scene))]
    await asyncio.sleep(seconds)
    _, unfinished = await asyncio.wait(crowd, timeout=PATIENCE_SECONDS)
    for task in (*unfinished, *beside):
        task.cancel()
    for outcome in await asyncio.gather(*crowd, *beside, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
    return notes


def _add_job(stack: Stack, job_id: UUID) -> None:
    """An import that goes on for as long as somebody watches it."""
    with stack.database() as connection:
        connection.execute(
            "INSERT INTO import_jobs (id, status, stage, files, bytes_total, started_at) VALUES (%s, 'running', 'reading', '[]', 1000000, now())",
            (job_id,),
        )


async def _stand_still(stack: Stack, scene: Scene, every: float) -> None:
    """Blocks the workers' writes now and then, and no reads. The job continues meanwhile."""

    def hold() -> None:
        with stack.database() as connection, connection.transaction():
            connection.execute("LOCK TABLE tool_calls, messages IN SHARE ROW EXCLUSIVE MODE")
            time.sleep(STANDSTILL_SECONDS)

    def go_on() -> None:
        with stack.database() as connection:
            connection.execute("UPDATE import_jobs SET bytes_done = bytes_done + 1 WHERE id = %s", (scene.job_id,))

    since = time.perf_counter()
    while True:
        await asyncio.sleep(1)
        await asyncio.to_thread(go_on)
        if time.perf_counter() - since >= every:
            await asyncio.to_thread(hold)
            since = time.perf_counter()


async def _watch_self(scene: Scene) -> None:
    """How late the crowd's own process is: what is slower than this may be slow here, not there."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.05)
        scene.notes.note("(the crowd itself)", "late", began + 0.05)
