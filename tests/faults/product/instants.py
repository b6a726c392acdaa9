"""Brings the running product to a chosen moment and keeps it there, by means that any client of Postgres and Redis has."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import httpx2 as httpx
import pytest
from psycopg import Connection
from redis import Redis
from redis.exceptions import RedisError

from tests.faults.checks import waiting
from tests.faults.kinds.kills import kill_service
from tests.faults.pace import wait_until
from tests.faults.product.stack import Stack

MOMENT_SECONDS = 30.0
STORED_SECONDS = 60.0
_BLOCKED = "SELECT FROM pg_stat_activity WHERE application_name = 'tracker-worker' AND wait_event_type = 'Lock'"
_ROWS_AND_ACCOUNT = """
    SELECT (SELECT count(*) FROM messages WHERE id = ANY(%(event_ids)s::uuid[])), (SELECT count(*) FROM dead_letters WHERE stored_at IS NULL),
           (SELECT count(*) FROM messages WHERE brought_by IS NULL) + (SELECT count(*) FROM session_events) - (SELECT coalesce(sum(persisted), 0) FROM ledger)"""


def start_session(stack: Stack) -> str:
    """A session whose start is stored. Its id. The work that the test before has left may still be healing."""
    session_id = f"session-{uuid4()}"
    start = {"id": str(uuid4()), "session_id": session_id, "project_path": "/home/ann/instants"}
    assert wait_until(lambda: _is_persisted(stack, start), STORED_SECONDS), "the session's start is not stored"
    return session_id


def _is_persisted(stack: Stack, start: dict[str, str]) -> bool:
    answer = httpx.post(f"{stack.url}/api/sessions/start", json=start, headers={"Prefer": "wait=10"}, timeout=40, trust_env=False)
    return bool(answer.json().get("status") == "persisted")


def message(session_id: str) -> dict[str, str]:
    """The body of a conversation event with an id."""
    return {"id": str(uuid4()), "session_id": session_id, "role": "user", "content": "at a bad moment"}


def send(stack: Stack, event: dict[str, str]) -> httpx.Response:
    """POSTs the event."""
    return httpx.post(f"{stack.url}/api/conversations", json=event, timeout=30, trust_env=False)


def send_until_accepted(stack: Stack, event: dict[str, str]) -> None:
    """Sends it again and again, for at most half a minute."""
    assert wait_until(lambda: send(stack, event).status_code == 201, MOMENT_SECONDS), "still refused"


@contextmanager
def transaction_held_before_commit(stack: Stack) -> Iterator[Connection[tuple[object, ...]]]:
    """The worker can write an event and its aggregates, but not its account, so it does not come to its COMMIT.

    For at most 5 s, the worker's lock_timeout. The connection that holds it is given; its commit lets the worker go on.
    """
    with stack.database() as connection:
        connection.autocommit = False
        connection.execute("LOCK TABLE ledger IN SHARE MODE")
        yield connection


def await_blocked_worker(stack: Stack) -> None:
    """Returns when the worker waits for that lock."""
    with stack.database() as connection:
        assert wait_until(lambda: connection.execute(_BLOCKED).rowcount == 1, MOMENT_SECONDS), "the worker does not wait for the ledger"


@contextmanager
def committed_but_not_acknowledged(stack: Stack, event: dict[str, str], ask: Callable[[], httpx.Response]) -> Iterator[None]:
    """Given an event that `ask` puts into the journal: its row is committed, and Redis takes no acknowledgement until the block ends."""
    with stack.database() as looker, stack.redis() as redis:
        with transaction_held_before_commit(stack) as holder:
            assert ask().is_success
            await_blocked_worker(stack)
            redis.client_pause(60_000, all=False)
            holder.commit()
        assert wait_until(lambda: is_visible(looker, event), MOMENT_SECONDS)
        assert waiting(redis) == (1, 1)
        yield
        redis.client_unpause()


@contextmanager
def api_dies_unanswering(stack: Stack, ask: Callable[[], httpx.Response]) -> Iterator[None]:
    """The append of what is asked has been made, but the API is suspended before it hears of it, and dies when the block ends."""
    with stack.redis() as redis, ThreadPoolExecutor(1) as thread:
        redis.client_pause(60_000, all=False)
        answer = thread.submit(ask)
        # It has reached Redis and waits there.
        assert wait_until(lambda: any(c["cmd"].startswith("eval") and "b" in c["flags"] for c in redis.client_list()), MOMENT_SECONDS)
        api = stack.living_pid("api")
        assert api is not None
        os.kill(api, signal.SIGSTOP)
        try:
            redis.client_unpause()
            yield
        finally:
            kill_service(stack, "api")
        with pytest.raises(httpx.TransportError):
            answer.result()


def await_settled(stack: Stack) -> None:
    """Returns when the journal is empty: all that was accepted has been dealt with."""
    with stack.redis() as redis:
        assert wait_until(lambda: _is_settled(redis), STORED_SECONDS), f"the journal is not empty: {waiting(redis)}"


def _is_settled(redis: Redis) -> bool:
    try:
        return waiting(redis) == (0, 0)
    except RedisError:
        return False


def is_visible(connection: Connection[tuple[object, ...]], event: dict[str, str]) -> bool:
    """Whether the event is committed."""
    return connection.execute("SELECT FROM messages WHERE id = %s", [event["id"]]).rowcount == 1


def assert_stored_once(stack: Stack, event: dict[str, str]) -> None:
    """Once the journal is empty: the event is one row, there are no dead letters, and the worker's account agrees with the tables."""
    assert_all_stored(stack, [event])


def assert_all_stored(stack: Stack, events: list[dict[str, str]]) -> None:
    """The same of several."""
    await_settled(stack)
    with stack.database() as connection:
        found = connection.execute(_ROWS_AND_ACCOUNT, {"event_ids": [event["id"] for event in events]}).fetchall()
    assert found == [(len(events), 0, 0)]
