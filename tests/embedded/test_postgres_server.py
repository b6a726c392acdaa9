"""The embedded PostgreSQL keeps committed data after any crash, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from deploy.embedded.paths import REPOSITORY
from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.servers.postgres_install import nobody, server_user
from deploy.embedded.servers.sockets import LONGEST_PATH_BYTES
from deploy.embedded.supervision import processes
from deploy.embedded.supervision.processes import StartError
from tests.skips import needs


@pytest.fixture(scope="module")
def made() -> Iterator[PostgresServer]:
    """One server of this module: making a data folder takes longest."""
    folder = Path(tempfile.mkdtemp(prefix="embedded-"))
    server = server_in(folder)
    yield server
    server.kill()
    shutil.rmtree(folder)


@pytest.fixture
def server(made: PostgresServer) -> PostgresServer:
    """The server, running, with no notes."""
    if not made.is_running():
        made.start()
    with psycopg.connect(made.url) as connection:
        connection.execute("DROP TABLE IF EXISTS notes")
    return made


def server_in(folder: Path) -> PostgresServer:
    return PostgresServer(folder / "postgres", folder / "run", folder / "postgres.log", {"shared_buffers": "16MB"})


def notes(server: PostgresServer) -> list[str]:
    with psycopg.connect(server.url) as connection:
        return [row[0] for row in connection.execute("SELECT text FROM notes")]


def write_note(server: PostgresServer, text: str) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS notes (text text)")
        connection.execute("INSERT INTO notes VALUES (%s)", [text])


def test_postgres_runs_with_durable_settings(server: PostgresServer) -> None:
    with psycopg.connect(server.url) as connection:
        settings = dict(connection.execute("SELECT name, setting FROM pg_settings").fetchall())
    assert settings["fsync"] == settings["full_page_writes"] == settings["synchronous_commit"] == "on"
    assert settings["data_checksums"] == settings["autovacuum"] == "on"
    assert settings["jit"] == "off"
    assert settings["listen_addresses"] == ""


def test_data_and_socket_are_private(server: PostgresServer) -> None:
    assert server.data_dir.stat().st_mode & 0o777 == 0o700
    assert server.socket_dir.stat().st_mode & 0o777 == 0o700


def test_postgres_never_runs_as_root(server: PostgresServer) -> None:
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0


# Looks into every process of the server as far as its user is let: for the socket in an open folder, and for the data. A shell, which every user can run.
INTRUDER = """
for pid; do
    for folder in /proc/$pid/fd/*; do
        [ -w "$folder/.s.PGSQL.5432" ] && echo "socket $folder"
        [ -r "$folder/PG_VERSION" ] && echo "data $folder"
    done
done
true
"""


def intrude(server: PostgresServer, uid: int) -> str:
    """The things that a process of this user gets at."""
    pids = [str(pid) for pid in {server.pid, *processes.working_in(server.data_dir)}]
    command = ["/bin/sh", "-c", INTRUDER, "sh", *pids]
    return subprocess.run(command, user=uid, group=uid, extra_groups=[], cwd="/", check=True, capture_output=True, text=True).stdout


@needs("root")
def test_a_program_of_user_nobody_reaches_neither_socket_nor_data(server: PostgresServer) -> None:
    assert intrude(server, nobody().uid) == ""
    # And the test can tell: who has the server's own uid reaches both.
    found = intrude(server, server.data_dir.stat().st_uid)
    assert "socket" in found
    assert "data" in found


@needs("root")
def test_each_server_has_its_own_user(server: PostgresServer, folder: Path) -> None:
    others = {server_user(folder / f"{n}" / "postgres") for n in range(20)}
    assert len(others) > 10
    assert all(user is not None and user.uid not in (0, nobody().uid) for user in others)


def test_data_survives_a_restart(server: PostgresServer) -> None:
    write_note(server, "kept")
    server.stop()
    server.start()
    assert notes(server) == ["kept"]


def test_data_survives_a_kill(server: PostgresServer) -> None:
    write_note(server, "kept")
    server.kill()
    assert processes.working_in(server.data_dir) == []
    server.start()
    assert notes(server) == ["kept"]


def test_a_start_ends_the_server_of_a_crashed_run(server: PostgresServer) -> None:
    """Given an orphaned server, when another is started on its folder, then the first has ended and its data is there."""
    write_note(server, "kept")
    second = server_in(server.data_dir.parent)
    second.start()
    try:
        assert not server.is_running()
        assert notes(second) == ["kept"]
    finally:
        second.stop()


def test_a_stale_pid_file_with_a_reused_pid_does_not_stop_the_start(server: PostgresServer) -> None:
    write_note(server, "kept")
    server.kill()
    pid_file = server.data_dir / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(str(server.pid), str(os.getpid()), 1))
    server.start()
    assert notes(server) == ["kept"]


@needs("root")
def test_data_copied_by_root_is_usable(server: PostgresServer, folder: Path) -> None:
    write_note(server, "kept")
    server.stop()
    shutil.copytree(server.data_dir, folder / "postgres")
    copy = server_in(folder)
    copy.start()
    assert notes(copy) == ["kept"]
    copy.stop()


def test_data_of_another_version_is_refused_with_its_version(folder: Path) -> None:
    (folder / "postgres").mkdir()
    (folder / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(StartError, match="was made by PostgreSQL 17, and this is 18"):
        server_in(folder).start()


def test_a_failed_start_names_the_log_with_its_reason(server: PostgresServer) -> None:
    server.stop()
    wrong = PostgresServer(server.data_dir, server.data_dir.parent / "run", server.log_file, {"shared_buffers": "much"})
    with pytest.raises(StartError, match=r"postgres\.log"):
        wrong.start()
    assert "shared_buffers" in server.log_file.read_text()


def test_a_long_path_and_an_interrupted_initdb_do_not_stop_the_start(folder: Path) -> None:
    deep = folder / ("d" * 60) / ("e" * 60)
    (deep / "postgres.new").mkdir(parents=True)
    (deep / "postgres.new" / "PG_VERSION").write_text("18\n")
    server = server_in(deep)
    server.start()
    write_note(server, "kept")
    server.stop()
    assert not (deep / "postgres.new").exists()
    assert len(str(server.socket_dir)) < LONGEST_PATH_BYTES
    server.socket_dir.rmdir()


def test_postgres_ends_with_its_parent(server: PostgresServer, eventually: Callable[[Callable[[], bool]], None]) -> None:
    """Given a process that started a server, when it is killed by SIGKILL, then the server ends too."""
    server.stop()
    script = (
        "import sys, time; from pathlib import Path; from tests.embedded.test_postgres_server import server_in; "
        "server = server_in(Path(sys.argv[1])); server.start(); print(server.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(server.data_dir.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert processes.started_at(pid) is not None
        os.kill(parent.pid, signal.SIGKILL)
    eventually(lambda: processes.started_at(pid) is None and processes.working_in(server.data_dir) == [])
