"""Imports persist one after another, and waiting for the import lock is not a failure."""

import threading

import psycopg

from deploy.embedded.supervision.processes import wait_until
from services.worker import lock_order
from services.worker.resources import Resources

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"


def test_a_second_import_waits_beyond_the_lock_timeout(worker: Resources) -> None:
    # Given an import that persists, and another whose connection gives up on locks at once
    had_its_turn = threading.Event()

    def second() -> None:
        with psycopg.connect(worker.settings.database_url, options="-c lock_timeout=1ms") as connection:
            lock_order.lock_import_order(connection)
            had_its_turn.set()

    with psycopg.connect(worker.settings.database_url) as first, psycopg.connect(worker.settings.database_url, autocommit=True) as looking:
        lock_order.lock_import_order(first)
        waiter = threading.Thread(target=second)
        waiter.start()
        assert wait_until(lambda: looking.execute(WAITING).fetchone() == (1,), 60)

        # When the first is through, then the second goes on
        assert not had_its_turn.is_set()
        first.commit()
        assert had_its_turn.wait(60)
        waiter.join()
