"""The hook and `tracker ship` against the running pipeline: what Claude Code does becomes rows, whatever is killed or away."""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from client.connect.own_files import script_files
from client.connect.places import places
from client.connect.settings.settings_files import write
from deploy.embedded.supervision.processes import wait_until
from tests.faults.devices.proxy import Proxy
from tests.faults.devices.wire import BOTH
from tests.flow.client.claude_home import ClaudeHome, turn
from tests.flow.conftest import TRACKER, Run, Stack
from tests.flow.connect.shippers import stop_shipper
from tests.skips import needs

pytestmark = needs("the embedded servers")
EVENTS_A_SECOND = 20
KILLS = 20


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    """Stands before the server, so that it can be away."""
    assert stack.http.base_url.port is not None
    proxy = Proxy(stack.http.base_url.port)
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture
def folder(home: ClaudeHome, stack: Stack) -> Iterator[Path]:
    """The capture folder, with what `tracker connect` puts there."""
    folder = home.path / ".claude-tracker"
    for script in script_files(places({}, home.path)):
        write(script.path, script.after or b"", 0o700)
    set_server(folder, str(stack.http.base_url))
    yield folder
    stop_shipper(folder, signal.SIGKILL)


def set_server(folder: Path, url: str) -> None:
    (folder / "config.json").write_text(json.dumps({"url": url}))


