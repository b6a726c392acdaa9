"""Handles the shipper of a connected client: stop it, and wait for what it sent."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.flow.conftest import Stack

SECONDS = 60


def shipper_of(folder: Path) -> int | None:
    """The process of the shipper that has the capture folder; None if none runs."""
    try:
        pid = int((folder / "shipper.pid").read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    return pid


def stop_shipper(folder: Path, by: int = signal.SIGTERM) -> None:
    """It would stay for a minute."""
    if (pid := shipper_of(folder)) is not None:
        os.kill(pid, by)


def wait_for(condition: Callable[[], Any]) -> Any:
    """The condition's value, as soon as it is true. AssertionError if it never is."""
    until = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def session(stack: Stack, folder: Path) -> str:
    """A session that began in a folder, with a prompt; its id."""
    started = stack.http.post("/api/sessions/start?", json={"project_path": str(folder), "user": "ann"}, headers={"Prefer": "wait=20"})
    assert started.status_code == 201, started.text
    session_id: str = started.json()["session_id"]
    body = {"session_id": session_id, "role": "user", "content": f"Work in {folder.name}."}
    said = stack.http.post("/api/conversations", json=body, headers={"Prefer": "wait=20"})
    assert said.json()["status"] == "persisted", said.text
    return session_id


def project_at(stack: Stack, folder: Path) -> dict[str, Any]:
    [(project_id,)] = stack.select(f"SELECT id FROM projects WHERE path = '{folder}'")
    found: dict[str, Any] = stack.http.get(f"/api/projects/{project_id}").json()
    return found
