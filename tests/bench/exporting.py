"""`python -m tests.bench.exporting`: exports of telemetry at a rate, open loop, against a whole stack: how long each waits, and what each costs.

An export is what Claude Code sends each second: OTLP/JSON in gzip, with 15 records of a session. A request is sent when it is due, whether or not those
before are answered, and its time counts from then. CPU is that of all processes of the stack, with the rows' way into Postgres.
"""

import argparse
import asyncio
import gzip
import json
import tempfile
import time
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

from tests.bench.http_load import answered
from tests.bench.process_tree import cpu_seconds, descendants
from tests.bench.report import machine, milliseconds, percentile, table
from tests.faults.product.stack import SERVICES, Stack
from tests.telemetry import event, logs

RECORDS = 15
CONNECTIONS = 64
SESSIONS = 200
DRAIN_SECONDS = 600


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.exporting", description=__doc__)
    parser.add_argument("--rates", type=int, nargs="+", default=[100, 500], help="exports a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    print(machine())
    rows = []
    with ExitStack() as open_things:
        stack = Stack(Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="exporting-", ignore_cleanup_errors=True))))
        stack.start()
        open_things.callback(stack.stop)
        asyncio.run(_send(stack.port, _requests(f"{uuid4()}", 200), 50))
        for rate in options.rates:
            rows.append(_measured(stack, rate, options.seconds))
    print(table(("exports/s", "answered/s", "p50", "p99", "most", "ms of CPU an export", "stored after"), rows))


def _measured(stack: Stack, rate: int, seconds: float) -> tuple[str, ...]:
    requests = _requests(f"{uuid4()}", round(rate * seconds))
    stored = _signals(stack)
    before = _cpu(stack)
    began = time.monotonic()
    waits = asyncio.run(_send(stack.port, requests, rate))
    took = time.monotonic() - began
    accepted = _cpu(stack)
    wanted = stored + len(requests) * RECORDS
    while (now := _signals(stack)) < wanted:
        if time.monotonic() - began > DRAIN_SECONDS:
            raise RuntimeError(f"{wanted - now:,} of {wanted - stored:,} signals are not stored")
        time.sleep(0.2)
    after = _cpu(stack)
    cost = ", ".join(f"{name} {1000 * (after[name] - before[name]) / len(requests):.2f}" for name in after if after[name] > before[name])
    api = 1000 * (accepted["api"] - before["api"]) / len(requests)
    return (
        f"{rate}",
        f"{len(waits) / took:,.0f}",
        *(milliseconds(percentile(waits, part)) for part in (0.5, 0.99, 1.0)),
        f"api {api:.2f} until the last answer; {cost}",
        f"{time.monotonic() - began - took:.1f} s",
    )


def _requests(name: str, count: int) -> list[bytes]:
    """Each a request with records that no other has."""
    found = []
    for number in range(count):
        session, first = f"{name}-{number % SESSIONS}", number // SESSIONS * RECORDS
        body = gzip.compress(json.dumps(logs(*(_record(session, first + each) for each in range(RECORDS)))).encode(), 6)
        head = (
            "POST /v1/logs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        found.append(head.encode() + body)
    return found


def _record(session: str, sequence: int) -> dict[str, object]:
    """In turn what a call and its request tell."""
    call = {"tool_use_id": f"toolu_{session}-{sequence // 3}", "tool_name": "Bash"}
    match sequence % 3:
        case 0:
            said = {"decision": "accept", "source": "config"}
            return event("tool_decision", sequence, session=session, seconds=sequence, **call, **said)
        case 1:
            return event("tool_result", sequence, session=session, seconds=sequence, **call, duration_ms="49", success="true")
        case _:
            tokens = {"input_tokens": 13, "output_tokens": 8, "cache_read_tokens": 21, "cost_usd": 0.01, "ttft_ms": 310}
            return event("api_request", sequence, session=session, seconds=sequence, model="claude-opus-4-8", **tokens)


async def _send(port: int, requests: list[bytes], rate: int) -> list[float]:
    """Milliseconds from when each was due to its answer."""
    waiting: deque[tuple[float, bytes]] = deque()
    waits: list[float] = []
    is_due = asyncio.Semaphore(0)

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while True:
            await is_due.acquire()
            if not waiting:
                break
            due, sent = waiting.popleft()
            writer.write(sent)
            await answered(reader)
            waits.append(1000 * (time.perf_counter() - due))
        writer.close()

    senders = [asyncio.create_task(connection()) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    for number, sent in enumerate(requests):
        due = started + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        waiting.append((due, sent))
        is_due.release()
    for _ in senders:
        is_due.release()
    await asyncio.gather(*senders)
    return waits


def _cpu(stack: Stack) -> dict[str, float]:
    """Seconds so far, by service, with what it has started."""
    found = {}
    for service in SERVICES:
        pid = stack.living_pid(service)
        found[service] = 0.0 if pid is None else sum(map(cpu_seconds, (pid, *descendants(pid))))
    return found


def _signals(stack: Stack) -> int:
    with stack.database() as connection:
        [(count,)] = connection.execute(b"SELECT count(*) FROM signals").fetchall()
        assert isinstance(count, int)
        return count


if __name__ == "__main__":
    main()
