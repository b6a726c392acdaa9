"""The cost of one session by day: as its rows say, from its first day to its last."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.integration.query import seed, world

DAY = timedelta(days=1)


@pytest.fixture
def calls(connection: psycopg.Connection[Any]) -> list[tuple[datetime, int]]:
    """When the calls of session `long` were, over both changes of Berlin's clock, and what each cost; beside a small world of two years."""
    projects = world.build(connection).projects
    seed.add_session(connection, "long", projects[0], started_at=datetime(2024, 3, 29, 22, 30, tzinfo=UTC))
    seed.add_session(connection, "undated-only", projects[0])
    seed.add_message(connection, "undated-only", seed.UNDATED)
    found = []
    for number in range(24):
        at = datetime(2024, 3, 29, 22, 30, tzinfo=UTC) + number * timedelta(hours=5, minutes=7)
        if number > 12:
            at += timedelta(days=206)
        found.append((at, 1000 + number))
        seed.add_message(connection, "long", at, role="assistant")
        seed.add_tool_call(connection, "long", at)
        seed.add_api_call(connection, "long", at, model="claude-opus", cost_nano_usd=1000 + number, input_tokens=number, output_tokens=2)
    seed.compute_aggregates(connection)
    return found


@pytest.mark.parametrize("tz", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
def test_a_session_by_day_has_its_own_days_and_the_sums_of_its_calls(
    client: TestClient, calls: list[tuple[datetime, int]], tz: str
) -> None:
    days = Counter(at.astimezone(ZoneInfo(tz)).date() for at, _ in calls)
    nano_usd: Counter[date] = Counter()
    for at, cost in calls:
        nano_usd[at.astimezone(ZoneInfo(tz)).date()] += cost

    usage = client.get(f"/api/usage?session_id=long&group_by=day&tz={tz}").json()

    items = {date.fromisoformat(item["day"]): item for item in usage["items"]}
    assert list(items) == [min(days) + n * DAY for n in range((max(days) - min(days)).days + 1)]
    for day, item in items.items():
        assert (item["api_calls"], item["tool_calls"], item["messages"]) == (days[day],) * 3, day
        assert round((item["cost_usd"] or 0) * 1e9) == nano_usd[day]
        assert item["output_tokens"] == 2 * days[day]
        assert item["active_sessions"] == min(days[day], 1)
    assert (usage["totals"]["api_calls"], usage["totals"]["sessions"]) == (len(calls), 1)


def test_its_range_may_be_open_on_one_side(client: TestClient, calls: list[tuple[datetime, int]]) -> None:
    since = client.get("/api/usage?session_id=long&group_by=day&start_date=2024-10-25").json()
    until = client.get("/api/usage?session_id=long&group_by=day&end_date=2024-03-30").json()
    later = client.get("/api/usage?session_id=long&group_by=day&start_date=2025-01-01").json()

    assert (since["items"][0]["day"], since["items"][-1]["day"]) == ("2024-10-25", calls[-1][0].date().isoformat())
    assert [item["day"] for item in until["items"]] == ["2024-03-29", "2024-03-30"]
    assert later["items"] == []


@pytest.mark.parametrize("session_id", ["undated-only", "nobody"])
def test_a_session_without_a_date_has_no_days(client: TestClient, calls: list[tuple[datetime, int]], session_id: str) -> None:
    usage = client.get(f"/api/usage?session_id={session_id}&group_by=day").json()

    assert usage["items"] == []
    assert usage["totals"]["messages"] == (session_id == "undated-only")


def test_by_day_and_model_it_has_only_its_own(client: TestClient, calls: list[tuple[datetime, int]]) -> None:
    usage = client.get("/api/usage?session_id=long&group_by=day,model&tz=Europe/Berlin").json()

    assert {item["model"] for item in usage["items"]} == {"claude-opus"}
    assert sum(item["api_calls"] for item in usage["items"]) == usage["totals"]["api_calls"] == len(calls)
