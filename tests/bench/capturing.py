"""Live capture: hooks and ranges of transcripts over HTTP against endpoints that do nothing, and ranges from the journal to their rows.

A range has 256 KiB, as a session that is caught up with has. Each connection sends a file of its own, so that every range is a new one.
"""

import asyncio
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from multiprocessing import get_context
from statistics import median

import msgspec
import psycopg
from zstandard import ZstdCompressor

from services.worker.drain.drain_partition import drain
from services.worker.resources import open_resources
from services.worker.settings import Settings
from tests.bench.accepting import CONNECTIONS, DO_NOTHING, INGEST, Accepted, Rate, median_rate, rate_of
from tests.bench.data_sets import say
from tests.bench.event_source import Events
from tests.bench.http_load import answered
from tests.bench.report import percentile
from tests.bench.servers import Served, served
from tests.bench.stack import Stack

RANGE_BYTES = 256 * 1024
RANGE_CONNECTIONS = 4
MEBIBYTE = 1024**2
_PLAIN_INSERT = "INSERT INTO transcript_ranges VALUES (1, %s, %s, %s, %s, now(), NULL)"


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds from a hook to its answer, one after the other."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Bytes:
    """Mebibytes a second: of the product, of what it is compared with, and the median of the rounds' ratios."""

    a_second: float
    other: float
    ratio: float


def hook_of(events: Events, number: int = 0) -> bytes:
    """The hook after a tool call."""
    fields = msgspec.to_builtins(events.events[number])
    return msgspec.json.encode(
        {
            "session_id": fields["session_id"],
            "transcript_path": "/home/ann/.claude/projects/-home-ann-app/x.jsonl",
            "cwd": "/home/ann/app",
            "permission_mode": "default",
            "hook_event_name": "PostToolUse",
            "tool_name": fields["tool_name"],
            "tool_input": fields.get("parameters", {}),
            "tool_response": {"stdout": "ok\n" * 50, "stderr": "", "interrupted": False},
            "tool_use_id": "toolu_01" + "x" * 20,
            "duration_ms": 49,
        }
    )


def hooks(stack: Stack, events: Events, *, rounds: int, seconds: float) -> tuple[Accepted, Delay]:
    """One payload a request, the same to both servers in turn; and how long one alone has to wait."""
    stack.empty()
    body = hook_of(events)
    found: list[tuple[Rate, Rate]] = []
    with (
        served(INGEST, stack.environment, stack.folder / "ingest.log") as ingest,
        served(DO_NOTHING, {}, stack.folder / "nothing.log") as other,
    ):
        for number in range(rounds + 1):
            _flush(stack)
            durable, nothing = (rate_of(server, "/api/hooks", body, CONNECTIONS, seconds if number else 1) for server in (ingest, other))
            say(f"/api/hooks: {durable.a_second:,.0f} accepted a second, {nothing.a_second:,.0f} by doing nothing")
            found += [(durable, nothing)] if number else []
        _flush(stack)
        delay = _delay(ingest, body, seconds)
    ratio = median(durable.a_second / nothing.a_second for durable, nothing in found)
    return Accepted(median_rate([durable for durable, _ in found]), median_rate([nothing for _, nothing in found]), ratio), delay


def ranges(stack: Stack, events: Events, *, rounds: int, total_bytes: int) -> Bytes:
    """So many bytes to both servers in turn."""
    stack.empty()
    lines = lines_of(events)
    found: list[tuple[float, float]] = []
    with (
        served(INGEST, stack.environment, stack.folder / "ingest.log") as ingest,
        served(DO_NOTHING, {}, stack.folder / "nothing.log") as other,
    ):
        for number in range(rounds + 1):
            _flush(stack)
            durable, nothing = (_send_ranges(server.port, lines, total_bytes, f"{number}") for server in (ingest, other))
            say(f"/api/transcripts: {durable:,.0f} MiB/s accepted, {nothing:,.0f} by doing nothing")
            found += [(durable, nothing)] if number else []
    return _bytes(found)


