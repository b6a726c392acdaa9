"""Durable accept over HTTP: single events against endpoints that do nothing, and batches.

No worker runs meanwhile: what is measured is the promise, not what comes after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from statistics import median

import msgspec

from tests.bench.data_sets import say
from tests.bench.event_source import Event, Events
from tests.bench.http_load import requests_a_second
from tests.bench.servers import uvicorn
from tests.bench.stack import Stack

INGEST, DO_NOTHING = "services.ingest.app:create_app", "tests.bench.do_nothing:create_app"
BATCH_EVENTS = 500
CONNECTIONS, BATCH_CONNECTIONS = 32, 4


@dataclass(frozen=True, slots=True)
class Accepted:
    """Requests a second, medians of the rounds."""

    durable: float
    do_nothing: float


def single(stack: Stack, events: Events, path: str, *, rounds: int, seconds: float) -> Accepted:
    """The same body from the same client to both, in turn."""
    stack.empty()
    body = without_id(events.events[0])
    durable, nothing = [], []
    with (
        uvicorn(INGEST, stack.environment, stack.folder / "ingest.log") as ingest,
        uvicorn(DO_NOTHING, {}, stack.folder / "nothing.log") as other,
    ):
        start_sessions(ingest, events)
        for number in range(rounds + 1):
            measured = [
                requests_a_second(port, path, body, connections=CONNECTIONS, seconds=seconds if number else 1) for port in (ingest, other)
            ]
            say(f"{path}: {measured[0]:,.0f} a second accepted, {measured[1]:,.0f} by doing nothing{'' if number else ' (warming up)'}")
            if number:
                durable.append(measured[0])
                nothing.append(measured[1])
    return Accepted(median(durable), median(nothing))


def batches(stack: Stack, events: Events, *, rounds: int, seconds: float) -> float:
    """Events a second at 500 a request."""
    stack.empty()
    body = b"[" + b",".join(without_id(event, tagged=True) for event in events.events[:BATCH_EVENTS]) + b"]"
    rates = []
    with uvicorn(INGEST, stack.environment, stack.folder / "ingest.log") as port:
        start_sessions(port, events)
        for _ in range(rounds):
            # A journal that nobody empties would fill Redis.
            with stack.redis() as redis:
                redis.flushall()
            rate = requests_a_second(port, "/api/events", body, connections=BATCH_CONNECTIONS, seconds=seconds)
            say(f"/api/events: {rate * BATCH_EVENTS:,.0f} events a second, {len(body) / BATCH_EVENTS:.0f} bytes each")
            rates.append(rate * BATCH_EVENTS)
    return median(rates)


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
