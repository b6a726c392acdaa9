"""A stack that cannot start says so in one sentence that names the cause and the remedy."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from deploy.embedded import preflight
from deploy.embedded.paths import Paths
from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.servers.sockets import socket_folder
from deploy.embedded.settings import Settings, read_settings
from deploy.embedded.supervision import lock
from deploy.embedded.supervision.processes import StartError
from shared.setting_names import InvalidSettings
from tests.embedded.whole_stack import free_port
from tests.skips import needs


@pytest.fixture
def taken_port() -> int:
    """A port with a listener, for as long as the test runs."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


OTHER_MACHINES_REACH = ["0.0.0.0", "::", "192.168.1.5"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_addresses_are_accepted(host: str) -> None:
    preflight.check_host(Settings(host=host))


@pytest.mark.parametrize("host", OTHER_MACHINES_REACH)
def test_a_reachable_address_needs_access_by_keys(host: str) -> None:
    with pytest.raises(StartError, match=r"nobody is asked for a key: make an API key and set TRACKER_ACCESS=keys"):
        preflight.check_host(Settings(host=host))
    preflight.check_host(Settings(host=host, access="keys"))


def test_a_host_name_is_refused() -> None:
    with pytest.raises(StartError, match="TRACKER_HOST=tracker is not an address"):
        preflight.check_host(Settings(host="tracker"))


def test_a_port_in_use_is_reported_with_a_free_one(taken_port: int) -> None:
    with pytest.raises(StartError, match=rf"Port {taken_port} on 127\.0\.0\.1 is in use.*make up TRACKER_PORT=\d+"):
        preflight.listen(Settings(port=taken_port))


def test_a_configured_flower_port_in_use_is_reported_with_a_free_one(taken_port: int) -> None:
    with pytest.raises(StartError, match=rf"Port {taken_port} for Flower is in use.*TRACKER_FLOWER_PORT=\d+.*TRACKER_FLOWER_PORT=off"):
        preflight.flower_port(Settings(flower_port=taken_port))


def test_flower_without_a_port_of_its_own_takes_another_if_5555_is_in_use() -> None:
    """No port was named; a second stack starts on another one."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", 5555))
        except OSError:
            pass  # somebody else has it: as good for this test
        else:
            listener.listen()
        assert preflight.flower_port(Settings(flower_port="on")) in range(5556, 5606)


def test_flower_starts_only_if_it_is_asked_for() -> None:
    assert preflight.flower_port(Settings()) is None
    assert preflight.flower_port(Settings(flower_port="off")) is None


def test_a_data_folder_that_cannot_be_created_is_reported(folder: Path) -> None:
    (folder / "file").write_text("in the way")
    with pytest.raises(StartError, match=r"cannot be written \(Not a directory.*TRACKER_DATA_DIR"):
        preflight.make_data_dir(Paths(folder / "file" / "data"))


@needs("a plain user")
def test_a_data_folder_that_cannot_be_written_is_reported(folder: Path) -> None:
    folder.chmod(0o500)
    with pytest.raises(StartError, match=r"cannot be written \(Permission denied.*TRACKER_DATA_DIR"):
        preflight.make_data_dir(Paths(folder / "data"))
    folder.chmod(0o700)


def test_the_data_folder_is_private(folder: Path) -> None:
    paths = Paths(folder / "data")
    preflight.make_data_dir(paths)
    assert {part.stat().st_mode & 0o777 for part in (paths.data_dir, *paths.data_dir.iterdir())} == {0o700}


def test_a_full_disk_is_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "FREE_BYTES_NEEDED", 2**62)
    with pytest.raises(StartError, match=r"Only \d+ MB are free"):
        preflight.check_disk(folder)


def test_a_second_stack_on_the_same_data_is_refused(folder: Path) -> None:
    held = lock.take(folder / "lock")
    with pytest.raises(StartError, match=rf"already running on .* \(process {os.getpid()}\).*make down"):
        lock.take(folder / "lock")
    os.close(held)


def test_a_stale_lock_does_not_stop_the_start(folder: Path) -> None:
    (folder / "lock").write_text("1")
    os.close(lock.take(folder / "lock"))
    assert lock.holder(folder / "lock") is None


def test_a_status_whose_reader_has_gone_ends_without_a_traceback(folder: Path) -> None:
    """given `make status | head`, whose reader ends after the first line"""
    reader, writer = os.pipe()
    os.close(reader)

    ended = subprocess.run(
        [sys.executable, "-m", "deploy.embedded.control", "status"],
        env=os.environ | {"TRACKER_DATA_DIR": str(folder)},
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )

    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_an_invalid_setting_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKER_PORT", "http")
    with pytest.raises(InvalidSettings, match="TRACKER_PORT=http does not work: it must be a whole number from 1 to 65535"):
        read_settings()


def test_a_socket_folder_planted_by_another_user_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a link of ours' name in the temporary folder, then no socket is made where it points."""
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    wanted = folder / ("d" * 120)
    planted = socket_folder(wanted, "socket")
    planted.rmdir()
    (folder / "elsewhere").mkdir()
    planted.symlink_to(folder / "elsewhere")
    with pytest.raises(StartError, match="belongs to somebody else"):
        socket_folder(wanted, "socket")


def test_the_data_folder_of_a_commit_before_the_first_release_is_refused(folder: Path) -> None:
    # Given a database with the number of its newest migration
    paths = Paths(folder / "data")
    paths.make()
    server = PostgresServer(paths.postgres, paths.run, paths.log("postgres"))
    server.start()
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('0057')")
    server.stop()

    # When it is started
    environment = {"PATH": "/usr/bin:/bin", "TRACKER_DATA_DIR": str(paths.data_dir), "TRACKER_PORT": str(free_port())}
    done = subprocess.run(
        [sys.executable, "-m", "deploy.embedded"], env=environment, capture_output=True, text=True, check=False, timeout=120
    )

    # Then it says what to do
    assert done.returncode == 1
    assert "is from before release 0.1.0 (schema 0057)" in done.stderr
