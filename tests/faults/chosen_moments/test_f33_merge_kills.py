"""F33: workers are killed while they move a project's sessions, and events of both projects come meanwhile: in the end every session counts where it should."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from psycopg import Connection

from services.worker.maintenance.verify import verify
from tests.faults.checks import IDLE_GAP
from tests.faults.pace import wait_until
from tests.faults.product.instants import await_settled
from tests.faults.product.stack import Stack
from tests.faults.product.victims import kill, pool_of

SESSIONS = 400
KILLS = 4
SECONDS = 120.0

_MOVED = "SELECT count(*) FROM sessions WHERE path_project_id = %s"
_LEFT = "SELECT count(*) FROM sessions WHERE project_id = %s AND counted"
_WAITS = "SELECT count(*) FROM projects WHERE rekey_requested_at IS NOT NULL"


def send(stack: Stack, items: list[dict[str, Any]]) -> None:
    """A batch, again until it is accepted."""

    def is_sent() -> bool:
        answer = httpx.post(f"{stack.url}/api/events", json=items, timeout=30, trust_env=False)
        assert answer.status_code < 400 or answer.status_code in (429, 503), answer.text
        return answer.status_code == 200

    assert wait_until(is_sent, SECONDS)


def sessions(path: str, number: int) -> list[dict[str, Any]]:
    """Starts, a prompt and a call each."""
    items: list[dict[str, Any]] = []
    for n in range(number):
        of = {"session_id": f"{path[3:]}-{uuid4()}", "id": str(uuid4())}
        items += [
            {"type": "session_start", "project_path": path, "user": f"user-{n % 3}", **of},
            {"type": "conversation", "role": "user", "content": "go on", **of, "id": str(uuid4())},
            {"type": "tool_call", "tool_name": "Bash", "result_status": "success", "execution_time_ms": n, **of, "id": str(uuid4())},
        ]
    return items


@contextmanager
def writing(stack: Stack, *paths: str) -> Iterator[dict[str, int]]:
    """Sends sessions of both paths all the time. How many of each there are, at the end."""
    sent = dict.fromkeys(paths, 0)
    is_over = threading.Event()

    def write() -> None:
        while not is_over.wait(0.05):
            for path in paths:
                send(stack, sessions(path, 2))
                sent[path] += 2

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield sent
    finally:
        is_over.set()
        writer.join()


def count(connection: Connection[Any], sql: str, *parameters: object) -> int:
    [(found,)] = connection.execute(sql.encode(), parameters).fetchall()
    return int(found)


def change(stack: Stack, method: str, path: str, body: dict[str, Any]) -> None:
    answer = httpx.request(method, f"{stack.url}/api/projects/{path}", json=body, timeout=30, trust_env=False)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("number", [1])
def test_workers_killed_within_a_merge_and_its_undo_leave_every_session_where_it_counts(stack: Stack, number: int) -> None:
    # Given two projects with sessions
    shop, fix = f"/m/shop-{number}", f"/m/fix-{number}"
    for path in (shop, fix):
        for _ in range(SESSIONS // 100):
            send(stack, sessions(path, 100))
    await_settled(stack)
    with stack.database() as connection:
        ids = {path: count(connection, "SELECT id FROM projects WHERE path = %s", path) for path in (shop, fix)}
        with writing(stack, shop, fix) as sent:
            # When one is merged into the other, and each worker that moves its sessions is killed
            change(stack, "PATCH", str(ids[fix]), {"merged_into": ids[shop]})
            for n in range(KILLS):
                assert wait_until(lambda moved=40 * (n + 1): count(connection, _MOVED, ids[fix]) >= moved, SECONDS)
                kill(pool_of(stack, "worker-background"))
            assert wait_until(lambda: count(connection, _WAITS) == 0, SECONDS)
        await_settled(stack)

        # Then everything counts there, what came meanwhile too
        assert count(connection, _LEFT, ids[fix]) == 0
        assert count(connection, _LEFT, ids[shop]) == 2 * SESSIONS + sent[shop] + sent[fix]
        assert not any(verify(connection, IDLE_GAP).values())

        # And its undo, killed in the same way, gives each project its own
        merged = {path: sent[path] for path in sent}
        with writing(stack, shop, fix) as sent:
            change(stack, "POST", f"{ids[fix]}/undo", {})
            for n in range(KILLS):
                assert wait_until(lambda left=40 * (n + 1): count(connection, _LEFT, ids[fix]) >= left, SECONDS)
                kill(pool_of(stack, "worker-background"))
            assert wait_until(lambda: count(connection, _WAITS) == 0, SECONDS)
        await_settled(stack)
        for path in (shop, fix):
            assert count(connection, _LEFT, ids[path]) == SESSIONS + merged[path] + sent[path], path
        assert not any(verify(connection, IDLE_GAP).values())
