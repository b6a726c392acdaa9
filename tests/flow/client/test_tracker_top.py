"""`tracker top` and the live feed, from an event over HTTP to the terminal."""

import json
import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import IO, Any
from uuid import uuid4

import pytest

from tests.flow.conftest import REPOSITORY, TRACKER, Run, Stack

# The test's own: another test may rename a user of this stack.
USER = f"top-{uuid4().hex[:8]}"
SECONDS = 60
# The last item that each hook of the test leads to.
EXPECTED = {
    "SessionStart": ("session_started",),
    "UserPromptSubmit": ("prompt",),
    "PreToolUse": ("tool_started",),
    "Notification": ("waiting",),
    "PostToolUse": ("tool_finished",),
    "Stop": ("waiting",),
}


@pytest.fixture
def start(stack: Stack) -> Callable[[], str]:
    """Starts a session and gives its id."""

    def run() -> str:
        session_id = f"top-{uuid4()}"
        body = {"session_id": session_id, "project_path": "/home/ann/topshop", "user": USER, "start_time": datetime.now(UTC).isoformat()}
        assert stack.http.post("/api/sessions/start", json=body).is_success
        return session_id

    return run


def say(stack: Stack, session_id: str, text: str) -> None:
    body = {"session_id": session_id, "role": "user", "content": text}
    assert stack.http.post("/api/conversations", json=body, headers={"Prefer": "wait=30"}).is_success


@contextmanager
def following(stack: Stack, *arguments: str) -> Iterator[IO[bytes]]:
    """The output of `tracker top`, line by line."""
    command = [*TRACKER, "top", "--url", str(stack.http.base_url), *arguments]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=stack.environment | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, bufsize=0
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def connect(stack: Stack, session_id: str, *outputs: IO[bytes]) -> None:
    """Says something until each of them shows something."""
    until = time.monotonic() + SECONDS
    for output in outputs:
        while not select.select([output], [], [], 0.5)[0]:
            assert time.monotonic() < until, "nothing is shown"
            say(stack, session_id, "connected")


def next_line(output: IO[bytes]) -> bytes:
    """AssertionError if none comes."""
    assert select.select([output], [], [], SECONDS)[0], "nothing more is shown"
    return output.readline()


def test_once_prints_the_open_sessions(stack: Stack, tracker: Run, start: Callable[[], str]) -> None:
    session_id = start()
    say(stack, session_id, "look at the tests")

    said = tracker("top", "--once", "--project", "topshop", COLUMNS="100")
    as_json = tracker("top", "--once", "--json", "--user", USER)

    assert said.returncode == 0, said.stderr
    assert "working" in said.stdout
    assert "look at the tests" in said.stdout
    [item] = [each for each in json.loads(as_json.stdout)["items"] if each["session_id"] == session_id]
    assert (item["state"], item["last_prompt"], item["project_name"]) == ("working", "look at the tests", "topshop")


def test_what_happens_is_a_line_of_text_or_json(stack: Stack, start: Callable[[], str]) -> None:
    session_id = start()

    with following(stack, "--json", "--user", USER) as as_json, following(stack) as as_text:
        connect(stack, session_id, as_json, as_text)
        say(stack, session_id, "look at this")
        found: dict[str, Any] = {}
        shown = ""
        while found.get("content") != "look at this":
            found = json.loads(next_line(as_json))
        while "look at this" not in shown:
            shown = next_line(as_text).decode()

    assert (found["kind"], found["session_id"], found["user"]) == ("prompt", session_id, USER)
    assert f"{USER}  topshop  › look at this" in shown


def test_a_server_that_is_not_there_is_said(tracker: Run) -> None:
    done = tracker("top", "--once", TRACKER_URL="http://127.0.0.1:9")
    assert done.returncode == 3
    assert "There is no tracker" in done.stderr


def test_on_a_terminal_it_fills_the_screen(stack: Stack, start: Callable[[], str]) -> None:
    """given a terminal of 100 columns, when a prompt comes, then it is on the screen; Ctrl-C ends it and gives the screen back."""
    session_id = start()
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [*TRACKER, "top", "--url", str(stack.http.base_url)]
    environment = {name: value for name, value in stack.environment.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env=environment | {"PYTHONPATH": str(REPOSITORY), "TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, is_said = b"", False
    try:
        while b"look here" not in shown:
            if b"tracker top" in shown and not is_said:
                is_said = True
                say(stack, session_id, "look here, please")
            assert select.select([ours], [], [], SECONDS)[0], shown[-2000:]
            shown += os.read(ours, 65536)
        assert b"\x1b[?1049h" in shown

        process.send_signal(signal.SIGINT)
        with suppress(OSError):
            while data := os.read(ours, 65536):
                shown += data
        assert process.wait(60) == 0
        assert b"\x1b[?1049l" in shown
        assert b"Traceback" not in shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_what_hooks_say_is_seen_as_it_happens(stack: Stack, start: Callable[[], str]) -> None:
    """given hooks alone, then a prompt, a call from start to end, and what the session waits for, come in this order; with the command."""
    session_id, call = f"hooks-{uuid4()}", f"toolu_{uuid4().hex}"
    of_session = {"session_id": session_id, "cwd": "/home/ann/topshop", "prompt_id": "p"}
    of_call = {"tool_name": "Bash", "tool_use_id": call, "tool_input": {"command": "make test"}}
    hooks = [
        {"hook_event_name": "SessionStart", "source": "startup"},
        {"hook_event_name": "UserPromptSubmit", "prompt": "run the tests"},
        {"hook_event_name": "PreToolUse"} | of_call,
        {"hook_event_name": "Notification", "notification_type": "permission_prompt", "message": "Claude needs your permission"},
        {"hook_event_name": "PostToolUse", "tool_response": {"stdout": "ok"}, "duration_ms": 20} | of_call,
        {"hook_event_name": "Stop", "last_assistant_message": "All pass.", "background_tasks": []},
    ]

    with following(stack, "--json") as lines:
        connect(stack, start(), lines)
        found: list[tuple[str, Any]] = []
        commands: dict[str, Any] = {}
        for hook in hooks:
            assert stack.http.post("/api/hooks", json=of_session | hook).status_code == 204
            # Each is read by itself.
            while not found or found[-1][0] not in EXPECTED[hook["hook_event_name"]]:
                item = json.loads(next_line(lines))
                if item["session_id"] == session_id:
                    commands[item.get("reason") or item["kind"]] = item.get("running_input")
                    found.append((item["kind"], item.get("reason") or item.get("content") or item.get("result_status")))

    assert found == [
        ("session_started", None),
        ("prompt", "run the tests"),
        ("tool_started", "pending"),
        ("waiting", "permission"),
        ("tool_finished", "success"),
        ("reply", "All pass."),
        ("waiting", "input"),
    ]
    assert (commands["permission"], commands["input"]) == ("make test", None)
