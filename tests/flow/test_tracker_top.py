"""`tracker top` and the live feed, from an event over HTTP to the terminal."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any
from uuid import uuid4

import pytest

from tests.flow.conftest import REPOSITORY, TRACKER, Run, Stack


@pytest.fixture
def start(stack: Stack) -> Callable[[], str]:
    """Starts a session and gives its id."""

    def run() -> str:
        session_id = f"top-{uuid4()}"
        body = {"session_id": session_id, "project_path": "/work/topshop", "user": "ann", "start_time": datetime.now(UTC).isoformat()}
        assert stack.http.post("/api/sessions/start", json=body).is_success
        return session_id

    return run


def say(stack: Stack, session_id: str, text: str) -> None:
    body = {"session_id": session_id, "role": "user", "content": text}
    assert stack.http.post("/api/conversations", json=body, headers={"Prefer": "wait=30"}).is_success


@contextmanager
def following(stack: Stack, *arguments: str) -> Iterator[IO[str]]:
    """The output of `tracker top`, line by line."""
    command = [*TRACKER, "top", "--url", str(stack.http.base_url), *arguments]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=stack.environment | {"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def test_once_prints_the_open_sessions(stack: Stack, tracker: Run, start: Callable[[], str]) -> None:
    session_id = start()
    say(stack, session_id, "look at the tests")

    said = tracker("top", "--once", "--project", "topshop", COLUMNS="100")
    as_json = tracker("top", "--once", "--json", "--user", "ann")

    assert said.returncode == 0, said.stderr
    assert "working" in said.stdout
    assert "look at the tests" in said.stdout
    [item] = [each for each in json.loads(as_json.stdout)["items"] if each["session_id"] == session_id]
    assert (item["state"], item["last_prompt"], item["project_name"]) == ("working", "look at the tests", "topshop")


def test_what_happens_is_a_line_of_text_or_json(stack: Stack, start: Callable[[], str]) -> None:
    session_id = start()

    with following(stack, "--json", "--user", "ann") as as_json, following(stack) as as_text:
        found: dict[str, Any] = {}
        shown = ""
        # Each has connected when the first prompt has come through.
        for number in range(100):
            say(stack, session_id, f"prompt number {number}")
            if number >= 5:
                break
        while "number 5" not in found.get("content", ""):
            found = json.loads(as_json.readline())
        while "number 5" not in shown:
            shown = as_text.readline()

    assert (found["kind"], found["session_id"], found["user"]) == ("prompt", session_id, "ann")
    assert "ann  topshop  › prompt number 5" in shown


def test_a_server_that_is_not_there_is_said(tracker: Run) -> None:
    done = tracker("top", "--once", TRACKER_URL="http://127.0.0.1:9")
    assert done.returncode == 3
    assert "There is no tracker" in done.stderr
