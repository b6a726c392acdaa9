"""Events through a stack's HTTP, and its own account of what has become of them."""

import time
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpx2 as httpx

from tests.bench.accepting import BATCH_EVENTS, start_sessions, without_id
from tests.bench.event_source import Events

LOOK_SECONDS = 0.1
# Nothing was stored for so long: then nothing will be.
STUCK_SECONDS = 120.0


def bodies_of(client: httpx.Client, events: Events) -> list[bytes]:
    """Requests of 500 events each, whose sessions are started and stored."""
    start_sessions(urlsplit(str(client.base_url)).port or 80, events, {"Authorization": client.headers.get("Authorization", "")})
    await_settled(client, 0)
    made = [without_id(event, tagged=True) for event in events.events]
    return [b"[" + b",".join(made[at : at + BATCH_EVENTS]) + b"]" for at in range(0, len(made), BATCH_EVENTS)]


def send(client: httpx.Client, bodies: Iterable[bytes]) -> None:
    """One after the other. RuntimeError if one is refused."""
    for body in bodies:
        answer = client.post("/api/events", content=body, headers={"Content-Type": "application/json"})
        if answer.status_code not in (200, 201):
            raise RuntimeError(f"not accepted: {answer.status_code} {answer.text[:300]}")


def settled(client: httpx.Client) -> int:
    """How many events have left the journal so far."""
    found = client.get("/api/accounting").raise_for_status().json()
    return int(found["accepted"] - found["pending"])


def await_settled(client: httpx.Client, count: int) -> None:
    """Returns when so many events have left the journal; of 0, when none is in it. RuntimeError if it stands still."""
    last, changed_at = -1, time.perf_counter()
    while True:
        found = client.get("/api/accounting").raise_for_status().json()
        done = found["accepted"] - found["pending"]
        if done >= count and (count or found["pending"] == 0):
            return
        if done != last:
            last, changed_at = done, time.perf_counter()
        if time.perf_counter() - changed_at > STUCK_SECONDS:
            raise RuntimeError(f"nothing is drained any more: {found}")
        time.sleep(LOOK_SECONDS)
