"""X-Data-As-Of states up to when the data is complete, and no read waits for it."""

import time
from concurrent.futures import ThreadPoolExecutor

from starlette.testclient import TestClient

from deploy.embedded.supervision.processes import wait_until
from services.query import database
from services.query.app import create_app
from services.query.settings import Settings
from tests.conftest import LOCAL
from tests.kept_connection import Connection


def test_reads_state_up_to_when_the_data_is_complete(query_settings: Settings, connection: Connection) -> None:
    with TestClient(create_app(query_settings), LOCAL) as client:
        assert "x-data-as-of" not in client.get("/api/projects").headers
    connection.execute("INSERT INTO ledger VALUES (0, 1, 0, 0, '2024-01-15 10:30:00+00'), (1, 1, 0, 0, '2024-01-15 11:00:00.5+00')")
    with TestClient(create_app(query_settings), LOCAL) as client:
        assert client.get("/api/projects").headers["x-data-as-of"] == "2024-01-15T11:00:00.500000Z"


def test_reads_do_not_wait_for_a_locked_ledger(query_settings: Settings, connection: Connection) -> None:
    """given a ledger that somebody holds, then every read is answered meanwhile, as of the last known time."""
    connection.execute("INSERT INTO ledger VALUES (0, 1, 0, 0, '2024-01-15 10:30:00+00')")
    paths = ["/api/projects", "/api/stats", "/api/sessions", "/api/conversations", "/api/usage", "/api/import/jobs"]
    with TestClient(create_app(query_settings), LOCAL) as client:
        assert client.get("/api/projects").status_code == 200
        time.sleep(2 * database.FRESH_SECONDS)
        with connection.transaction():
            connection.execute("LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")
            with ThreadPoolExecutor(len(paths)) as threads:
                answers = list(threads.map(client.get, paths * 5))
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-data-as-of"] for answer in answers} == {"2024-01-15T10:30:00Z"}


def test_the_first_read_does_not_wait_for_a_locked_ledger(query_settings: Settings, connection: Connection) -> None:
    """given that nothing is known yet, then nothing is promised; and when the ledger is free again, it is."""
    connection.execute("INSERT INTO ledger VALUES (0, 1, 0, 0, '2024-01-15 10:30:00+00')")
    with TestClient(create_app(query_settings), LOCAL) as client:
        with connection.transaction():
            connection.execute("LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE")
            answer = client.get("/api/projects")
            assert answer.status_code == 200
            assert "x-data-as-of" not in answer.headers
        assert wait_until(lambda: "x-data-as-of" in client.get("/api/projects").headers, 60)
