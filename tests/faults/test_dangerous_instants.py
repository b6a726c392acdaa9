"""Processes killed at the moments where an event could be lost or counted twice, each brought about on purpose."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from random import Random

import httpx2 as httpx
import pytest

from deploy.embedded.processes import wait_until
from services.worker.verify import verify
from tests.faults.catalogue import FAULTS
from tests.faults.checks import IDLE_GAP, waiting
from tests.faults.instants import (
    MOMENT_SECONDS,
    assert_stored_once,
    await_blocked_worker,
    await_settled,
    is_visible,
    message,
    send,
    start_session,
    transaction_held_before_commit,
)
from tests.faults.kills import kill_service, kill_worker_child
from tests.faults.scene import Scene
from tests.faults.stack import Stack


def test_nothing_of_a_batch_is_visible_before_its_account_is_written(stack: Stack) -> None:
    """Rows, aggregates and account are one transaction: else a death between two of them would leave the account wrong for ever."""
    event = message(start_session(stack))
    with transaction_held_before_commit(stack) as holder, stack.database() as looker:
        assert send(stack, event).status_code == 201
        await_blocked_worker(stack)
        assert not is_visible(looker, event)
        holder.commit()
    await_settled(stack)
    assert_stored_once(stack, event)


@pytest.mark.parametrize("killed", ["worker", "worker-child", "redis", "postgres"])
def test_death_inside_the_workers_transaction(stack: Stack, killed: str) -> None:
    event = message(start_session(stack))
    with stack.database() as held:
        held.autocommit = False
        held.execute("LOCK TABLE ledger IN SHARE MODE")
        assert send(stack, event).status_code == 201
        await_blocked_worker(stack)
        FAULTS[killed].happen(Scene(stack, Random(0), seconds=0))
        held.close()
    await_settled(stack)
    assert_stored_once(stack, event)


def test_death_between_commit_and_acknowledgement(stack: Stack) -> None:
    event = message(start_session(stack))
    with stack.database() as looker, stack.redis() as redis:
        with transaction_held_before_commit(stack) as holder:
            assert send(stack, event).status_code == 201
            await_blocked_worker(stack)
            # given: from now on Redis takes no writes, the acknowledgement among them
            redis.client_pause(60_000, all=False)
            holder.commit()
        # when: the row is committed, the entry still in the journal, and the worker's child dies
        assert wait_until(lambda: is_visible(looker, event), MOMENT_SECONDS)
        assert waiting(redis) == (1, 1)
        kill_worker_child(stack)
        redis.client_unpause()
    # then: the entry is delivered again and adds nothing
    await_settled(stack)
    assert_stored_once(stack, event)


def test_death_of_the_api_between_append_and_answer(stack: Stack) -> None:
    event = message(start_session(stack))
    with stack.redis() as redis, ThreadPoolExecutor(1) as thread:
        # given: the append has reached Redis and waits there, the API is suspended before it can hear of it
        redis.client_pause(60_000, all=False)
        answer = thread.submit(send, stack, event)
        assert wait_until(lambda: any(c["cmd"].startswith("eval") and "b" in c["flags"] for c in redis.client_list()), MOMENT_SECONDS)
        api = stack.living_pid("api")
        assert api is not None
        os.kill(api, signal.SIGSTOP)
        try:
            redis.client_unpause()
            # when: the event is stored, and the API dies without having answered
            await_settled(stack)
            assert_stored_once(stack, event)
        finally:
            kill_service(stack, "api")
        with pytest.raises(httpx.TransportError):
            answer.result()
    # then: the client's next try is accepted, and it is still one event
    assert send(stack, event).status_code == 201
    await_settled(stack)
    assert_stored_once(stack, event)


def test_a_redis_that_hangs_is_answered_503_soon_and_the_next_try_is_one_event(stack: Stack) -> None:
    event = message(start_session(stack))
    redis = stack.living_pid("redis")
    assert redis is not None
    os.kill(redis, signal.SIGSTOP)
    try:
        refusal = send(stack, event)
    finally:
        os.kill(redis, signal.SIGCONT)
    assert (refusal.status_code, refusal.headers["retry-after"]) == (503, "1")
    assert refusal.elapsed.total_seconds() < 1.5
    assert wait_until(lambda: send(stack, event).status_code == 201, MOMENT_SECONDS)
    await_settled(stack)
    assert_stored_once(stack, event)


def test_after_all_that_no_aggregate_has_drifted(stack: Stack) -> None:
    with stack.database() as connection:
        assert not any(verify(connection, IDLE_GAP).values())
