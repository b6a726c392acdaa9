"""Sessions of users with an event of each kind, stored as the drain stores them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid5

from psycopg import Connection

from services.worker.persist.persist_batch import persist
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from shared.events.messages import Activity, Binding, Conversation, Event, SessionEnd, SessionStart, ToolCall, Usage
from tests.integration.worker.all_tables import differences
from tests.integration.worker.imports.files_of_sessions import EPOCH, GAP, add_job, file_of
from tests.integration.worker.statements import select

NAMESPACE = UUID(int=13)


def row_id(*parts: object) -> UUID:
    return uuid5(NAMESPACE, repr(parts))


def session(session_id: str, user: str | None, first: int, project: str = "/p/one") -> list[Event]:
    """A session of an hour with an event of each kind. Sessions overlap, also those of different users."""
    at = [EPOCH + timedelta(minutes=first + 3 * n) for n in range(6)]
    call = {"session_id": session_id, "result_status": "success", "tool_name": "Bash"}
    return [
        SessionStart(project_path=project, start_time=at[0], user=user, session_id=session_id, id=row_id(session_id, 0)),
        Conversation(session_id=session_id, content="How?", role="user", timestamp=at[1], id=row_id(session_id, 1)),
        Conversation(
            session_id=session_id, content="So.", role="assistant", timestamp=at[2], id=row_id(session_id, 2), model="claude-opus-4-6",
            usage=Usage(input_tokens=10, output_tokens=first),
        ),
        Activity(session_id=session_id, file_path="/f/x.py", action="modified", lines_added=first, timestamp=at[3], id=row_id(session_id, 3)),
        ToolCall(**call, execution_time_ms=100 + first, timestamp=at[4], id=row_id(session_id, 4)),
        SessionEnd(session_id=session_id, end_time=at[5], id=row_id(session_id, 5)),
    ]  # fmt: skip


def sessionless(user: str, n: int) -> ToolCall:
    at = EPOCH + timedelta(hours=n)
    return ToolCall(tool_name="Read", result_status="error", execution_time_ms=7 * n, timestamp=at, user=user, id=row_id("call", n))


def store(worker: Resources, events: list[Any], job_number: int = 0, *, bound: Binding | None = None) -> None:
    with worker.connection() as connection, connection.transaction():
        received = [ReceivedEvent(event, EPOCH, "test", "1-1", bound=bound) for event in events]
        persist(connection, received, idle_gap=GAP, job_number=job_number)


def fill(worker: Resources, ann: str, bob: str) -> None:
    """Sessions of two users and of nobody, calls without a session, an import, a session of one user with a later start by the other."""
    store(worker, [event for n in range(5) for event in session(f"a{n}", ann, 7 * n)])
    store(worker, [event for n in range(5) for event in session(f"b{n}", bob, 9 * n, f"/p/{n % 2}")])
    store(worker, session("nobody", None, 4))
    store(worker, [sessionless(user, n) for n, user in enumerate((ann, bob) * 4)])
    again = SessionStart(project_path="/p/one", start_time=EPOCH + timedelta(hours=9), user=ann, session_id="b0", id=row_id("again"))
    store(worker, [again])
    with worker.transaction() as connection:
        number = add_job(connection)
    store(worker, file_of("f1", list(range(9))), number)


def request_merge(worker: Resources, name: str, into: str) -> int:
    """The change that ingest commits for PATCH /api/users/{name}; the user's id."""
    sql = """UPDATE users SET alias_of = (SELECT id FROM users WHERE name = %s), merge_requested_at = now() WHERE name = %s RETURNING id"""
    [(user_id,)] = select(worker, sql, (into, name))
    return int(user_id)


Step = Callable[[Connection[Any], int], bool]


def step_by_step(worker: Resources, step: Step, of: int) -> int:
    """Takes the steps of a merge, each a transaction after which no sum may differ from the rows; how many."""
    steps, is_more = 0, True
    while is_more:
        with worker.transaction() as connection:
            is_more = step(connection, of)
        steps += 1
        assert differences(worker) == {}, f"after transaction {steps}"
    return steps


class Killed(Exception):
    """A worker's end before its commit."""


def losing_each_second(worker: Resources, step: Step, of: int) -> None:
    """The same by a worker that is killed before each second commit."""
    for n in count():
        is_more = True
        with suppress(Killed), worker.transaction() as connection:
            is_more = step(connection, of)
            if n % 2 == 0:
                raise Killed
        assert differences(worker) == {}
        if n % 2 and not is_more:
            return
