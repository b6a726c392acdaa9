"""Durable accept over HTTP: single events against endpoints that do nothing, and batches. Both in the same server.

No worker runs meanwhile: what is measured is the promise, not what comes after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from statistics import median

import msgspec

from tests.bench.data_sets import say
from tests.bench.event_source import Event, Events
from tests.bench.http_load import load
from tests.bench.servers import Served, served
from tests.bench.stack import Stack

INGEST, DO_NOTHING = "services.ingest.app:create_app", "tests.bench.do_nothing:create_app"
BATCH_EVENTS = 500
CONNECTIONS, BATCH_CONNECTIONS = 32, 4


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests a second, and CPU microseconds of the server's process for each: medians of rounds."""

    a_second: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Accepted:
    """Both servers' rates, and the median of the rounds' ratios."""

    durable: Rate
    do_nothing: Rate
    ratio: float


def single(stack: Stack, events: Events, path: str, *, rounds: int, seconds: float) -> Accepted:
    """The same body from the same client to both, in turn."""
    stack.empty()
    body = without_id(events.events[0])
    found: list[tuple[Rate, Rate]] = []
    with (
        served(INGEST, stack.environment, stack.folder / "ingest.log") as ingest,
        served(DO_NOTHING, {}, stack.folder / "nothing.log") as other,
    ):
        start_sessions(ingest.port, events)
        for number in range(rounds + 1):
            durable, nothing = (rate_of(server, path, body, CONNECTIONS, seconds if number else 1) for server in (ingest, other))
            say(f"{path}: {_said(durable)} accepted, {_said(nothing)} by doing nothing{'' if number else ' (warming up)'}")
            if number:
                found.append((durable, nothing))
    ratio = median(durable.a_second / nothing.a_second for durable, nothing in found)
    return Accepted(median_rate([durable for durable, _ in found]), median_rate([nothing for _, nothing in found]), ratio)


def batches(stack: Stack, events: Events, *, rounds: int, seconds: float) -> Rate:
    """Requests a second at 500 events a request."""
    stack.empty()
    body = b"[" + b",".join(without_id(event, tagged=True) for event in events.events[:BATCH_EVENTS]) + b"]"
    rates = []
    with served(INGEST, stack.environment, stack.folder / "ingest.log") as ingest:
        start_sessions(ingest.port, events)
        for _ in range(rounds):
            # A journal that is never drained would fill Redis.
            with stack.redis() as redis:
                redis.flushall()
            rate = rate_of(ingest, "/api/events", body, BATCH_CONNECTIONS, seconds)
            say(
                f"/api/events: {rate.a_second * BATCH_EVENTS:,.0f} events a second, {len(body) / BATCH_EVENTS:.0f} bytes each; {_said(rate)}"
            )
            rates.append(rate)
    return median_rate(rates)


def rate_of(server: Served, path: str, body: bytes, connections: int, seconds: float) -> Rate:
    """Sends the body again and again to one path."""
    before = server.cpu_seconds()
    answered = load(server.port, path, body, connections=connections, seconds=seconds)
    return Rate(answered.a_second, (server.cpu_seconds() - before) * 1e6 / answered.requests)


def median_rate(rates: Sequence[Rate]) -> Rate:
    """Each number's median by itself."""
    return Rate(median(rate.a_second for rate in rates), median(rate.cpu_us for rate in rates))


def _said(rate: Rate) -> str:
    return f"{rate.a_second:,.0f} requests a second of {rate.cpu_us:,.0f} µs CPU"


def start_sessions(port: int, events: Events, headers: Mapping[str, str] | None = None) -> None:
    """As clients do, one by one; one that is there already is no harm. RuntimeError if one is refused."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    for start in events.starts:
        connection.request(
            "POST", "/api/sessions/start", msgspec.json.encode(start), {"Content-Type": "application/json", **(headers or {})}
        )
        answer = connection.getresponse()
        said = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"a session was not started: {said.decode()}")
    connection.close()


def without_id(event: Event, *, tagged: bool = False) -> bytes:
    """An event's JSON. Its id is left to ingest, so that the same body is a new event each time."""
    fields = msgspec.to_builtins(event)
    del fields["id"]
    if not tagged:
        del fields["type"]
    return msgspec.json.encode(fields)
