"""Drains, imports and undos of the same sessions and projects run at once without deadlocks."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

import psycopg
from psycopg import Connection

from services.worker.importers.job import undo
from services.worker.maintenance.verify import checks, differing
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.records import ApiCall, FileChange, Message, Record, SessionFacts, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent, prepare_connection
from services.worker.resources import Resources
from shared.events.messages import Activity, Conversation, Event, SessionStart, ToolCall

GAP = timedelta(minutes=5)
EPOCH = datetime(2026, 3, 1, 23, 40, tzinfo=UTC)
NAMESPACE = UUID(int=11)
ROUNDS = 15
SESSIONS = [f"s{number}" for number in range(8)]
PROJECTS = ["/p/one", "/p/two"]
# Found within a tenth of the usual second, so that a circle is no mere delay.
OPTIONS = "-c deadlock_timeout=100ms -c statement_timeout=60s"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

Write = Callable[[Connection[Any], random.Random], None]


def moment(rng: random.Random) -> datetime:
    return EPOCH + timedelta(minutes=rng.randrange(600))


def live(connection: Connection[Any], rng: random.Random) -> None:
    """A batch of the drain; starts come late, so their sessions' events move to another project."""
    events: list[Event] = []
    for session_id in rng.sample(SESSIONS, 3):
        start = SessionStart(project_path=rng.choice(PROJECTS), start_time=moment(rng), user="ann", session_id=session_id, id=uuid4())
        call = ToolCall(
            tool_name="Bash",
            result_status="success",
            execution_time_ms=rng.randrange(900),
            timestamp=moment(rng),
            session_id=session_id,
            id=uuid4(),
        )
        change = Activity(session_id=session_id, file_path=f"/f/{rng.randrange(5)}", action="modified", timestamp=moment(rng), id=uuid4())
        events += [Conversation(session_id=session_id, content="text", role="user", timestamp=moment(rng), id=uuid4()), call, change]
        events += [start] if rng.random() < 0.3 else []
    store(connection, events, 0)


def poisoned(connection: Connection[Any], rng: random.Random) -> None:
    """A batch with an event that cannot be stored, so the others are stored in parts."""
    events = [
        Conversation(session_id=session_id, content="a", role="user", timestamp=moment(rng), id=uuid4())
        for session_id in rng.sample(SESSIONS, 4)
    ]
    events[rng.randrange(4)].content = "\0"
    store(connection, events, 0)


def imported(connection: Connection[Any], rng: random.Random) -> None:
    """A file of a session; what happened in it is in the files of others too."""
    session_id = rng.choice(SESSIONS)
    times = [moment(rng), moment(rng)]
    facts = SessionFacts(
        id=uuid4(), session_id=session_id, source="transcript", project_path=rng.choice(PROJECTS), user="bob",
        started_at=min(times), ended_at=max(times), active_ranges=[(at, at + GAP) for at in times],
    )  # fmt: skip
    store(connection, [facts, *(act(rng.randrange(40), session_id, rng) for _ in range(8))], job_of(connection, rng))


def act(number: int, session_id: str, rng: random.Random) -> Record:
    at, row_id = EPOCH + timedelta(minutes=3 * number), uuid5(NAMESPACE, str(number))
    of_it: dict[str, Any] = {"id": row_id, "session_id": session_id, "timestamp": at, "source": "transcript"}
    match number % 4:
        case 0:
            return Message(role="user", content="text" * rng.randrange(1, 4), **of_it)
        case 1:
            return ToolUse(
                tool_name="Bash",
                status=rng.choice(["success", "pending"]),
                duration_ms=rng.randrange(900),
                duration_source="timestamps",
                **of_it,
            )
        case 2:
            return FileChange(file_path=f"/f/{number % 3}", action="modified", lines_added=number, lines_removed=0, **of_it)
        case _:
            return ApiCall(model="claude-opus-4-6", output_tokens=rng.randrange(90), cache_read_tokens=rng.randrange(900), **of_it)


def taken_back(connection: Connection[Any], rng: random.Random) -> None:
    """An import and its undo."""
    imported(connection, rng)
    job_number = job_of(connection, rng)
    while undo.undo_some(Undoing(), connection, job_number):  # type: ignore[arg-type]
        connection.commit()
    undo.clear_up(connection, job_number)
    connection.commit()


class Undoing:
    """The part of a worker that an undo needs."""

    idle_gap = GAP


def job_of(connection: Connection[Any], rng: random.Random) -> int:
    [(number,)] = connection.execute("SELECT max(number) FROM import_jobs WHERE undone_at IS NULL").fetchall()
    if number is None or rng.random() < 0.2:
        [(number,)] = connection.execute("INSERT INTO import_jobs (id, files) VALUES (%s, '[]') RETURNING number", (uuid4(),)).fetchall()
    connection.commit()
    return int(number)


def store(connection: Connection[Any], events: list[Any], job_number: int) -> None:
    with connection.transaction():
        persist_isolating(connection, [ReceivedEvent(event, EPOCH, "test", "1-1") for event in events], idle_gap=GAP, job_number=job_number)


def test_concurrent_writers_of_the_same_projects_never_deadlock(worker: Resources) -> None:
    # Given drains, imports and undos, each on a connection of its own, of the same few sessions
    writers: list[Write] = [live, live, poisoned, imported, imported, taken_back]

    def write(number: int) -> list[str]:
        rng = random.Random(number)
        failures: list[str] = []
        with psycopg.connect(worker.settings.database_url, options=OPTIONS) as connection:
            prepare_connection(connection)
            connection.commit()
            for _ in range(ROUNDS):
                try:
                    writers[number](connection, rng)
                except psycopg.Error as error:
                    connection.rollback()
                    failures.append(f"{writers[number].__name__}: {error}")
        return failures

    with psycopg.connect(worker.settings.database_url, autocommit=True) as looking:
        before = looking.execute(DEADLOCKS).fetchone()

        # When all write at once
        with ThreadPoolExecutor(len(writers)) as pool:
            failures = [failure for of_one in pool.map(write, range(len(writers))) for failure in of_one]

        # Then there was no deadlock and no other error, and the aggregates agree with the rows
        looking.execute("SELECT pg_stat_force_next_flush()")
        assert failures == []
        assert looking.execute(DEADLOCKS).fetchone() == before
        assert {name: cells for name, check in checks(looking).items() if (cells := differing(looking, check, GAP))} == {}
