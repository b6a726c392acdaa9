"""A stuck pipeline makes the stack not ready although all its processes run, and it recovers by itself."""

import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.embedded.whole_stack import Eventually, Stack


def reasons(stack: Stack) -> dict[str, Any]:
    """Why it is not ready; nothing if it is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stack.port}/readyz", timeout=5):
            return {}
    except urllib.error.HTTPError as refusal:
        details: dict[str, Any] = json.load(refusal)["details"]
        return details


def came_back(stack: Stack) -> bool:
    """Whether a canary has come back at all."""
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    values = dict(line.split(" ") for line in lines if line.startswith("tracker_canary_"))
    return float(values.get("tracker_canary_round_trip_seconds", "0")) > 0


@pytest.mark.parametrize("suspended", ["worker-drain", "beat"])
def test_a_pipeline_that_is_stuck_is_not_ready(make_stack: Callable[..., Stack], eventually: Eventually, suspended: str) -> None:
    # Given a stack whose canary comes back every second
    stack = make_stack(flower=False)
    stack.env |= {"TRACKER_CANARY_SECONDS": "1", "TRACKER_CANARY_MAX_AGE_SECONDS": "6"}
    stack.up()
    eventually(lambda: came_back(stack))
    assert reasons(stack) == {}

    # When a process is there and does nothing, then it is not ready and says why
    pid = stack.pids()[suspended]
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: "canary" in reasons(stack))
    assert stack.call("/healthz") is not None
    os.kill(pid, signal.SIGCONT)

    # And when it goes on, then it is ready by itself; the canaries are in the account and in no number of a user's
    eventually(lambda: reasons(stack) == {})
    accounting = stack.call("/api/accounting")
    assert accounting["persisted"] > 0
    assert accounting["drift"] == 0
    assert stack.messages() == 0
    assert stack.call("/api/sessions")["items"] == []
    assert stack.call("/api/canary")["id"] is not None
    assert "Stopped" in stack.control("down")
