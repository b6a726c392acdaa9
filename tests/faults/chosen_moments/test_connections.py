"""F6: connections to Redis or Postgres that hang, are half open, half closed or cut. Writes are refused soon and stored once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2 as httpx
import pytest

from tests.faults.devices.proxy import Proxy
from tests.faults.devices.wire import BOTH, Direction
from tests.faults.kinds.kills import kill_service
from tests.faults.pace import stretched
from tests.faults.product.instants import (
    assert_stored_once,
    await_blocked_worker,
    message,
    send,
    send_until_accepted,
    start_session,
    transaction_held_before_commit,
)
from tests.faults.product.stack import Stack

REFUSAL_SECONDS = 1.5
PULSES = 20
WORKERS = ("worker-drain", "worker-background")


@contextmanager
def silent(stack: Stack, *directions: Direction) -> Iterator[None]:
    stack.redis_proxy.hold(*directions)
    try:
        yield
    finally:
        stack.redis_proxy.let_pass()


@pytest.mark.parametrize("directions", [BOTH, ("requests",), ("answers",)], ids=["both ways", "requests", "answers"])
def test_writes_to_an_unreachable_redis_are_refused_soon_and_stored_once(proxied: Stack, directions: tuple[Direction, ...]) -> None:
    event = message(start_session(proxied))
    with silent(proxied, *directions):
        refusal = send(proxied, event)
        with httpx.Client(base_url=proxied.url, trust_env=False) as client:
            pulses = [client.get("/healthz").status_code for _ in range(PULSES)]
    assert (refusal.status_code, refusal.headers["retry-after"]) == (503, "1")
    assert refusal.elapsed.total_seconds() < stretched(REFUSAL_SECONDS)
    assert pulses == [200] * PULSES
    send_until_accepted(proxied, event)
    assert_stored_once(proxied, event)


@pytest.mark.parametrize(
    "happen",
    [Proxy.reset, Proxy.sever, lambda proxy: proxy.half_close("requests"), lambda proxy: proxy.half_close("answers")],
    ids=["reset", "half open", "requests ended", "answers ended"],
)
def test_broken_redis_connections_are_replaced_without_loss(proxied: Stack, happen: Callable[[Proxy], None]) -> None:
    event = message(start_session(proxied))
    happen(proxied.redis_proxy)
    send_until_accepted(proxied, event)
    assert_stored_once(proxied, event)


def test_a_busy_worker_survives_a_redis_crash(proxied: Stack) -> None:
    event = message(start_session(proxied))
    deaths = {worker: proxied.deaths(worker) for worker in WORKERS}
    with transaction_held_before_commit(proxied):
        assert send(proxied, event).status_code == 201
        await_blocked_worker(proxied)
        kill_service(proxied, "redis")
    assert_stored_once(proxied, event)
    assert {worker: proxied.deaths(worker) for worker in WORKERS} == deaths


# Nothing on the wire of a half-open one says that the server is gone; the drain gives up by its own clock.
@pytest.mark.parametrize("happen", [Proxy.reset, Proxy.sever], ids=["cut", "half open"])
def test_broken_postgres_connections_are_replaced_without_loss(proxied: Stack, happen: Callable[[Proxy], None]) -> None:
    event = message(start_session(proxied))
    happen(proxied.postgres_proxy)
    assert send(proxied, event).status_code == 201
    assert_stored_once(proxied, event)
