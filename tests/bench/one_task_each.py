"""The same pipeline the usual way: a Celery task for every event, which persists it in a transaction of its own.

`python -m celery -A tests.bench.one_task_each worker` is its worker: same Redis, same settings, same persist() as the real one.
"""

from datetime import UTC, datetime

import msgspec
import psycopg
from celery import Celery
from psycopg import Connection

from deploy.embedded.supervision.processes import wait_until
from services.worker.app import WORKER_SETTINGS
from services.worker.persist.persist_batch import persist
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import resources
from services.worker.settings import Settings
from shared.broker import celery_settings, sender
from shared.events.messages import ToolCall
from tests.bench.draining import journal
from tests.bench.event_source import Events
from tests.bench.stack import Stack, celery

TASK_STORE = "bench.store"
QUEUE = "bench"
DONE_SECONDS = 300.0


def create_app() -> Celery:
    """The real worker's app, but for its tasks."""
    made = Celery("tracker-bench")
    made.conf.update(
        celery_settings(Settings().redis_url) | WORKER_SETTINGS | {"imports": [], "beat_schedule": {}, "worker_prefetch_multiplier": 4}
    )
    return made


app = create_app()


@app.task(name=TASK_STORE)
def store(event: str) -> None:
    """Persists one tool call."""
    worker = resources()
    received = ReceivedEvent(msgspec.json.decode(event, type=ToolCall), datetime.now(UTC), "bench", "bench")
    with worker.engine.begin() as transaction:
        connection = transaction.connection.driver_connection
        assert isinstance(connection, Connection)
        persist(connection, [received], idle_gap=worker.idle_gap)


def events_a_second(stack: Stack, events: Events) -> float:
    """The rate of one worker process over a full queue, from its first row to its last."""
    stack.empty()
    journal(stack, events.starts, 100)
    with celery(stack, "drain-once", "services.worker.app", "worker", "-c", "1", "-Q", "drain"), sender(stack.redis_url) as client:
        client.send_task("drain", queue="drain")
        _wait_for(stack, "sessions WHERE counted", len(events.starts))
        for event in events.events:
            client.send_task(TASK_STORE, (msgspec.json.encode(event).decode(),), queue=QUEUE)
    with celery(
        stack, "one-task-each", "tests.bench.one_task_each", "worker", "-c", "1", "--without-gossip", "--without-mingle", "-Q", QUEUE
    ):
        _wait_for(stack, "tool_calls", len(events.events))
    with psycopg.connect(stack.database_url) as connection:
        found = connection.execute("SELECT extract(epoch FROM max(persisted_at) - min(persisted_at))::float8 FROM tool_calls").fetchone()
    assert found is not None
    return (len(events.events) - 1) / float(found[0])


def _wait_for(stack: Stack, what: str, rows: int) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:

        def there() -> bool:
            found = connection.execute(f"SELECT count(*) FROM {what}".encode()).fetchone()
            return found is not None and found[0] >= rows

        if not wait_until(there, DONE_SECONDS):
            raise RuntimeError(f"{what}: not all {rows} rows were there in time; see the logs in {stack.folder}")
