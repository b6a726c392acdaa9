"""The idle gap belongs to the database: a worker with another setting keeps the stored one and warns."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
import structlog

from services.worker import fixed_settings
from services.worker.maintenance.verify import verify
from services.worker.persist.persist_batch import persist
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from shared.events.messages import Conversation

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _new_process() -> Iterator[None]:
    """Each of these tests begins as a process does: without having asked."""
    fixed_settings.idle_gap_seconds.cache_clear()
    yield
    fixed_settings.idle_gap_seconds.cache_clear()


def add_messages(worker: Resources, *minutes: int) -> None:
    events = [
        Conversation(session_id="s", content="x", role="user", timestamp=NOON + timedelta(minutes=minute), id=uuid4()) for minute in minutes
    ]
    with worker.transaction() as connection:
        persist(connection, [ReceivedEvent(event, NOON, "r", "1-1") for event in events], idle_gap=worker.idle_gap)


def test_the_first_idle_gap_stays_and_another_setting_is_logged(worker: Resources) -> None:
    # Given a database that counts with five minutes
    assert worker.idle_gap == timedelta(minutes=5)
    add_messages(worker, 0, 4)

    # When a later worker is told ten
    later = open_resources(Settings(database_url=worker.settings.database_url, redis_url=worker.settings.redis_url, idle_gap_seconds=600))
    with structlog.testing.capture_logs() as logs:
        assert later.idle_gap == timedelta(minutes=5)
    assert [(entry["event"], entry["configured_seconds"], entry["stored_seconds"]) for entry in logs] == [("idle_gap_is_fixed", 600, 300)]

    # Then what it stores is counted like what is there, and nothing differs from the rows
    add_messages(later, 12, 15)
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        assert connection.execute("SELECT active_us FROM sessions").fetchall() == [((4 + 3) * 60_000_000,)]
        assert not any(verify(connection, later.idle_gap).values())
    later.close()


def test_a_new_database_adopts_the_configured_idle_gap(worker: Resources) -> None:
    told = open_resources(Settings(database_url=worker.settings.database_url, redis_url=worker.settings.redis_url, idle_gap_seconds=60))
    with structlog.testing.capture_logs() as logs:
        assert told.idle_gap == timedelta(minutes=1)
    assert logs == []
    told.close()
