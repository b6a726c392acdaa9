"""The hook, as Claude Code calls it: it keeps the payload, prints nothing, and never fails."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from client.capture.lock import ShipperLock, running_shipper
from client.connect.running_shipper import stop_shipper
from deploy.embedded.supervision.processes import wait_until
from tests.faults.devices.small_disk import small_disk
from tests.skips import needs
from tests.unit.client.capture.capture_server import CaptureServer
from tests.unit.client.capture.conftest import HOOK, Person

PAYLOAD = json.dumps({"session_id": "s", "hook_event_name": "Stop", "cwd": "/home/ann/shop"}).encode()
SHELLS = [shell for shell in (["dash"], ["bash", "--posix"], ["busybox", "ash"], ["zsh", "--emulate", "sh"]) if shutil.which(shell[0])]


@pytest.fixture(autouse=True)
def _no_shipper(person: Person) -> None:
    """A start script that only says that it was called."""
    person.folder.mkdir(mode=0o700)
    (person.folder / "ship").write_text('#!/bin/sh\necho "$$" >>"$TRACKER_CAPTURE_DIR/started"\nexec sleep 30\n')
    (person.folder / "ship").chmod(0o700)


def starts(person: Person) -> int:
    path = person.folder / "started"
    return len(path.read_text().split()) if path.exists() else 0


def stop(person: Person) -> None:
    for pid in (person.folder / "started").read_text().split():
        os.kill(int(pid), 9)


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_payload_becomes_a_private_file_in_every_shell(person: Person, shell: list[str]) -> None:
    payload = PAYLOAD + b"x" * 300_000

    done = subprocess.run([*shell, str(HOOK), str(person.folder)], input=payload, capture_output=True, env=person.environment, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    [kept] = person.spool.iterdir()
    assert kept.read_bytes() == payload
    assert [oct(path.stat().st_mode & 0o777) for path in (person.spool, kept)] == ["0o700", "0o600"]
    assert wait_until(lambda: starts(person) == 1, 30)
    stop(person)


def test_hooks_at_once_keep_every_payload_and_start_few_shippers(person: Person) -> None:
    running = [
        subprocess.Popen(
            ["sh", str(HOOK), str(person.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=person.environment,
        )
        for _ in range(50)
    ]
    for number, process in enumerate(running):
        assert process.communicate(PAYLOAD + b" " * number) == (b"", None)

    assert sorted(len(path.read_bytes()) - len(PAYLOAD) for path in person.spool.iterdir()) == list(range(50))
    before = starts(person)
    person.hook(PAYLOAD)
    assert wait_until(lambda: starts(person) >= 1, 30)
    assert starts(person) <= before + 1
    stop(person)


def test_no_shipper_is_started_while_one_runs(person: Person) -> None:
    person.note_shipper(os.getpid())

    person.hook(PAYLOAD)

    assert not (person.folder / "starting.pid").exists()


@pytest.mark.parametrize("ahead", [180.0, -5.0], ids=["dead", "of another process by now"])
def test_a_shipper_that_died_is_replaced(person: Person, ahead: float) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    person.note_shipper(dead.pid if ahead > 0 else os.getpid(), ahead)

    person.hook(PAYLOAD)

    assert wait_until(lambda: starts(person) == 1, 30)
    stop(person)


def test_a_full_spool_takes_no_more(person: Person) -> None:
    (person.folder / "full").touch()

    done = person.hook(PAYLOAD * 10_000)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not any(person.spool.iterdir())


def test_spool_that_nobody_empties_is_bounded(person: Person) -> None:
    person.spool.mkdir()
    for number in range(20_001):
        (person.spool / f"1-{number}").touch()

    person.hook(PAYLOAD)

    assert wait_until((person.folder / "full").exists, 30)
    assert wait_until(lambda: starts(person) == 1, 30)
    stop(person)


def test_a_payload_without_measure_is_cut_off(person: Person) -> None:
    done = person.hook(b"x" * 20_000_000)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert all(path.stat().st_size <= 8 * 1024**2 for path in person.spool.iterdir())


@pytest.mark.parametrize("missing", ["HOME", "PATH"])
def test_a_bare_environment_is_no_failure(person: Person, missing: str) -> None:
    environment = {name: value for name, value in person.environment.items() if name != missing}
    shell = shutil.which("sh") or "/bin/sh"
    done = subprocess.run([shell, str(HOOK)], input=PAYLOAD, capture_output=True, env=environment, cwd="/", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not Path("/.claude-tracker").exists()


@pytest.mark.parametrize("folder", ["/proc/nowhere", "/dev/null/x", "relative\nfolder \"'$(exit 3)"])
def test_a_folder_that_cannot_be_made_is_no_failure(person: Person, folder: str, tmp_path: Path) -> None:
    command = ["sh", str(HOOK), folder]
    done = subprocess.run(command, input=PAYLOAD * 5_000, capture_output=True, env=person.environment, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@needs("a plain user")
def test_a_folder_without_permission_is_no_failure(person: Person) -> None:
    person.folder.chmod(0o500)
    done = person.hook(PAYLOAD)
    person.folder.chmod(0o700)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_full_disk_is_no_failure(person: Person) -> None:
    with small_disk(person.folder, 1) as disk:
        disk.fill()

        done = person.hook(PAYLOAD * 1_000)

        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_hooks_on_a_full_disk_start_few_shippers(person: Person, tmp_path: Path) -> None:
    (person.folder / "ship").write_text(f'#!/bin/sh\necho "$$" >>{tmp_path}/started\nexec sleep 30\n')
    started = tmp_path / "started"
    with small_disk(person.folder, 1) as disk:
        person.hook(PAYLOAD)
        assert wait_until(lambda: started.exists() and started.read_text().endswith("\n"), 30)
        # The shipper that it started has run, and has ended.
        lock = ShipperLock(person.folder)
        assert lock.acquire()
        lock.release()
        os.kill(int(started.read_text()), 9)
        disk.fill()

        for _ in range(10):
            person.hook(PAYLOAD)

        assert wait_until(lambda: len(started.read_text().split()) == 2, 30)
        assert len(started.read_text().split()) == 2
        os.kill(int(started.read_text().split()[-1]), 9)


def test_a_shipper_on_a_full_disk_is_seen_by_hooks(person: Person) -> None:
    with small_disk(person.folder, 1) as disk:
        # As after one that ran before, whose number is that of no process.
        former, lock = ShipperLock(person.folder), ShipperLock(person.folder)
        assert former.acquire()
        (person.folder / "shipper.pid").write_text("999999999\n")
        former.release()
        person.spool.mkdir()
        disk.fill()

        assert lock.acquire()
        person.hook(PAYLOAD)

        assert running_shipper(person.folder) == os.getpid()
        assert starts(person) == 0
        lock.release()
        assert running_shipper(person.folder) is None


def test_a_copy_of_the_hook_finds_its_folder_without_a_home(person: Person, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(HOOK, tmp_path / "elsewhere/hook.sh")
    (tmp_path / "elsewhere/ship").write_text("#!/bin/sh\n")
    environment = {name: value for name, value in person.environment.items() if name != "HOME"}

    subprocess.run(["sh", str(tmp_path / "elsewhere/hook.sh")], input=PAYLOAD, env=environment, check=True)

    assert len(list((tmp_path / "elsewhere/spool").iterdir())) == 1


@pytest.fixture
def projects(tmp_path: Path) -> Path:
    """A folder of a project, which its settings name as that of capture, with a program that would send elsewhere."""
    folder = tmp_path / "repository/.claude"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"url": "http://127.0.0.1:9"}')
    (folder / "ship").write_text(f"#!/bin/sh\necho ran >{folder}/ran\n")
    (folder / "ship").chmod(0o700)
    return folder


def hook_commands(person: Person) -> dict[str, list[str]]:
    """How `tracker connect` has Claude Code call the hook; the script is a copy in the folder."""
    shutil.copy(HOOK, person.folder / "hook.sh")
    program = [sys.executable, "-P", "-m", "client", "hook"]
    return {
        "script": ["sh", str(person.folder / "hook.sh")],
        "script and folder": ["sh", str(person.folder / "hook.sh"), str(person.folder)],
        "program and folder": [*program, str(person.folder)],
        "program, of an older version": program,
    }


WAYS = ["script", "script and folder", "program and folder", "program, of an older version"]


@pytest.mark.parametrize("way", WAYS)
def test_a_variable_of_a_project_does_not_move_the_hook(person: Person, projects: Path, way: str) -> None:
    (person.folder / "config.json").write_text("{}")
    person.note_shipper(os.getpid())
    environment = person.environment | {"TRACKER_CAPTURE_DIR": str(projects)}

    done = subprocess.run(hook_commands(person)[way], input=PAYLOAD, capture_output=True, env=environment, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert [kept.read_bytes() for kept in person.spool.iterdir()] == [PAYLOAD]
    assert not (projects / "spool").exists()


@pytest.mark.parametrize("way", ["script", "script and folder"])
def test_a_program_of_a_project_is_not_started_by_the_hook(person: Person, projects: Path, way: str) -> None:
    environment = person.environment | {"TRACKER_CAPTURE_DIR": str(projects)}

    subprocess.run(hook_commands(person)[way], input=PAYLOAD, env=environment, check=True)

    assert wait_until(lambda: starts(person) == 1, 30)
    assert not (projects / "ran").exists()
    stop(person)


@pytest.mark.parametrize("way", WAYS)
def test_only_a_command_that_the_folder_itself_names_has_a_folder_of_its_own(person: Person, tmp_path: Path, way: str) -> None:
    (person.folder / "config.json").write_text("{}")
    person.note_shipper(os.getpid())
    of_command = tmp_path / "tracker-capture-x"
    (person.folder / "commands").mkdir()
    environment = person.environment | {"TRACKER_CAPTURE_DIR": str(of_command)}

    (person.folder / "commands/tracker-capture-x").write_text("/another/tracker-capture-x\n")
    subprocess.run(hook_commands(person)[way], input=PAYLOAD, env=environment, check=True)
    assert (len(list(person.spool.iterdir())), of_command.exists()) == (1, False)

    (of_command / "spool").mkdir(parents=True)
    (of_command / "ship").write_text("#!/bin/sh\n")
    (person.folder / "commands/tracker-capture-x").write_text(f"{of_command}\n")
    subprocess.run(hook_commands(person)[way], input=PAYLOAD, env=environment, check=True)
    assert len(list(person.spool.iterdir())) == 1
    assert [kept.read_bytes() for kept in (of_command / "spool").iterdir()] == [PAYLOAD]


def test_an_older_hook_of_the_program_goes_on_where_the_variable_was_the_only_word(person: Person, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    # Nothing takes the payload from there.
    environment = person.environment | {"TRACKER_CAPTURE_DIR": str(moved), "TRACKER_URL": "http://127.0.0.1:9"}

    subprocess.run([sys.executable, "-P", "-m", "client", "hook"], input=PAYLOAD, env=environment, check=True)

    assert [kept.read_bytes() for kept in (moved / "spool").iterdir()] == [PAYLOAD]
    stop_shipper(moved)


def test_the_programs_hook_keeps_the_payload_too(person: Person) -> None:
    (person.folder / "full").touch()
    command = [sys.executable, "-P", "-m", "client", "hook"]
    assert subprocess.run(command, input=PAYLOAD, capture_output=True, env=person.environment, check=False).stdout == b""
    assert not any(person.spool.iterdir())
    (person.folder / "full").unlink()
    person.note_shipper(os.getpid())

    done = subprocess.run(command, input=PAYLOAD, capture_output=True, env=person.environment, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert [path.read_bytes() for path in person.spool.iterdir()] == [PAYLOAD]


def test_the_programs_hook_sends_to_the_connected_server_whatever_a_project_sets(person: Person, server: CaptureServer) -> None:
    (person.folder / "config.json").write_text(json.dumps({"url": server.url}))
    environment = person.environment | {"TRACKER_URL": "http://127.0.0.1:9", "TRACKER_TOKEN": "cct_of_the_project"}

    subprocess.run([sys.executable, "-P", "-m", "client", "hook"], input=PAYLOAD, env=environment, check=True)

    try:
        assert wait_until(lambda: len(server.hooks) == 1, 30)
        assert "Authorization" not in server.requests[0][2]
    finally:
        os.kill(int((person.folder / "shipper.pid").read_text()), 15)
