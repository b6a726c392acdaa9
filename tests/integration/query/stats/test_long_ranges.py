"""Long ranges read from weeks and packed counters agree with quarter hours and rows, also across clock changes."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.queries.stats import stats
from tests.example_counts import examples
from tests.integration.query import seed, world

with_database = settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"])
days = st.none() | st.dates(date(2024, 3, 1), date(2025, 3, 10))


def asked(first: date | None, last: date | None, tz: str) -> tuple[dict[str, str], datetime, datetime]:
    """Parameters of a range of days, and when it begins and ends."""
    zone = ZoneInfo(tz)
    start = datetime(first.year, first.month, first.day, tzinfo=zone) if first else datetime(1990, 1, 1, tzinfo=UTC)
    after = last + timedelta(days=1) if last else None
    end = datetime(after.year, after.month, after.day, tzinfo=zone) if after else datetime(2090, 1, 1, tzinfo=UTC)
    dates = {"start_date": first, "end_date": last}
    return {"tz": tz} | {name: day.isoformat() for name, day in dates.items() if day}, start.astimezone(UTC), end.astimezone(UTC)


def in_order(first: date | None, last: date | None) -> tuple[date | None, date | None]:
    return (last, first) if first and last and last < first else (first, last)


def test_each_heatmap_cell_is_the_sum_of_its_quarter_hours(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    world.build(connection)
    quarters = connection.execute(
        "SELECT bucket_start, active_us FROM activity_rollups WHERE project_id = -1 AND user_id = -1 AND grain_minutes = 15 AND active_us > 0"
    ).fetchall()

    @with_database
    @given(days, days, zones)
    def check(first: date | None, last: date | None, tz: str) -> None:
        parameters, start, end = asked(*in_order(first, last), tz)
        expected: Counter[tuple[int, int]] = Counter()
        for at, active_us in quarters:
            if start <= at < end:
                local = at.astimezone(ZoneInfo(tz))
                expected[local.weekday(), local.hour] += active_us
        heatmap = client.get("/api/stats", params=parameters | {"interval": "month"}).json()["heatmap"]
        assert {(cell["weekday"], cell["hour"]): cell["active_minutes"] for cell in heatmap if cell["active_minutes"]} == {
            at: int(us) / 60e6 for at, us in expected.items()
        }

    check()


@pytest.mark.parametrize("tool", ["Bash", None])
def test_the_series_of_a_tool_or_of_all_agrees_with_its_calls(
    client: TestClient, connection: psycopg.Connection[Any], tool: str | None
) -> None:
    world.build(connection)
    calls = connection.execute(
        "SELECT occurred_at, status IN ('error', 'timeout') FROM tool_calls WHERE %(tool)s::text IS NULL OR tool_name = %(tool)s",
        {"tool": tool},
    ).fetchall()
    chosen = {"tool_name": tool} if tool else {}

    @with_database
    @given(days, days, zones, st.sampled_from(["hour", "day", "week", "month"]))
    def check(first: date | None, last: date | None, tz: str, interval: str) -> None:
        parameters, start, end = asked(*in_order(first, last), tz)
        found = client.get("/api/tool-calls/stats", params=parameters | chosen | {"interval": interval})
        if found.status_code == 400:
            assert "coarser one, interval=day" in found.json()["message"]
            found = client.get("/api/tool-calls/stats", params=parameters | chosen)
        answer = found.json()
        edges = [datetime.fromisoformat(point["start"]) for point in answer["time_series"]]
        for point, (begin, until) in zip(answer["time_series"], pairwise([*edges, end]), strict=True):
            mine = [failed for at, failed in calls if max(begin, start) <= at < until]
            assert (point["calls"], point["errors"]) == (len(mine), sum(mine))
        assert answer["total_calls"] == sum(point["calls"] for point in answer["time_series"])

    check()


@pytest.mark.parametrize("candidates", [stats.CANDIDATES, 21, 20, 1])
def test_top_files_of_a_range_do_not_depend_on_the_number_of_candidates(
    client: TestClient, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, candidates: int
) -> None:
    """given 60 files, some touched often but not in every range."""
    monkeypatch.setattr(stats, "CANDIDATES", candidates)
    project = seed.add_project(connection, "/p")
    for number in range(60):
        session = f"s{number}"
        begin = datetime(2024, 1, 1, 5, 20, tzinfo=UTC) + timedelta(days=number * 9)
        seed.add_session(connection, session, project, started_at=begin)
        for touch in range(1 + number * 7 % 13):
            seed.add_activity(connection, session, begin + timedelta(hours=touch * 19), f"/p/{number}.py")
    seed.compute_aggregates(connection)
    touches = connection.execute("SELECT file_path, occurred_at, file_key FROM activities JOIN files USING (file_key)").fetchall()

    @with_database
    @given(days, st.integers(90, 400), zones)
    def check(first: date | None, length: int, tz: str) -> None:
        last = first + timedelta(days=length) if first else None
        parameters, start, end = asked(first, last, tz)
        counted = Counter((path, key) for path, at, key in touches if start <= at < end)
        best = sorted(counted.items(), key=lambda item: (-item[1], item[0][1].bytes))[:20]
        for url in ("/api/stats", f"/api/projects/{project}/stats"):
            found = client.get(url, params=parameters | {"interval": "month"}).json()["top_files"]
            assert [(file["file_path"], file["touches"]) for file in found] == [(path, n) for (path, _), n in best]
            assert all(file["lines_added"] == 3 * file["touches"] and file["lines_removed"] == file["touches"] for file in found)

    check()
