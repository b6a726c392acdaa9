"""Load, and the count after it: every event that was answered 2xx is stored once, and the journal's equation holds."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg

from deploy.embedded.supervision import processes
from tests.faults.clients.acks import Acks
from tests.faults.clients.writers import Tally, writing
from tests.scale.pipeline import Pipeline

DRAINED_SECONDS = 90.0
_TABLES = ("session_events", "messages", "tool_calls", "activities")
_STORED = " UNION ALL ".join(f"SELECT id FROM {table}" for table in _TABLES)


def load(pipeline: Pipeline, folder: Path, *, seconds: float, rate: float, meanwhile: Callable[[], None] = lambda: None) -> set[str]:
    """Writers send for so long, each event until it is accepted, while `meanwhile` happens in the middle. The ids that were accepted."""
    acks, tally = Acks(folder / f"acks-{time.monotonic_ns()}"), Tally()

    async def run() -> None:
        async with writing(pipeline.port, acks, tally, seed=time.monotonic_ns(), rate=rate):
            await asyncio.sleep(seconds / 2)
            await asyncio.to_thread(meanwhile)
            await asyncio.sleep(seconds / 2)

    asyncio.run(run())
    acks.close()
    assert tally.violations == [], tally.violations[:3]
    return {line.partition("\t")[0] for line in acks.path.read_text().splitlines()}


def equation(pipeline: Pipeline) -> dict[str, Any]:
    """accepted = persisted + duplicate + dead + pending, as GET /api/accounting tells it; {} while it cannot."""
    answer = httpx.get(f"{pipeline.url}/api/accounting", timeout=10, trust_env=False)
    found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return found


def assert_all_stored(pipeline: Pipeline, database_url: str, accepted: set[str]) -> dict[str, Any]:
    """Once the journal is empty. Gives the equation."""
    drained = processes.wait_until(lambda: equation(pipeline).get("pending") == 0, DRAINED_SECONDS)
    found = equation(pipeline)
    assert drained, (found, pipeline.tail())
    with psycopg.connect(database_url) as connection:
        stored = [str(row[0]) for row in connection.execute(_STORED.encode())]
    assert accepted - set(stored) == set()
    assert len(stored) == len(set(stored))
    assert (found["drift"], found["dead"]) == (0, 0), found
    return found
