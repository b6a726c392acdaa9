"""F19: clients whose clocks are a day off, times without a zone, and the nights on which the clocks are changed.

Stored times are UTC; a day is a day of the zone that is asked for, or else of UTC (TRACKER_TIMEZONE).
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.flow.conftest import Stack


def session_with(stack: Stack, start: str, *times: str) -> tuple[int, list[str]]:
    """A session in a project of its own with a message at each time, all stored. The project's id, and the times as they are given back."""
    session_id = uuid4().hex
    started = stack.http.post(
        "/api/sessions/start", json={"session_id": session_id, "project_path": f"/clocks/{session_id}", "start_time": start}
    ).json()
    for time in times:
        message = {"session_id": session_id, "role": "user", "content": "what time is it?", "timestamp": time}
        answer = stack.http.post("/api/conversations", json=message, headers={"Prefer": "wait=20"})
        assert answer.json()["status"] == "persisted", answer.text
    stored = stack.http.get("/api/conversations", params={"session_id": session_id}).json()["items"]
    return int(started["project_id"]), sorted(message["timestamp"] for message in stored)


def messages_by_day(stack: Stack, project_id: int, **parameters: str) -> dict[str, int]:
    """{start of the day: messages} of days with some."""
    stats = stack.http.get(f"/api/projects/{project_id}/stats", params=parameters | {"interval": "day"}).json()
    return {point["start"]: point["user_messages"] for point in stats["time_series"] if point["user_messages"]}


@pytest.mark.parametrize("days", [-1, 1])
def test_timestamps_a_day_off_are_stored_as_sent(stack: Stack, days: int) -> None:
    # Given a client whose clock is a day behind or ahead of ours
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    project_id, stored = session_with(stack, now.isoformat(), now.isoformat())
    assert stored == [now.isoformat().replace("+00:00", "Z")]
    assert messages_by_day(stack, project_id) == {f"{now:%Y-%m-%d}T00:00:00Z": 1}
    # And one that is right and the other together are one session, whatever came first
    later = now + timedelta(days=-2 * days)
    again, stored = session_with(stack, max(now, later).isoformat(), now.isoformat(), later.isoformat())
    assert len(stored) == 2
    assert sum(messages_by_day(stack, again).values()) == 2


def test_a_time_without_a_zone_is_utc(stack: Stack) -> None:
    project_id, stored = session_with(
        stack, "2026-03-01T23:30:00", "2026-03-01T23:59:59", "2026-03-02T00:59:59+01:00", "2026-03-01T14:59:59-09:00"
    )
    assert stored == ["2026-03-01T23:59:59Z"] * 3
    assert messages_by_day(stack, project_id) == {"2026-03-01T00:00:00Z": 3}


@pytest.mark.parametrize(
    ("zone", "times", "days"),
    [
        # Clocks go forward at 02:00: a day of 23 hours, from 05:00 UTC to 04:00 UTC.
        (
            "America/New_York",
            ["2026-03-08T04:59:00Z", "2026-03-08T05:00:00Z", "2026-03-09T03:59:00Z", "2026-03-09T04:00:00Z"],
            {"2026-03-07T00:00:00-05:00": 1, "2026-03-08T00:00:00-05:00": 2, "2026-03-09T00:00:00-04:00": 1},
        ),
        # And back: a day of 25 hours, in which 01:30 comes twice.
        (
            "America/New_York",
            ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00", "2026-11-02T04:59:00Z", "2026-11-02T05:00:00Z"],
            {"2026-11-01T00:00:00-04:00": 3, "2026-11-02T00:00:00-05:00": 1},
        ),
        # A zone whose change is half an hour.
        (
            "Australia/Lord_Howe",
            ["2026-04-04T13:00:00Z", "2026-04-05T13:29:00Z", "2026-04-05T13:30:00Z"],
            {"2026-04-05T00:00:00+11:00": 2, "2026-04-06T00:00:00+10:30": 1},
        ),
    ],
)
def test_days_are_those_of_the_requested_time_zone(stack: Stack, zone: str, times: list[str], days: dict[str, int]) -> None:
    project_id, _ = session_with(stack, times[0], *times)
    found: dict[str, Any] = messages_by_day(stack, project_id, tz=zone)
    assert {datetime.fromisoformat(day): count for day, count in found.items()} == {
        datetime.fromisoformat(day): count for day, count in days.items()
    }
    assert sum(messages_by_day(stack, project_id).values()) == len(times)
