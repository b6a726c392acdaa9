"""F18, F23, F25: rolling restarts, no beat or two, and the same batch ten times at once."""

import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import httpx2 as httpx

from tests.faults.kinds.catalogue import FAULTS
from tests.faults.kinds.scene import Scene
from tests.faults.product.instants import assert_all_stored, await_settled, is_visible, message, send, start_session
from tests.faults.product.stack import Stack

TIMES = 10
BATCH = 100
STORM_SECONDS = 6.0
EVERY_SECONDS = 0.1


def test_a_rolling_restart_fails_no_request_that_is_retried_once(proxied: Stack) -> None:
    session_id = start_session(proxied)
    scene = Scene(proxied, Random(0), 0)
    accepted, twice = [], []

    with ThreadPoolExecutor(1) as thread, httpx.Client(base_url=proxied.url, trust_env=False, timeout=60) as client:
        restart = thread.submit(FAULTS["rolling-restart"].happen, scene)
        while not restart.done():
            event = message(session_id)
            if not _is_accepted(client, event):
                twice.append(event)
                # As Retry-After says.
                time.sleep(1)
                assert _is_accepted(client, event)
            accepted.append(event)
            time.sleep(EVERY_SECONDS)
        restart.result()

    assert scene.problems == []

    assert_all_stored(proxied, accepted)


def _is_accepted(client: httpx.Client, event: dict[str, str]) -> bool:
    try:
        answer = client.post("/api/conversations", json=event)
    except httpx.TransportError:
        return False
    assert answer.status_code in (201, 503), answer.text
    return answer.status_code == 201


def test_ten_copies_of_a_batch_before_two_drains_are_stored_once(proxied: Stack) -> None:
    session_id = start_session(proxied)
    events: list[dict[str, str]] = []
    with ThreadPoolExecutor(TIMES + 1) as threads:
        second = threads.submit(FAULTS["second-drain"].happen, Scene(proxied, Random(0), STORM_SECONDS))
        while not second.done():
            batch = [message(session_id) | {"type": "conversation"} for _ in range(BATCH)]
            answers = list(threads.map(lambda batch=batch: _send_batch(proxied, batch), [batch] * TIMES))
            assert answers == [(200, BATCH)] * TIMES
            events += batch
        second.result()
    assert_all_stored(proxied, events)


def _send_batch(stack: Stack, batch: list[dict[str, str]]) -> tuple[int, int]:
    answer = httpx.post(f"{stack.url}/api/events", json=batch, timeout=30, trust_env=False)
    return answer.status_code, answer.json().get("accepted")


def test_wakeups_suffice_without_beat(proxied: Stack) -> None:
    event = message(start_session(proxied))
    with ThreadPoolExecutor(1) as thread, proxied.database() as looker:
        dead = thread.submit(FAULTS["beat"].happen, Scene(proxied, Random(0), STORM_SECONDS))
        assert send(proxied, event).status_code == 201
        await_settled(proxied)
        assert not dead.done()
        assert is_visible(looker, event)
        dead.result()


def test_two_beats_store_nothing_twice(proxied: Stack) -> None:
    session_id = start_session(proxied)
    events = [message(session_id) for _ in range(TIMES)]
    with ThreadPoolExecutor(1) as thread:
        second = thread.submit(FAULTS["second-beat"].happen, Scene(proxied, Random(0), STORM_SECONDS))
        for event in events:
            assert send(proxied, event).status_code == 201
        second.result()
    assert_all_stored(proxied, events)
