"""F2: the worker's pool process dies at each step between reading and acknowledging, held there by the proxies."""

from collections.abc import Callable

import pytest

from tests.faults.devices.wire import Trap
from tests.faults.kinds.kills import kill_worker_child
from tests.faults.kinds.links import COMMIT, COPY
from tests.faults.pace import wait_until
from tests.faults.product.instants import MOMENT_SECONDS, assert_stored_once, is_visible, message, send, start_session
from tests.faults.product.stack import Stack

# The acknowledgement and the removal are one script; only that one removes.
ACKNOWLEDGE = b"'XDEL'"


def before_copy(stack: Stack, event: dict[str, str]) -> Callable[[], None]:
    trap = stack.postgres_proxy.trap(COPY)
    assert send(stack, event).status_code == 201
    trap.wait()
    return lambda: stack.postgres_proxy.release(trap)


def after_copy(stack: Stack, event: dict[str, str]) -> Callable[[], None]:
    """Everything of the transaction is done, and its COMMIT has not reached Postgres."""
    trap = _at_commit(stack, event, on_answer=False)
    return lambda: stack.postgres_proxy.release(trap)


def after_commit(stack: Stack, event: dict[str, str]) -> Callable[[], None]:
    """Postgres has committed, and the worker does not know."""
    trap = _at_commit(stack, event, on_answer=True)
    _assert_committed(stack, event)
    return lambda: stack.postgres_proxy.release(trap)


def between_commit_and_acknowledgement(stack: Stack, event: dict[str, str]) -> Callable[[], None]:
    """The worker knows that it is committed, and Redis has not been told."""
    trap = stack.redis_proxy.trap(ACKNOWLEDGE)
    assert send(stack, event).status_code == 201
    trap.wait()
    _assert_committed(stack, event)
    return lambda: stack.redis_proxy.release(trap)


def after_acknowledgement(stack: Stack, event: dict[str, str]) -> Callable[[], None]:
    """Redis has removed the entry, and the worker does not know."""
    trap = stack.redis_proxy.trap(ACKNOWLEDGE, on_answer=True)
    assert send(stack, event).status_code == 201
    trap.wait()
    return lambda: stack.redis_proxy.release(trap)


def _at_commit(stack: Stack, event: dict[str, str], *, on_answer: bool) -> Trap:
    copying = stack.postgres_proxy.trap(COPY)
    assert send(stack, event).status_code == 201
    trap = stack.postgres_proxy.trap(COMMIT, on_answer=on_answer, connection=copying.wait())
    stack.postgres_proxy.release(copying)
    trap.wait()
    return trap


def _assert_committed(stack: Stack, event: dict[str, str]) -> None:
    with stack.database() as looker:
        assert wait_until(lambda: is_visible(looker, event), MOMENT_SECONDS)


@pytest.mark.parametrize("reach", [before_copy, after_copy, after_commit, between_commit_and_acknowledgement, after_acknowledgement])
def test_a_pool_process_crash_at_any_step_stores_the_event_once(
    proxied: Stack, reach: Callable[[Stack, dict[str, str]], Callable[[], None]]
) -> None:
    event = message(start_session(proxied))
    let_go = reach(proxied, event)
    try:
        kill_worker_child(proxied)
    finally:
        let_go()
    assert_stored_once(proxied, event)


def test_a_commit_whose_answer_is_lost_is_one_event(proxied: Stack) -> None:
    """F15: no process dies; the connection is cut after Postgres' commit and before the worker gets the answer."""
    event = message(start_session(proxied))
    trap = _at_commit(proxied, event, on_answer=True)
    proxied.postgres_proxy.release(trap, cut=True)
    assert_stored_once(proxied, event)