def stored(stack: Stack, events: Events, *, rounds: int, total_bytes: int) -> Bytes:
    """From the journal to rows, against the same zstd frames by INSERTs in transactions of 8 MiB."""
    lines = lines_of(events)
    found: list[tuple[float, float]] = []
    for number in range(rounds):
        stack.empty()
        with served(INGEST, stack.environment, stack.folder / "ingest.log") as ingest:
            _send_ranges(ingest.port, lines, total_bytes, f"{number}")
        worker = open_resources(Settings(database_url=stack.database_url, redis_url=stack.redis_url, drain_seconds=20))
        started = time.perf_counter()
        while drain(worker):
            continue
        drained = total_bytes / MEBIBYTE / (time.perf_counter() - started)
        worker.close()
        plain = _plain_inserts(stack, lines, total_bytes)
        say(f"ranges: {drained:,.0f} MiB/s stored, {plain:,.0f} by plain INSERTs")
        found.append((drained, plain))
    return _bytes(found)


def lines_of(events: Events) -> bytes:
    """Lines as a transcript has them, RANGE_BYTES at most."""
    found, size = [], 0
    for event in events.events:
        fields = msgspec.to_builtins(event)
        block = {"type": "text", "text": fields.get("content", "")}
        line = {
            "type": "assistant",
            "sessionId": fields["session_id"],
            "uuid": fields["id"],
            "message": {"role": "assistant", "content": [block]},
        }
        text = msgspec.json.encode(line) + b"\n"
        size += len(text)
        if size > RANGE_BYTES:
            break
        found.append(text)
    return b"".join(found)


def _flush(stack: Stack) -> None:
    """A journal that is never drained would fill Redis."""
    with stack.redis() as redis:
        redis.flushall()


def _delay(server: Served, body: bytes, seconds: float) -> Delay:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    waits: list[float] = []
    until = time.perf_counter() + max(seconds, 2)
    while time.perf_counter() < until:
        started = time.perf_counter()
        connection.request("POST", "/api/hooks", body, {"Content-Type": "application/json"})
        connection.getresponse().read()
        waits.append(1000 * (time.perf_counter() - started))
    connection.close()
    return Delay(percentile(waits, 0.5), percentile(waits, 0.99))


def _send_ranges(port: int, lines: bytes, total_bytes: int, name: str) -> float:
    """Mebibytes a second, sent by a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (port, lines, total_bytes, name))


def _run(port: int, lines: bytes, total_bytes: int, name: str) -> float:
    return asyncio.run(_send(port, lines, total_bytes, name))


async def _send(port: int, lines: bytes, total_bytes: int, name: str) -> float:
    each = max(1, total_bytes // RANGE_CONNECTIONS // len(lines))
    started = time.perf_counter()
    await asyncio.gather(*(_send_file(port, lines, each, f"{name}-{number}") for number in range(RANGE_CONNECTIONS)))
    return each * RANGE_CONNECTIONS * len(lines) / MEBIBYTE / (time.perf_counter() - started)


async def _send_file(port: int, lines: bytes, count: int, session_id: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for number in range(count):
        path = f"/api/transcripts/{session_id}?file={session_id}.jsonl&offset={number * len(lines)}"
        head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: {len(lines)}\r\n\r\n"
        writer.write(head.encode() + lines)
        await answered(reader)
    writer.close()


def _plain_inserts(stack: Stack, lines: bytes, total_bytes: int) -> float:
    stack.empty()
    count, batch = total_bytes // len(lines), 8 * MEBIBYTE // len(lines)
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO transcript_files (session_id, file_name) VALUES ('s', 's.jsonl')")
        started = time.perf_counter()
        for first in range(0, count, batch):
            with connection.transaction():
                for number in range(first, min(first + batch, count)):
                    start = number * len(lines)
                    frame = ZstdCompressor(level=3).compress(lines)
                    connection.execute(_PLAIN_INSERT, [start, start + len(lines), frame, len(lines)])
        return count * len(lines) / MEBIBYTE / (time.perf_counter() - started)


def _bytes(found: list[tuple[float, float]]) -> Bytes:
    ours, others = zip(*found, strict=True)
    return Bytes(median(ours), median(others), median(ours / other for ours, other in found))
