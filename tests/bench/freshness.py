"""How long after its answer an event can be read: single tool calls over HTTP at a steady rate, with the real worker.

Readable is when a reader that looks every few milliseconds has found the row; how often it looked is told, as `look_ms`. So a number here is at
most that much too great, never too small.
"""

import asyncio
import time
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from uuid import UUID

import msgspec
import psycopg

from tests.bench.accepting import INGEST, start_sessions
from tests.bench.event_source import Event, Events
from tests.bench.http_load import answered, request
from tests.bench.report import percentile
from tests.bench.servers import served
from tests.bench.stack import Stack, celery

CONNECTIONS = 32
# The first events wait for connections, caches and plans.
WARM_UP_EVENTS = 500
# One of so many events is looked for, so that looking takes little from what is measured.
LOOK_FOR_EVERY = 10
# How many are looked for at once, the oldest first.
LOOK_FOR_AT_ONCE = 50
LOOK_PAUSE_SECONDS = 0.002
LOST_AFTER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Freshness:
    """Milliseconds from answer to readable, how far apart the looks were (median), and how many events a second were answered."""

    p50_ms: float
    p99_ms: float
    look_ms: float
    events_a_second: float


def freshness(stack: Stack, events: Events, *, rate: int) -> Freshness:
    """Sends all events at `rate` a second. RuntimeError if one does not become readable."""
    stack.empty()
    ids = {number: event.id for number, event in enumerate(events.events) if event.id is not None and number % LOOK_FOR_EVERY == 0}
    with (
        served(INGEST, stack.environment, stack.folder / "ingest.log") as ingest,
        celery(stack, "drain", "services.worker.app", "worker", "-c", "1", "--without-gossip", "--without-mingle", "-Q", "drain"),
        celery(stack, "beat", "services.worker.app", "beat", "--pidfile="),
    ):
        start_sessions(ingest.port, events)
        ours, theirs = get_context("spawn").Pipe()
        reader = get_context("spawn").Process(target=_look, args=(theirs, stack.database_url, ids), daemon=True)
        reader.start()
        # So that the death of the reader is the end of the pipe.
        theirs.close()
        ours.recv()
        # Answered at, by number of the event, on the clock that all processes of a machine share.
        answered_at = asyncio.run(_send(ingest.port, events.events, rate))
        readable_at, looks = ours.recv()
        reader.join()
    if len(readable_at) < len(ids):
        raise RuntimeError(
            f"{len(ids) - len(readable_at)} events could not be read {LOST_AFTER_SECONDS:.0f} s after the last one that could"
        )
    waits = [1000 * max(0.0, readable_at[number] - answered_at[number]) for number in ids if number >= WARM_UP_EVENTS]
    span = max(answered_at.values()) - min(answered_at.values())
    return Freshness(percentile(waits, 0.5), percentile(waits, 0.99), 1000 * percentile(looks, 0.5), len(events.events) / span)


async def _send(port: int, events: list[Event], rate: int) -> dict[int, float]:
    """Each event at its time, whatever became of those before it."""
    due: asyncio.Queue[int] = asyncio.Queue()
    answered_at: dict[int, float] = {}

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (number := await due.get()) >= 0:
            event = events[number]
            path = "/api/tool-calls"
            writer.write(request(path, msgspec.json.encode(event)))
            await answered(reader)
            answered_at[number] = time.monotonic()
        writer.close()

    clients = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    started = time.monotonic()
    for number in range(len(events)):
        await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
        due.put_nowait(number)
    for _ in clients:
        due.put_nowait(-1)
    await asyncio.gather(*clients)
    return answered_at


def _look(pipe: Pipe, database_url: str, ids: dict[int, UUID]) -> None:
    """Looks for the next events that it has not found yet, again and again."""
    readable_at: dict[int, float] = {}
    looks: list[float] = []
    number_of = {event_id: number for number, event_id in ids.items()}
    missing = list(number_of)
    with psycopg.connect(database_url, autocommit=True) as connection:
        pipe.send("ready")
        found_at = looked_at = time.monotonic()
        while missing and (not readable_at or found_at > looked_at - LOST_AFTER_SECONDS):
            rows = connection.execute("SELECT id FROM tool_calls WHERE id = ANY(%s)", [missing[:LOOK_FOR_AT_ONCE]], prepare=True).fetchall()
            now = time.monotonic()
            looks.append(now - looked_at)
            looked_at = now
            if rows:
                found_at = now
                found = {row[0] for row in rows}
                readable_at |= {number_of[event_id]: now for event_id in found}
                missing = [event_id for event_id in missing[:LOOK_FOR_AT_ONCE] if event_id not in found] + missing[LOOK_FOR_AT_ONCE:]
            time.sleep(LOOK_PAUSE_SECONDS)
    pipe.send((readable_at, looks))
