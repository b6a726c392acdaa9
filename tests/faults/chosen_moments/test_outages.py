"""F5, F7, F10: Redis hung or full, Postgres down. Writes are kept or refused at once, and reads report the cause."""

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import httpx2 as httpx

from tests.faults.clients.readers import QUESTIONS
from tests.faults.kinds.catalogue import FAULTS
from tests.faults.kinds.scene import Scene
from tests.faults.pace import stretched
from tests.faults.product.instants import (
    assert_all_stored,
    assert_stored_once,
    message,
    send,
    send_until_accepted,
    start_session,
)
from tests.faults.product.stack import Stack

HANG_SECONDS = 5.0
AWAY_SECONDS = 20.0
EVERY_SECONDS = 0.1
BIG_BYTES = 100_000
SENT_AGAIN = 60


def test_a_hanging_redis_refuses_writes_soon_and_each_retry_is_one_event(proxied: Stack) -> None:
    """F5. Every write is refused within 1.5 s, /healthz answers; afterwards each is one event."""
    session_id = start_session(proxied)
    refusals: list[httpx.Response] = []
    tried: list[dict[str, str]] = []

    with ThreadPoolExecutor(1) as thread, httpx.Client(base_url=proxied.url, trust_env=False) as client:
        hang = thread.submit(FAULTS["redis-hung"].happen, Scene(proxied, Random(0), HANG_SECONDS))
        while not hang.done():
            tried.append(message(session_id))
            answer = send(proxied, tried[-1])
            if answer.status_code != 201:
                refusals.append(answer)
            assert client.get("/healthz").status_code == 200
            time.sleep(EVERY_SECONDS)
        hang.result()

    assert refusals
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in refusals} == {(503, "1")}
    assert max(answer.elapsed.total_seconds() for answer in refusals) < stretched(1.5)

    for event in tried:
        send_until_accepted(proxied, event)
    assert_all_stored(proxied, tried)


def test_a_postgres_outage_refuses_no_event_of_a_known_session(proxied: Stack) -> None:
    """F10. No event of a known session is refused; questions are answered 503, not 500; all is stored when Postgres is back."""
    session_id = start_session(proxied)
    scene = Scene(proxied, Random(0), AWAY_SECONDS)
    accepted: list[dict[str, str]] = []

    with ThreadPoolExecutor(1) as thread, httpx.Client(base_url=proxied.url, trust_env=False, timeout=30) as client:
        outage = thread.submit(FAULTS["postgres-away"].happen, scene)
        questions = {client.get(path).status_code for path in QUESTIONS}
        while not outage.done():
            event = message(session_id)
            answer = send(proxied, event)
            assert answer.status_code == 201, answer.text
            accepted.append(event)
            time.sleep(EVERY_SECONDS)
        outage.result()

    assert scene.problems == []
    assert questions == {200, 503}

    assert_all_stored(proxied, accepted)


def test_a_full_redis_refuses_writes_and_loses_no_accepted_event(proxied: Stack) -> None:
    """F7. Nothing is drained and Redis has no more room: writes are refused before they fail, and all that was accepted is stored."""
    session_id = start_session(proxied)
    scene = Scene(proxied, Random(0), HANG_SECONDS)
    accepted: list[dict[str, str]] = []
    refused: list[dict[str, str]] = []
    statuses: set[int] = set()

    with ThreadPoolExecutor(1) as thread:
        full = thread.submit(FAULTS["redis-full"].happen, scene)
        while not full.done():
            event = message(session_id) | {"content": "so much was said " * (BIG_BYTES // 17)}
            answer = send(proxied, event)
            statuses.add(answer.status_code)
            (accepted if answer.status_code == 201 else refused).append(event)
        full.result()

    assert statuses <= {201, 429, 503}
    assert refused

    for event in refused[:SENT_AGAIN]:
        send_until_accepted(proxied, event)
    assert_all_stored(proxied, accepted + refused[:SENT_AGAIN])


def test_a_lock_on_the_aggregates_delays_without_loss_or_duplicates(proxied: Stack) -> None:
    """F11. The worker gives up after its lock_timeout and comes again: no loss, no duplicate."""
    event = message(start_session(proxied))
    with ThreadPoolExecutor(1) as thread:
        lock = thread.submit(FAULTS["rollup-lock"].happen, Scene(proxied, Random(0), 3 * HANG_SECONDS))
        assert send(proxied, event).status_code == 201
        lock.result()
    assert_stored_once(proxied, event)
