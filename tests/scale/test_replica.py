"""Query on a streaming replica: what it reads there, what on the primary, and what it reports when the replica lags."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from redis import Redis

from deploy.embedded.servers.postgres import PostgresServer, bin_dir
from deploy.embedded.supervision.processes import wait_until
from deploy.keys import main as make_key
from deploy.migrations.migrate import migrate
from services.query.app import create_app
from services.query.settings import Settings
from tests.conftest import LOCAL
from tests.servers import POSTGRES_SETTINGS

CAUGHT_UP_SECONDS = 20.0
JOB = "00000000-0000-7000-8000-000000000001"


@dataclass(frozen=True)
class Pair:
    """A primary, and a replica that streams from it."""

    primary: PostgresServer
    replica: PostgresServer

    def write(self, sql: str) -> None:
        with psycopg.connect(self.primary.url, autocommit=True) as connection:
            connection.execute(sql.encode())

    def catch_up(self) -> None:
        """Returns when the replica has what the primary has."""
        [(written,)] = ask(self.primary, "SELECT pg_current_wal_lsn()::text")
        replayed = f"SELECT pg_last_wal_replay_lsn() >= '{written}'::pg_lsn"
        assert wait_until(lambda: ask(self.replica, replayed) == [(True,)], CAUGHT_UP_SECONDS)

    def hold_back(self) -> None:
        """From now on the replica shows nothing new."""
        ask(self.replica, "SELECT pg_wal_replay_pause()")
        assert wait_until(lambda: ask(self.replica, "SELECT pg_get_wal_replay_pause_state()") == [("paused",)], CAUGHT_UP_SECONDS)

    def go_on(self) -> None:
        ask(self.replica, "SELECT pg_wal_replay_resume()")


def ask(server: PostgresServer, sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        return connection.execute(sql.encode()).fetchall()


@pytest.fixture(scope="module")
def running() -> Iterator[Pair]:
    folder = Path(tempfile.mkdtemp(prefix="tracker-replica-"))
    folder.chmod(0o755)
    primary = PostgresServer(folder / "primary", folder / "run-primary", folder / "primary.log", POSTGRES_SETTINGS)
    primary.start()
    migrate(primary.url)
    copy = [
        bin_dir() / "pg_basebackup",
        "-h",
        primary.socket_dir,
        "-U",
        "tracker",
        "-D",
        folder / "replica",
        "-R",
        "-X",
        "stream",
        "-c",
        "fast",
    ]
    subprocess.run(copy, check=True, capture_output=True)
    # Where root starts servers, each has a user of its own. This one reaches the other's socket, so it runs as the same: its data's owner.
    owner = (folder / "primary").stat()
    for path in (folder / "replica", *(folder / "replica").rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    replica = PostgresServer(folder / "replica", folder / "run-replica", folder / "replica.log", POSTGRES_SETTINGS)
    replica.start()
    yield Pair(primary, replica)
    replica.stop()
    primary.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pair(running: Pair) -> Iterator[Pair]:
    running.write("TRUNCATE projects, sessions, messages, ledger, accounts, import_jobs, api_keys RESTART IDENTITY CASCADE")
    running.write("INSERT INTO ledger (slot, persisted, last_received_at) VALUES (0, 1, '2026-05-01 12:00:00Z')")
    for path in ("/home/ann/seen", "/home/ann/other"):
        running.write(f"INSERT INTO projects (path, name) VALUES ('{path}', '{path.rpartition('/')[2]}')")
    running.catch_up()
    yield running
    running.go_on()


@pytest.fixture
def settings(pair: Pair, redis_url: str) -> Settings:
    return Settings(
        database_url=pair.primary.url, query_database_url=pair.replica.url, redis_url=redis_url, canary_seconds=0, ready_lag_seconds=1
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), LOCAL, raise_server_exceptions=False) as client:
        yield client


def projects(client: TestClient, **headers: str) -> list[str]:
    return sorted(project["name"] for project in client.get("/api/projects", headers=headers).json())


def test_lists_come_from_the_replica_with_its_data_time(pair: Pair, client: TestClient) -> None:
    # Given a replica that is held back, and a primary that has more
    pair.hold_back()
    pair.write("INSERT INTO projects (path, name) VALUES ('/home/ann/new', 'new')")
    pair.write("UPDATE ledger SET last_received_at = '2026-05-02 12:00:00Z'")

    # Then rows and X-Data-As-Of are the replica's
    answer = client.get("/api/projects")
    assert projects(client) == ["other", "seen"]
    assert answer.headers["X-Data-As-Of"] == "2026-05-01T12:00:00Z"

    pair.go_on()
    pair.catch_up()
    assert projects(client) == ["new", "other", "seen"]


def test_each_answer_states_the_data_time_of_its_own_server(pair: Pair, client: TestClient) -> None:
    # Given a replica that is held back, and a primary that has more
    pair.hold_back()
    pair.write("UPDATE ledger SET last_received_at = '2026-05-02 12:00:00Z'")

    # When the primary is asked just before the replica, then each says up to when it is complete itself
    answers = [client.get(path) for _ in range(10) for path in ("/api/import/jobs", "/api/projects")]
    assert {answer.headers["X-Data-As-Of"] for answer in answers[0::2]} == {"2026-05-02T12:00:00Z"}
    assert {answer.headers["X-Data-As-Of"] for answer in answers[1::2]} == {"2026-05-01T12:00:00Z"}


def test_a_new_import_job_is_found_at_once(pair: Pair, client: TestClient) -> None:
    pair.hold_back()
    pair.write(f"INSERT INTO import_jobs (id, files) VALUES ('{JOB}', '[]')")

    assert client.get(f"/api/import/jobs/{JOB}").status_code == 200


def test_a_new_bound_key_works_at_once_and_is_restricted_on_the_replica(
    pair: Pair, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a key that is made, and then revoked, while the replica is held back
    monkeypatch.setenv("TRACKER_DATABASE_URL", pair.primary.url)
    make_key(["create", "--scope", "admin", "--name", "root"])
    capsys.readouterr()
    [(seen,)] = ask(pair.primary, "SELECT id FROM projects WHERE name = 'seen'")
    pair.hold_back()
    make_key(["create", "--scope", "read", "--project", str(seen), "--name", "bound"])
    key = capsys.readouterr().out.split("cct_")[1].split()[0]
    with TestClient(create_app(settings.model_copy(update={"access": "keys"})), LOCAL) as client:
        asked = {"Authorization": f"Bearer cct_{key}"}

        # Then it is known, and the replica's policies bind it
        assert projects(client, **asked) == ["seen"]
        pair.write("UPDATE api_keys SET revoked_at = now() WHERE name = 'bound'")
        assert wait_until(lambda: client.get("/api/projects", headers=asked).status_code == 401, 60)


def test_replica_lag_is_reported_and_too_much_is_not_ready(pair: Pair, client: TestClient) -> None:
    assert client.get("/readyz").status_code == 200
    assert "tracker_replica_behind_bytes 0.0" in client.get("/metrics").text

    # When the replica stands still for longer than is allowed
    pair.hold_back()
    pair.write("UPDATE ledger SET persisted = persisted + 1")
    assert wait_until(lambda: client.get("/readyz").status_code == 503, 60)

    # Then it says so, and the metrics tell how much is missing
    refusal = client.get("/readyz").json()
    assert refusal["code"] == "DATABASE_UNAVAILABLE"
    assert "behind the primary" in refusal["details"]["replica"]
    assert "tracker_replica_behind_bytes 0.0" not in client.get("/metrics").text

    # And when it goes on, it is ready again
    pair.go_on()
    assert wait_until(lambda: client.get("/readyz").status_code == 200, CAUGHT_UP_SECONDS)


def test_the_account_is_read_from_the_primary(pair: Pair, client: TestClient, redis_url: str) -> None:
    # Given a replica that lacks what became of the journal's ten events
    pair.hold_back()
    with Redis.from_url(redis_url) as redis:
        redis.hset("accounting:{0}", mapping={"epoch": "now", "accepted": 10, "settled": 10})
    pair.write("INSERT INTO accounts (epoch, slot, persisted) VALUES ('now', 0, 10)")

    found = client.get("/api/accounting").json()
    assert (found["accepted"], found["persisted"], found["drift"]) == (10, 10, 0)


def test_synchronous_replication_makes_answered_writes_visible_on_the_replica(pair: Pair, client: TestClient) -> None:
    # Given a primary that commits only when the replica shows it
    pair.write("ALTER SYSTEM SET synchronous_standby_names = '*'")
    # A setting of the role: the embedded server has it on its command line, before which a setting of the system is nothing.
    pair.write("ALTER ROLE CURRENT_USER SET synchronous_commit = 'remote_apply'")
    pair.write("SELECT pg_reload_conf()")
    try:
        assert wait_until(lambda: ask(pair.primary, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == [(1,)], 60)
        assert ask(pair.primary, "SHOW synchronous_commit") == [("remote_apply",)]
        for n in range(5):
            # Then a committed row is readable there at once
            pair.write(f"INSERT INTO projects (path, name) VALUES ('/home/ann/p{n}', 'p{n}')")
            assert f"p{n}" in projects(client)
    finally:
        pair.write("ALTER SYSTEM RESET synchronous_standby_names")
        pair.write("SELECT pg_reload_conf()")
        pair.write("ALTER ROLE CURRENT_USER RESET synchronous_commit")
