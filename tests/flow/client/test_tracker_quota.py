"""`tracker quota` against the real API: from a shipper's readings to what a person and a scheduler are told."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.flow.conftest import Run, Stack

RESET = (datetime.now(UTC) + timedelta(hours=2)).replace(second=0, microsecond=0)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The window resets two hours after the test begins: the module may be read long before."""
    monkeypatch.setitem(globals(), "RESET", (datetime.now(UTC) + timedelta(hours=2)).replace(second=0, microsecond=0))


def send(stack: Stack, user: str, *readings: dict[str, Any]) -> None:
    """As a shipper does, and waits until they are stored."""
    own = {"machine_id": "laptop", "user": user, "session_id": str(uuid4()), "read_at": datetime.now(UTC).isoformat()}
    answer = stack.http.post("/api/readings", json=[own | reading for reading in readings], headers={"Prefer": "wait=30"})
    assert (answer.json(), answer.headers["preference-applied"]) == ({"accepted": len(readings), "rejected": []}, "wait=30")


def status_line(used: float, **fields: Any) -> dict[str, Any]:
    limits = {"five_hour": {"used_percentage": used, "resets_at": RESET.timestamp()}}
    return {"type": "status_line", "rate_limits": limits} | fields


def usage_cache(account: str, **used: float) -> dict[str, Any]:
    windows = [{"kind": kind, "used_percentage": value, "resets_at": RESET.isoformat()} for kind, value in used.items()]
    return {"type": "usage_cache", "account": account, "fetched_at": datetime.now(UTC).isoformat(), "windows": windows}


def test_a_person_sees_how_full_the_windows_are(stack: Stack, tracker: Run) -> None:
    user = f"u-{uuid4().hex[:8]}"
    assert "No reading yet." in tracker("quota", "--user", user).stdout

    send(stack, user, status_line(41.5), usage_cache(uuid4().hex[:16], five_hour=40, seven_day_opus=63))
    shown = tracker("quota", "--user", user, "--tz", "UTC", COLUMNS="200")

    assert shown.returncode == 0, shown.stderr
    [opus, hours] = [line for line in shown.stdout.splitlines() if user in line]
    assert "7 days, opus" in opus
    assert "63 %" in opus
    assert "5 hours" in hours
    assert "41.5 %" in hours
    assert any(left in hours for left in ("in 1 h 59 min", "in 2 h 00 min"))
    assert f"{RESET:%H:%M}" in hours
    # Three of five hours have passed.
    assert "0.69 ×" in hours
    assert "too few readings" in hours


def test_programs_get_json_and_csv(stack: Stack, tracker: Run) -> None:
    user = f"u-{uuid4().hex[:8]}"
    send(stack, user, status_line(12))

    [window] = json.loads(tracker("quota", "--user", user, "--json").stdout)
    head, row = tracker("quota", "--user", user, "--csv").stdout.splitlines()

    assert (window["kind"], window["used_percentage"], window["users"]) == ("five_hour", 12, [user])
    assert head.startswith("kind,used_percentage,resets_at,")
    assert row.startswith("five_hour,12")


def test_a_scheduler_is_told_by_the_exit_code(stack: Stack, tracker: Run) -> None:
    user = f"u-{uuid4().hex[:8]}"
    send(stack, user, status_line(95))

    enough, refused = (tracker("quota", "--user", user, "--need", need) for need in ("5", "10"))
    asked_at = time.time()
    answer = stack.http.get("/api/quota", params={"user": user, "need": 10})

    assert enough.returncode == 0
    assert refused.returncode == 1
    assert "The window five_hour has 5 % left, and 10 % are needed. It resets at" in refused.stderr
    assert answer.status_code == 429
    # In whole seconds, from when it was answered
    assert RESET.timestamp() - time.time() - 1 <= int(answer.headers["retry-after"]) <= RESET.timestamp() - asked_at + 1
