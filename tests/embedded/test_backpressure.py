"""The whole stack with a small journal and a suspended drain: writes are refused in time, and it recovers by itself."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx

from tests.embedded.whole_stack import Eventually, Stack

API_BYTES = 400 * 1024**2
FILL_SECONDS = 120


def resident_bytes(pid: int) -> int:
    """The resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_filling_journal_is_refused_in_time_and_recovers(make_stack: Callable[..., Stack], eventually: Eventually) -> None:
    # Given a stack whose Redis has 32 MB, and whose drain is suspended
    stack = make_stack(flower=False)
    stack.env |= {"TRACKER_REDIS_MAX_MEMORY_BYTES": str(32 * 1024**2), "TRACKER_CANARY_SECONDS": "0"}
    stack.up()
    assert stack.call("/api/sessions/start", {"project_path": "/home/ada/engine", "session_id": "s1"}) is not None
    drain = stack.pids()["worker-drain"]
    os.kill(drain, signal.SIGSTOP)

    # When events come until no more are taken
    body = [{"type": "conversation", "session_id": "s1", "role": "user", "content": "word " * 2_000}] * 50
    accepted = 1
    deadline = time.monotonic() + FILL_SECONDS
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.port}", timeout=30, trust_env=False) as http:
        while (answer := http.post("/api/events", json=body)).status_code == 200:
            accepted += len(body)
            assert time.monotonic() < deadline
        # Then the reason is the backlog, not a Redis that refuses; and the service has not grown
        assert (answer.status_code, answer.json()["code"]) == (503, "BACKLOG_FULL")
        assert resident_bytes(stack.pids()["api"]) < API_BYTES

        # And when the drain goes on, then all that was accepted is stored, and more is taken
        os.kill(drain, signal.SIGCONT)
        eventually(lambda: http.post("/api/events", json=body[:1]).status_code == 200)
    eventually(lambda: stack.call("/api/accounting")["pending"] == 0)
    accounting = stack.call("/api/accounting")
    assert accounting["drift"] == 0
    assert accounting["persisted"] == accounting["accepted"] >= accepted
    assert "Stopped" in stack.control("down")
