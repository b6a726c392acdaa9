"""The tasks that Celery is asked to do while nothing happens, and what beat does about work that nobody was told of. A real stack, observed at Redis."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from services.worker.sweep.scheduler import SPARE_WAKEUPS
from shared.broker import KEY_PREFIX, Task, queue_key
from shared.events.messages import ENVELOPE_VERSION, Envelope, ToolCall, encode_envelope
from shared.jobs import KINDS
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from shared.queues import Queue
from tests.faults.pace import stretched
from tests.flow.conftest import STOP_SECONDS, Stack, running_stack, start
from tests.skips import needs

pytestmark = needs("the embedded servers")

TASKS = (*Task, *(kind.task for kind in KINDS.values()))
# Every look but those of each minute and of ten minutes is made several times.
IDLE_SECONDS = 25
# A look each 5 s and one each 10 s make 8; then some each minute, this test's own, and the checks of pools: 58 and 59 in all were seen, with another
# look each 5 s. A look a second would be 25 more.
OTHER_STATEMENTS = 45
# Postgres counts what a connection did when it has been idle for 10 s, at the latest. Beat, too, may have looked just before nothing waited any more.
SETTLED_SECONDS = 12
# A task that is sent each second, and by each event, would be twice as many as may wait.
DOWN_SECONDS = 20


@pytest.fixture(scope="module")
def idle(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("idle")
    with running_stack(folder, postgres_url, redis_server_url, 3, TRACKER_BLOB_URL=(folder / "blobs").as_uri()) as running:
        # The tasks that beat sends once after its start: the accounting, and a sweep of the uploads
        time.sleep(5)
        yield running


@pytest.fixture(scope="module")
def redis(idle: Stack) -> Iterator[Redis]:
    with Redis.from_url(idle.environment["TRACKER_REDIS_URL"]) as client:
        yield client


@contextmanager
def tasks_sent(redis: Redis) -> Iterator[list[str]]:
    """The names of the tasks that anybody sends during the block."""
    found: list[str] = []
    database = redis.connection_pool.connection_kwargs.get("db", 0)

    def read() -> None:
        for command in monitor.listen():
            text = command["command"]
            if "the end of the block" in text:
                return
            if command["db"] == database and text.startswith(f"LPUSH {KEY_PREFIX}"):
                found.extend(task for task in TASKS if f'"task": "{task}"' in text.replace('\\"', '"'))

    with redis.monitor() as monitor:
        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield found
        finally:
            redis.echo("the end of the block")
            reader.join()


def entry() -> tuple[str, bytes]:
    """The id of an event, and an entry that has it."""
    event = ToolCall(tool_name="Bash", result_status="success", timestamp=datetime.now(UTC), id=uuid4())
    return str(event.id), encode_envelope(Envelope(version=ENVELOPE_VERSION, request_id="r", received_at=datetime.now(UTC), events=[event]))


def is_stored(stack: Stack, event_id: str) -> bool:
    return bool(stack.select(f"SELECT FROM tool_calls WHERE id = '{event_id}'"))


@dataclass(frozen=True)
class Idleness:
    """The work of IDLE_SECONDS in which nothing happened: the tasks that were sent, and how many transactions Postgres had."""

    tasks: list[str]
    transactions: int


@contextmanager
def without_autovacuum(database_url: str) -> Iterator[None]:
    """It comes to a new database at any time, with a transaction for each of its tables."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET autovacuum = off")
        connection.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            connection.execute("ALTER SYSTEM RESET autovacuum")
            connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="module")
def idleness(idle: Stack, redis: Redis) -> Idleness:
    # Given a stack in which nothing waits, also of what another test has sent to it
    assert wait_until(idle.is_searchable, STOP_SECONDS)
    counted = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
    with without_autovacuum(idle.database_url):
        time.sleep(SETTLED_SECONDS)
        [(before,)] = idle.select(counted)
        with tasks_sent(redis) as sent:
            time.sleep(IDLE_SECONDS)
        [(after,)] = idle.select(counted)
    return Idleness(sent, int(str(after)) - int(str(before)))


def test_an_idle_stack_sends_no_task(idleness: Idleness) -> None:
    assert [task for task in idleness.tasks if task != Task.CHECK_ACCOUNTING] == []
    assert len(idleness.tasks) <= 1


def test_an_idle_stack_asks_postgres_little_more_than_once_a_second(idleness: Idleness) -> None:
    # Then the look of each second is one statement; those of 5 s and longer, and a check of the accounting, are the rest
    assert idleness.transactions <= IDLE_SECONDS + OTHER_STATEMENTS


def test_an_entry_whose_wakeup_was_lost_is_drained_within_two_seconds(idle: Stack, redis: Redis) -> None:
    event_id, payload = entry()
    with tasks_sent(redis) as sent:
        redis.xadd(stream_key(0), {PAYLOAD_FIELD: payload})
        assert wait_until(lambda: is_stored(idle, event_id), stretched(2))
    assert sent.count("drain") == 1


def test_the_queue_does_not_grow_without_a_worker_and_all_is_stored_later(postgres_url: str, redis_server_url: str, tmp_path: Path) -> None:
    # Given a stack whose only worker has ended
    with (
        running_stack(tmp_path, postgres_url, redis_server_url, 4, TRACKER_BLOB_URL=(tmp_path / "blobs").as_uri()) as stack,
        Redis.from_url(stack.environment["TRACKER_REDIS_URL"]) as redis,
    ):
        os.kill(stack.pids["worker"], signal.SIGTERM)
        assert wait_until(lambda: not _takes_tasks(redis), STOP_SECONDS)

        # When events come, and each may wake a worker
        event_ids = [str(uuid4()) for _ in range(DOWN_SECONDS * 4)]
        for event_id in event_ids:
            event = {"tool_name": "Bash", "result_status": "success", "timestamp": datetime.now(UTC).isoformat()}
            assert stack.http.post("/api/tool-calls", json=event, headers={"Idempotency-Key": event_id}).status_code == 201
            time.sleep(0.25)

        # Then few tasks wait, and the next worker stores every event
        assert 1 <= redis.llen(queue_key(Queue.DRAIN)) <= 1 + SPARE_WAKEUPS + 1
        with worker(stack):
            assert wait_until(lambda: redis.xlen(stream_key(0)) == 0, 30)
            assert wait_until(lambda: redis.llen(queue_key(Queue.DRAIN)) == 0, 10)
        assert stack.select("SELECT count(*) FROM tool_calls") == [(len(event_ids),)]


def _takes_tasks(redis: Redis) -> bool:
    """Whether a worker waits at the queue of the drain, which it does in a blocking read."""
    database = str(redis.connection_pool.connection_kwargs.get("db", 0))
    return any(client["cmd"] == "brpop" and client["db"] == database for client in redis.client_list())


@contextmanager
def worker(stack: Stack) -> Iterator[None]:
    process = start(
        "second-worker",
        ["-m", "celery", "-A", "services.worker.app", "worker", "-c", "1", "-Q", "drain"],
        stack.environment,
        stack.log_folder,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS)
