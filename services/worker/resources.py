"""The resources of a worker process while it lives: settings, the engine, the Redis client, its name as a consumer of the journal."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from celery.signals import worker_process_init, worker_process_shutdown
from psycopg import Connection
from redis import Redis
from sqlalchemy import Engine, event

from services.worker.drain.consumer_fencing import JournalConsumer
from services.worker.fixed_settings import idle_gap_seconds
from services.worker.persist.derived_values import stored_prices
from services.worker.persist.records import KeptResults
from services.worker.persist.staging.staging_tables import prepare_connection
from services.worker.settings import Settings
from shared.blobs.contents import ContentStore
from shared.blobs.stores import archive_at
from shared.database import make_engine
from shared.redis.clients import connect

# Rows of the ledger. Drains of different slots do not wait for each other.
LEDGER_SLOTS = 64


@dataclass(frozen=True, slots=True)
class Resources:
    settings: Settings
    engine: Engine
    redis: Redis
    consumer: JournalConsumer

    @property
    def idle_gap(self) -> timedelta:
        """The database's, which may differ from the settings' (fixed_settings.py)."""
        return timedelta(seconds=idle_gap_seconds(self.settings.database_url, self.settings.idle_gap_seconds))

    @property
    def kept_results(self) -> KeptResults:
        """How much is stored of what tool calls gave back, and of thinking."""
        settings = self.settings
        return KeptResults(settings.tool_result_kib * 1024, only_errors=settings.tool_results == "errors", thinking=settings.thinking)

    @property
    def archive(self) -> ContentStore:
        """Where transcripts are kept."""
        return archive_at(self.settings.archive_url)

    @property
    def ledger_slot(self) -> int:
        return os.getpid() % LEDGER_SLOTS

    @contextmanager
    def connection(self) -> Iterator[Connection[Any]]:
        """A psycopg connection outside a transaction. Its `connection.transaction()` commits at its end."""
        with self.engine.connect() as pooled:
            connection = pooled.connection.driver_connection
            assert isinstance(connection, Connection)
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection[Any]]:
        """One psycopg transaction: committed at the end, rolled back by an exception.

        A `connection.transaction()` inside it is a savepoint. Inside SQLAlchemy's begin(), which psycopg does not know of, it would be a
        transaction of its own and commit before the rest.
        """
        with self.connection() as connection, connection.transaction():
            yield connection

    def close(self) -> None:
        self.engine.dispose()
        self.redis.close()


def open_resources(settings: Settings, *, writes_prices: bool = False) -> Resources:
    """Connects at the first use of Postgres or Redis, not here.

    `writes_prices`: with the price list and the file of these settings. A command that somebody runs may have other settings than the workers.
    """
    engine = make_engine(settings.database_url, pool_size=1, statement_timeout_ms=30_000, application_name="tracker-worker")
    event.listen(engine, "connect", _prepare)
    if writes_prices:
        event.listen(engine, "connect", partial(_write_prices, settings.prices))
    redis = connect(settings.redis_url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=10, protocol=2)
    return Resources(settings, engine, redis, JournalConsumer(f"{socket.gethostname()}-{os.getpid()}"))


def _prepare(connection: Connection[Any], _record: object) -> None:
    # Each statement by itself: locks of several tables at once could deadlock with a migration.
    connection.autocommit = True
    prepare_connection(connection)
    connection.autocommit = False


def _write_prices(prices: Path | None, connection: Connection[Any], _record: object) -> None:
    stored_prices.publish(connection, prices)
    connection.commit()


@cache
def resources() -> Resources:
    """The resources of this process. Made at the start of a pool process, never before the fork."""
    return open_resources(Settings(), writes_prices=True)


@worker_process_init.connect(weak=False)
def _open(**_: object) -> None:
    resources()


@worker_process_shutdown.connect(weak=False)
def _close(**_: object) -> None:
    resources().close()
