"""Processes are killed at the instants where an event could be lost or counted twice."""

import os
import signal
from random import Random

import pytest

from tests.faults.kinds.catalogue import FAULTS
from tests.faults.kinds.scene import Scene
from tests.faults.pace import stretched, wait_until
from tests.faults.product.instants import (
    MOMENT_SECONDS,
    api_dies_unanswering,
    assert_stored_once,
    await_blocked_worker,
    is_visible,
    message,
    send,
    start_session,
    transaction_held_before_commit,
)
from tests.faults.product.stack import Stack


def test_rows_aggregates_and_account_commit_together(stack: Stack) -> None:
    """Rows, aggregates and account are one transaction: else a death between two of them would leave the account wrong for ever."""
    event = message(start_session(stack))
    with transaction_held_before_commit(stack) as holder, stack.database() as looker:
        assert send(stack, event).status_code == 201
        await_blocked_worker(stack)
        assert not is_visible(looker, event)
        holder.commit()
    assert_stored_once(stack, event)


@pytest.mark.parametrize("killed", ["worker", "worker-child", "redis", "postgres"])
def test_a_crash_inside_the_workers_transaction_stores_the_event_once(stack: Stack, killed: str) -> None:
    event = message(start_session(stack))
    with transaction_held_before_commit(stack) as held:
        assert send(stack, event).status_code == 201
        await_blocked_worker(stack)
        FAULTS[killed].happen(Scene(stack, Random(0), seconds=0))
        held.close()
    assert_stored_once(stack, event)


def test_an_api_crash_between_append_and_answer_stores_the_event_once(stack: Stack) -> None:
    event = message(start_session(stack))
    # when: the event is stored, and the API dies without having answered
    with api_dies_unanswering(stack, lambda: send(stack, event)):
        assert_stored_once(stack, event)
    # then: the client's next try is accepted, and it is still one event
    assert send(stack, event).status_code == 201
    assert_stored_once(stack, event)


def test_a_hanging_redis_is_a_503_soon_and_the_retry_is_one_event(stack: Stack) -> None:
    event = message(start_session(stack))
    redis = stack.living_pid("redis")
    assert redis is not None
    os.kill(redis, signal.SIGSTOP)
    try:
        refusal = send(stack, event)
    finally:
        os.kill(redis, signal.SIGCONT)
    assert (refusal.status_code, refusal.headers["retry-after"]) == (503, "1")
    assert refusal.elapsed.total_seconds() < stretched(1.5)
    assert wait_until(lambda: send(stack, event).status_code == 201, MOMENT_SECONDS)
    assert_stored_once(stack, event)
