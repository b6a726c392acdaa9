"""Processes are killed during a dead letter's replay: its event is stored exactly once, or it stays a dead letter."""

import os
import signal
from random import Random

import httpx2 as httpx
import pytest
from psycopg import Connection

from services.worker.maintenance.verify import verify
from tests.faults.checks import IDLE_GAP
from tests.faults.kinds.catalogue import FAULTS
from tests.faults.kinds.kills import kill_service, kill_worker_child
from tests.faults.kinds.scene import Scene
from tests.faults.pace import wait_until
from tests.faults.product.instants import (
    MOMENT_SECONDS,
    api_dies_unanswering,
    await_blocked_worker,
    await_settled,
    committed_but_not_acknowledged,
    is_visible,
    message,
    send,
    start_session,
    transaction_held_before_commit,
)
from tests.faults.product.stack import Stack

_FORBID = "ALTER TABLE messages ADD CONSTRAINT no_bad_moments CHECK (content <> 'at a bad moment') NOT VALID"
_ALLOW = "ALTER TABLE messages DROP CONSTRAINT IF EXISTS no_bad_moments"
_DEAD_LETTER = "SELECT id, attempts, stored_at IS NOT NULL FROM dead_letters WHERE event_id = %s"


@pytest.fixture
def dead(stack: Stack) -> dict[str, str]:
    """An event that died of a constraint, which is mended now."""
    event = message(start_session(stack))
    with stack.database() as connection:
        connection.execute(_FORBID)
        try:
            assert send(stack, event).status_code == 201
            await_settled(stack)
        finally:
            connection.execute(_ALLOW)
    return event


def replay(stack: Stack, event: dict[str, str]) -> httpx.Response:
    """POSTs the replay of the event's dead letter."""
    with stack.database() as connection:
        [(dead_letter_id, *_)] = connection.execute(_DEAD_LETTER, [event["id"]]).fetchall()
    return httpx.post(f"{stack.url}/api/dead-letters/{dead_letter_id}/replay", timeout=30, trust_env=False)


def is_dead_letter(connection: Connection[tuple[object, ...]], event: dict[str, str]) -> bool:
    """Whether it is the one dead letter of its event, waiting."""
    [(_, _, is_stored)] = connection.execute(_DEAD_LETTER, [event["id"]]).fetchall()
    return not is_stored


def assert_stored_once_and_not_dead(stack: Stack, event: dict[str, str]) -> None:
    await_settled(stack)
    with stack.database() as connection:
        assert is_visible(connection, event)
        assert not is_dead_letter(connection, event)
        assert not any(verify(connection, IDLE_GAP).values())


@pytest.mark.parametrize("killed", ["worker-child", "redis", "postgres"])
def test_a_crash_inside_the_replays_transaction_keeps_event_or_dead_letter(stack: Stack, dead: dict[str, str], killed: str) -> None:
    """Until the commit it is a dead letter and no event; after it, it is an event and no dead letter. There is nothing between."""
    with transaction_held_before_commit(stack) as held, stack.database() as looker:
        assert replay(stack, dead).status_code == 202
        await_blocked_worker(stack)
        assert (is_visible(looker, dead), is_dead_letter(looker, dead)) == (False, True)
        looker.close()
        FAULTS[killed].happen(Scene(stack, Random(0), seconds=0))
        held.close()
    assert_stored_once_and_not_dead(stack, dead)


def test_a_crash_after_the_replays_commit_stores_the_event_once(stack: Stack, dead: dict[str, str]) -> None:
    with committed_but_not_acknowledged(stack, dead, lambda: replay(stack, dead)):
        kill_worker_child(stack)
    assert_stored_once_and_not_dead(stack, dead)


def test_an_api_crash_between_append_and_mark_stores_the_event_once(stack: Stack, dead: dict[str, str]) -> None:
    # when: the worker has stored it, and the API dies without having marked or answered
    with api_dies_unanswering(stack, lambda: replay(stack, dead)):
        assert_stored_once_and_not_dead(stack, dead)
    # then: asking again finds it stored
    again: list[httpx.Response] = []

    def is_answered() -> bool:
        try:
            again[:] = [replay(stack, dead)]
        except httpx.TransportError:
            return False
        return again[0].status_code == 202

    assert wait_until(is_answered, MOMENT_SECONDS)
    assert again[0].json()["status"] == "persisted"
    assert_stored_once_and_not_dead(stack, dead)


def test_a_redis_crash_before_the_append_keeps_the_dead_letter(stack: Stack, dead: dict[str, str]) -> None:
    redis = stack.living_pid("redis")
    assert redis is not None
    os.kill(redis, signal.SIGSTOP)
    try:
        refusal = replay(stack, dead)
    finally:
        kill_service(stack, "redis")
    assert (refusal.status_code, refusal.json()["code"]) == (503, "QUEUE_UNAVAILABLE")
    await_settled(stack)
    with stack.database() as connection:
        # Redis may have read the append before it died, never half of it.
        assert is_dead_letter(connection, dead) != is_visible(connection, dead)
    assert wait_until(lambda: replay(stack, dead).status_code == 202, MOMENT_SECONDS)
    assert_stored_once_and_not_dead(stack, dead)
