"""`python -m tests.bench.live`: 200 listeners to the live feed at 1,000 events a second, one of which does not read.

Events go in over HTTP in requests of twenty, through journal, drain and feed, and out of one query process. How far a listener is behind is counted from
the moment at which an event was sent, so it includes the whole way. Listeners are in a process of their own; each looks at the oldest event of what it reads.
"""

import argparse
import asyncio
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Event as Stopped
from pathlib import Path
from uuid import uuid4

import msgspec

from shared.events.messages import Conversation, SessionStart, ToolCall
from tests.bench.accepting import INGEST
from tests.bench.http_load import answered, request
from tests.bench.report import machine, milliseconds, percentile, table
from tests.bench.servers import Served, served
from tests.bench.stack import celery, running_stack

QUERY = "services.query.app:create_app"
SESSIONS = 50
EVENTS_A_REQUEST = 20
CONNECTIONS = 4
WARM_UP_SECONDS = 3.0
_FIRST = re.compile(rb'id: (\d+)-\d+-\d+\n.*\ndata: .*?"timestamp":"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Seen:
    """The reading listeners together: milliseconds behind, one for each read; and the events of the listeners that got most and least.

    `behind_feed_ms` counts from when the worker told the feed, after its commit.
    """

    behind_ms: list[float]
    behind_feed_ms: list[float]
    most: int
    least: int


def main() -> None:
    """Prints the numbers as a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.live", description=__doc__)
    parser.add_argument("--listeners", type=int, default=200)
    parser.add_argument("--rate", type=int, default=1_000, help="events a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    print(machine())
    drain = ("services.worker.app", "worker", "-c", "1", "--without-gossip", "--without-mingle", "-Q", "drain")
    with (
        running_stack() as stack,
        served(QUERY, stack.environment, stack.folder / "query.log") as query,
        served(INGEST, stack.environment, stack.folder / "ingest.log") as ingest,
        celery(stack, "drain", *drain),
    ):
        print(_measured(query, ingest, arguments.listeners, arguments.rate, arguments.seconds))


def _measured(query: Served, ingest: Served, listeners: int, rate: int, seconds: float) -> str:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    stopped = context.Event()
    reading = context.Process(target=_listen, args=(theirs, stopped, query.port, listeners), daemon=True)
    reading.start()
    theirs.close()
    ours.recv()
    at_rest = _resident_mb(query.pid)
    sent, memory, health = asyncio.run(_load(ingest.port, query, rate, seconds))
    cpu = query.cpu_seconds()
    stopped.set()
    seen: Seen = ours.recv()
    reading.join()
    half = len(memory) // 2
    rows = [
        ("events sent a second", f"{sent / seconds:,.0f}"),
        ("events that came to each listener: least, most", f"{seen.least:,}, {seen.most:,} of {sent:,}"),
        ("behind the sender, p50 and p99", _two(seen.behind_ms)),
        ("behind the worker's commit, p50 and p99", _two(seen.behind_feed_ms)),
        ("/healthz, p99", f"{milliseconds(percentile(health, 0.99))} ms"),
        (
            "memory of query: with listeners at rest, first half, second half",
            f"{at_rest:.0f} MB, {max(memory[:half]):.0f} MB, {max(memory[half:]):.0f} MB",
        ),
        ("CPU of query", f"{100 * cpu / seconds:.0f} % of a core"),
    ]
    return table((f"{listeners} listeners, one of which does not read", ""), rows)


def _two(values: list[float]) -> str:
    return f"{milliseconds(percentile(values, 0.5))} ms, {milliseconds(percentile(values, 0.99))} ms"


async def _load(port: int, query: Served, rate: int, seconds: float) -> tuple[int, list[float], list[float]]:
    """Sends events at a steady rate. Gives their number, and once a second the memory and the time of /healthz of the query process."""
    ends_at = time.monotonic() + seconds
    memory: list[float] = []
    health: list[float] = []
    await _post(port, [SessionStart(session_id=f"live-{number}", project_path="/home/ann/shop", user="ann") for number in range(SESSIONS)])

    async def connection(place: int) -> int:
        sent = 0
        pause = EVENTS_A_REQUEST * CONNECTIONS / rate
        due = time.monotonic() + pause * place / CONNECTIONS
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while due < ends_at:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            writer.write(request("/api/events", msgspec.json.encode([_event(sent + number) for number in range(EVENTS_A_REQUEST)])))
            await answered(reader)
            sent += EVENTS_A_REQUEST
            due += pause
        writer.close()
        return sent

    async def watch() -> None:
        while time.monotonic() < ends_at:
            asked_at = time.monotonic()
            await _get(query.port, "/healthz")
            health.append(1000 * (time.monotonic() - asked_at))
            memory.append(_resident_mb(query.pid))
            await asyncio.sleep(1)

    *sent, _ = await asyncio.gather(*map(connection, range(CONNECTIONS)), watch())
    return sum(filter(None, sent)), memory, health


def _event(number: int) -> ToolCall | Conversation:
    session_id, now = f"live-{number % SESSIONS}", datetime.now(UTC)
    if number % 5 == 0:
        return Conversation(session_id=session_id, role="user", content="What does this do, and why? " * 8, timestamp=now, id=uuid4())
    return ToolCall(session_id=session_id, tool_name="Bash", result_status="success", execution_time_ms=120, timestamp=now, id=uuid4())


def _listen(pipe: Pipe, stopped: Stopped, port: int, listeners: int) -> None:
    pipe.send(asyncio.run(_listen_all(pipe, stopped, port, listeners)))


async def _listen_all(pipe: Pipe, stopped: Stopped, port: int, listeners: int) -> Seen:
    silent_reader, silent = await _connected(port)
    silent_reader._transport.pause_reading()  # type: ignore[attr-defined]
    connected = [await _connected(port) for _ in range(listeners - 1)]
    pipe.send("ready")
    began_at = time.time()
    behind_ms: list[float] = []
    behind_feed_ms: list[float] = []

    async def listen(reader: asyncio.StreamReader) -> int:
        events = 0
        while data := await reader.read(262_144):
            now = time.time()
            events += data.count(b"\ndata: ")
            if now > began_at + WARM_UP_SECONDS and (found := _FIRST.search(data)):
                behind_ms.append(1000 * (now - datetime.fromisoformat(found[2].decode()).timestamp()))
                behind_feed_ms.append(1000 * now - int(found[1]))
        return events

    reading = [asyncio.create_task(listen(reader)) for reader, _ in connected]
    await asyncio.to_thread(stopped.wait)
    await asyncio.sleep(1)
    for _, writer in (*connected, (silent_reader, silent)):
        writer.close()
    counts = []
    for task in reading:
        with suppress(OSError):
            counts.append(await task)
    return Seen(behind_ms, behind_feed_ms, max(counts), min(counts))


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def _post(port: int, events: list[SessionStart]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("/api/events", msgspec.json.encode(events)))
    await answered(reader)
    writer.close()


async def _get(port: int, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 200")
    writer.close()


def _resident_mb(pid: int) -> float:
    """Linux only."""
    [kilobytes] = [line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(kilobytes) / 1024


if __name__ == "__main__":
    main()