def call_hook(environment: dict[str, str], folder: Path, transcript: Path, event: str, **more: Any) -> None:
    named = {"session_id": transcript.stem, "transcript_path": str(transcript), "cwd": "/home/ann/shop", "hook_event_name": event}
    done = subprocess.run(
        ["sh", str(folder / "hook.sh")], input=json.dumps(named | more).encode(), env=environment, capture_output=True, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")


def act(environment: dict[str, str], folder: Path, transcript: Path) -> None:
    """A prompt and a command, with the hooks of the command."""
    rows = turn(transcript.stem)
    [call] = rows[1]["message"]["content"]
    named = {"tool_name": "Bash", "tool_input": call["input"], "tool_use_id": call["id"]}
    call_hook(environment, folder, transcript, "PreToolUse", **named)
    with transcript.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    call_hook(environment, folder, transcript, "PostToolUse", **named, tool_response={"stdout": "all green"}, duration_ms=12)


def counts(stack: Stack, session_id: str) -> list[tuple[object, ...]]:
    # Ours: an id made here.
    return stack.select(
        f"SELECT (SELECT count(*) FROM tool_calls WHERE session_id = '{session_id}'),"
        f" (SELECT count(*) FROM messages WHERE session_id = '{session_id}')"
    )


def test_what_a_session_does_is_stored_while_it_goes_on(environment: dict[str, str], stack: Stack, home: ClaudeHome, folder: Path) -> None:
    transcript = home.transcript(0)
    call_hook(environment, folder, transcript, "SessionStart", source="startup")
    for number in range(1, 4):
        act(environment, folder, transcript)
        assert wait_until(lambda number=number: counts(stack, transcript.stem) == [(number, number * 3)], 60), counts(
            stack, transcript.stem
        )

    [(machine,)] = stack.select(f"SELECT machine_id FROM session_machines WHERE session_id = '{transcript.stem}'")
    assert machine == json.loads((folder / "machine.json").read_text())["machine_id"]


def test_an_import_of_what_was_sent_adds_nothing(
    environment: dict[str, str], stack: Stack, home: ClaudeHome, folder: Path, tracker: Run
) -> None:
    transcript = home.transcript(3)
    assert tracker("ship", "--once").returncode == 0
    assert wait_until(lambda: counts(stack, transcript.stem) == [(3, 9)], 60)

    result = json.loads(tracker("import", "--json", transcript).stdout)

    assert (result["tool_calls_imported"], result["conversations_imported"]) == (0, 0)


@pytest.mark.parametrize("away_seconds", [5.0, pytest.param(600.0, marks=needs("time"))])
def test_killed_and_cut_off_again_and_again_nothing_is_lost_or_doubled(
    environment: dict[str, str], stack: Stack, home: ClaudeHome, folder: Path, proxy: Proxy, tracker: Run, away_seconds: float
) -> None:
    """The shipper is killed 20 times at random under 20 events a second; for half of them the server is away."""
    environment = environment | {"TRACKER_URL": f"http://127.0.0.1:{proxy.port}"}
    set_server(folder, environment["TRACKER_URL"])
    transcript = home.transcript(0)
    chance = random.Random(14)
    is_over = threading.Event()
    acts = 0

    def work() -> None:
        nonlocal acts
        while not is_over.is_set():
            began = time.monotonic()
            act(environment, folder, transcript)
            acts += 1
            # Two hooks and four lines each.
            time.sleep(max(0.0, 6 / EVENTS_A_SECOND - (time.monotonic() - began)))

    working = threading.Thread(target=work)
    working.start()
    try:
        for number in range(KILLS):
            is_away = KILLS // 4 <= number < 3 * KILLS // 4
            if number == KILLS // 4:
                proxy.hold(*BOTH)
                proxy.reset()
            if number == 3 * KILLS // 4:
                proxy.reset()
                proxy.let_pass()
            time.sleep(chance.uniform(0.2, 1.8) * (away_seconds / (KILLS // 2) if is_away else 0.5))
            stop_shipper(folder, signal.SIGKILL)
    finally:
        is_over.set()
        working.join()

    stop_shipper(folder, signal.SIGKILL)
    command = [*TRACKER, "ship", "--once", "--within", "240"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr

    assert acts >= KILLS
    assert wait_until(lambda: counts(stack, transcript.stem) == [(acts, acts * 3)], 60), (acts, counts(stack, transcript.stem))
    assert list((folder / "spool").iterdir()) == []
    assert json.loads(tracker("verify", "--json").stdout)["drift"] == 0
    hooks = stack.select(f"SELECT count(*) FROM hook_payloads WHERE session_id = '{transcript.stem}'")
    assert hooks in ([(0,)], [(2 * acts,)])


def test_folders_that_are_left_out_leave_no_trace(stack: Stack, home: ClaudeHome, folder: Path, tracker: Run) -> None:
    transcript = home.transcript(1)
    secret = f"secret-{uuid4().hex}"
    (home.path / secret).mkdir()
    (home.path / secret / ".tracker-ignore").touch()
    left_out = home.transcript(0)
    left_out.write_text(transcript.read_text().replace("/home/ann/shop", str(home.path / secret)).replace(transcript.stem, left_out.stem))

    assert tracker("ship", "--once").returncode == 0

    assert wait_until(lambda: counts(stack, transcript.stem) == [(1, 3)], 60)
    assert stack.select(f"SELECT * FROM transcript_files WHERE session_id = '{left_out.stem}'") == []
    assert stack.select(f"SELECT * FROM projects WHERE path LIKE '%{secret}%'") == []


@pytest.mark.parametrize("named", [{}, {"TRACKER_URL": ""}], ids=["a named server", "the connected server"])
def test_what_an_import_brought_is_sent_when_it_grows(
    stack: Stack, home: ClaudeHome, folder: Path, tracker: Run, named: dict[str, str]
) -> None:
    transcript = home.transcript(2)
    assert tracker("import", **named).returncode == 0
    assert len(list((folder / "imported").iterdir())) == 1
    assert tracker("ship", "--once").returncode == 0
    live = f"SELECT count(*) FROM transcript_files WHERE session_id = '{transcript.stem}' AND machine_id <> ''"
    assert stack.select(live) == [(0,)]

    home.grow(transcript)
    assert tracker("ship", "--once").returncode == 0

    assert wait_until(lambda: counts(stack, transcript.stem) == [(3, 9)], 60)
    assert stack.select(live) == [(1,)]


def test_an_import_keeps_to_folders_that_are_left_out(stack: Stack, home: ClaudeHome, folder: Path, tracker: Run) -> None:
    transcript, left_out = home.transcript(1), home.transcript(0)
    secret = home.path / f"secret-{uuid4().hex}"
    left_out.write_text(transcript.read_text().replace("/home/ann/shop", str(secret)).replace(transcript.stem, left_out.stem))
    (folder / "config.json").write_text(json.dumps({"left_out": [str(secret)]}))

    done = tracker("import", "--json")

    assert json.loads(done.stdout)["sessions_imported"] == 1
    assert "Left out: 1 file" in done.stderr
    assert stack.select(f"SELECT * FROM sessions WHERE session_id = '{left_out.stem}'") == []


def test_the_machine_tells_what_is_sent_and_what_will_be_deleted(stack: Stack, home: ClaudeHome, folder: Path, tracker: Run) -> None:
    transcript = home.transcript(1)
    long_ago = time.time() - 28 * 86_400
    os.utime(transcript, (long_ago, long_ago))

    assert tracker("ship", "--once").returncode == 0

    machine_id = json.loads((folder / "machine.json").read_text())["machine_id"]

    def is_listed() -> bool:
        [machine] = [each for each in stack.http.get("/api/machines").json()["items"] if each["machine_id"] == machine_id]
        told = [(each["session_id"], each["is_here"]) for each in machine["expiring"]]
        return told == [(transcript.stem, True)] and machine["files_unsent"] == 0 and machine["claude_version"] == "2.1.42"

    assert wait_until(is_listed, 60)
