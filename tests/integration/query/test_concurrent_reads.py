"""More concurrent reads than connections: each waits for one, and health checks are still answered."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from starlette.testclient import TestClient

from deploy.embedded.supervision.processes import wait_until
from services.query import database
from services.query.app import create_app
from services.query.settings import Settings
from shared.database import make_engine
from tests.conftest import LOCAL
from tests.kept_connection import Connection

READERS = 50
HANG_SECONDS = 60


def test_the_service_is_alive_but_not_ready_while_reads_hang(
    query_settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """given a database that does not answer, when more reads wait than there are threads, then health checks are still answered."""
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT_MS", 60_000)
    monkeypatch.setattr(database, "make_engine", partial(make_engine, lock_timeout_ms=60_000))

    with TestClient(create_app(query_settings), LOCAL) as client, ThreadPoolExecutor(READERS) as readers:
        assert client.get("/readyz").status_code == 200
        with connection.transaction():
            connection.execute("LOCK TABLE ledger, sessions")
            hanging = [readers.submit(client.get, "/api/sessions") for _ in range(READERS)]
            time.sleep(0.5)
            alive, ready, told = client.get("/healthz"), client.get("/readyz"), client.get("/metrics")
            assert not any(read.done() for read in hanging)
        assert {read.result().status_code for read in hanging} == {200}
        assert client.get("/readyz").status_code == 200
        # Abandoned reads give their connections back.
        assert wait_until(lambda: client.app.state.threads.busy == 0, HANG_SECONDS)  # type: ignore[attr-defined]

    assert alive.json() == {"status": "alive"}
    assert (ready.status_code, ready.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert told.status_code == 200
    assert 'tracker_state_readable{source="database"} 0.0' in told.text


def test_reads_above_the_number_of_connections_wait_for_one(query_settings: Settings, connection: Connection) -> None:
    """given reads that take the database three seconds, when there are more of them than connections, then each is answered."""
    with TestClient(create_app(query_settings), LOCAL) as client, ThreadPoolExecutor(READERS) as readers:
        with connection.transaction():
            connection.execute("LOCK TABLE sessions")
            asked = [readers.submit(client.get, "/api/sessions") for _ in range(READERS)]
            time.sleep(3)
        assert {read.result().status_code for read in asked} == {200}
