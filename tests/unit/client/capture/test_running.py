"""The shipper as a process: alone on a machine, while sessions go on, killed."""

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from deploy.embedded.supervision.processes import wait_until
from tests.unit.client.capture.capture_server import CaptureServer
from tests.unit.client.capture.conftest import Person, payload_of, put


def test_the_machine_is_reported_with_an_id_that_stays(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    old = time.time() - 25 * 86_400
    os.utime(transcript, (old, old))
    person.ship()
    person.ship()

    reports: list[dict[str, Any]] = server.reports
    machines = {path for path in server.paths if path.startswith("/api/machines/")}
    assert len(machines) == 1
    assert reports[-1]["cleanup_period_days"] == 30
    assert [(each["session_id"], each["file"], each["is_sent"]) for each in reports[-1]["expiring"]] == [
        (transcript.stem, transcript.name, True)
    ]
    assert [report.get("claude_version") for report in reports] == ["2.1.42"] * len(reports)
    assert (person.folder / "machine.json").stat().st_mode & 0o777 == 0o600
    headers = {headers["X-Tracker-Machine"] for _, _, headers, _ in server.requests}
    assert machines == {f"/api/machines/{machine}" for machine in headers}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"TRACKER_URL": "ftp://tracker"}, "ftp://tracker is not the URL of a server"),
        ({"TRACKER_URL": "http://tracker:port"}, "is not a URL"),
        ({"TRACKER_TOKEN": "cct_secret\nX: y"}, "The API key has characters that no key has."),
    ],
)
def test_settings_that_cannot_be_right_are_one_sentence_without_the_key(person: Person, changes: dict[str, str], said: str) -> None:
    put(person, payload_of(person.home.transcript()))

    done = person.ship(**changes)

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert said in done.stderr
    assert "secret" not in done.stderr
    assert len(list(person.spool.iterdir())) == 1


def test_a_key_may_have_the_line_end_of_its_file(person: Person, server: CaptureServer) -> None:
    put(person, payload_of(person.home.transcript()))
    assert person.ship(TRACKER_TOKEN="cct_secret\n").returncode == 0
    assert {headers["Authorization"] for _, _, headers, _ in server.requests} == {"Bearer cct_secret"}


def test_a_second_shipper_ends_and_once_is_done_by_the_first(person: Person, server: CaptureServer) -> None:
    running = person.shipper()
    try:
        assert wait_until((person.folder / "status.json").exists, 30)
        transcript = person.home.transcript()
        assert person.ship("--once").returncode == 0
        assert server.content(transcript.stem) == transcript.read_bytes()
        second = subprocess.run([sys.executable, "-P", "-m", "client", "ship"], env=person.environment, timeout=30, check=False)
        assert second.returncode == 0
        assert running.poll() is None
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0


def test_a_shipper_in_action_sends_what_a_session_does(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    running = person.shipper()
    try:
        put(person, payload_of(transcript, "SessionStart"))
        assert wait_until(lambda: server.has(transcript.stem), 30)
        for _ in range(5):
            person.home.grow(transcript)
            assert wait_until(lambda: server.content(transcript.stem) == transcript.read_bytes(), 30)
        agent = transcript.with_suffix("") / "subagents/agent-a1.jsonl"
        agent.parent.mkdir(parents=True)
        agent.write_bytes(transcript.read_bytes())
        assert wait_until(lambda: (transcript.stem, "subagents/agent-a1.jsonl") in server.files, 30)
        transcript.unlink()
        put(person, payload_of(transcript, "SessionEnd"))
        assert wait_until(lambda: len(server.hooks) == 2, 30)
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0


def test_killed_again_and_again_it_loses_and_doubles_nothing(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    sent = 0
    for number in range(20):
        running = person.shipper()
        for _ in range(10):
            put(person, payload_of(transcript, "PreToolUse", tool_use_id=f"t{sent}"), f"1-{sent}")
            person.home.grow(transcript)
            sent += 1
            time.sleep(0.02)
        time.sleep(0.01 * (number % 7))
        running.kill()
        running.wait()

    assert person.ship().returncode == 0

    assert sorted(hook["tool_use_id"] for hook in server.hooks) == sorted(f"t{number}" for number in range(sent))
    assert server.content(transcript.stem) == transcript.read_bytes()
