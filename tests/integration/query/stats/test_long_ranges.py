"""Long ranges read from weeks and packed counters agree with quarter hours and rows, across clock changes and overflows of digits."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.queries.stats import stats
from services.query.queries.stats.packed_counters import ACTIVE_DIGITS, CALLS_DIGITS, TIMES_DIGITS, holds
from tests.example_counts import examples
from tests.integration.query import seed, world
from tests.kept_connection import Connection

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


def test_each_heatmap_cell_is_the_sum_of_its_quarter_hours(client: TestClient, connection: Connection) -> None:
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
def test_the_series_of_a_tool_or_of_all_agrees_with_its_calls(client: TestClient, connection: Connection, tool: str | None) -> None:
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
    client: TestClient, connection: Connection, monkeypatch: pytest.MonkeyPatch, candidates: int
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
    seed.compute_totals(connection)
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


# A Monday.
DAY = datetime(2026, 3, 2, tzinfo=UTC)
MANY = 60_000_000


@pytest.mark.parametrize(
    ("include_estimated", "columns"),
    [("false", "measured_calls, measured_ms, max_measured_ms, measured_times"), ("true", "timed_calls, duration_ms, max_ms, times")],
)
def test_percentiles_are_correct_beyond_the_capacity_of_a_histogram(
    client: TestClient, connection: Connection, include_estimated: str, columns: str
) -> None:
    # Given two days on which one tool was called 60 million times each in 100 ms, and on one 50 million times in 1 s
    assert 2 * MANY > holds(TIMES_DIGITS) > MANY

    for grain, start, quick, slow in (
        (1440, DAY, MANY, 0), (1440, DAY + timedelta(days=1), MANY // 2, MANY // 2), (10080, DAY, MANY + MANY // 2, MANY // 2),
        (0, "-infinity", MANY + MANY // 2, MANY // 2),
    ):  # fmt: skip
        seed.write_sums(
            connection,
            f"INSERT INTO tool_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, calls, success, {columns})"
            f" VALUES (-1, -1, %(grain)s, %(start)s, 'Bash', %(n)s, %(n)s, %(n)s, 1, 1000, placed(%(quick)s, latency_bucket(100) + 1, {TIMES_DIGITS})"
            f" + placed(%(slow)s, latency_bucket(1000) + 1, {TIMES_DIGITS}))",
            {"grain": grain, "start": start, "quick": quick, "slow": slow, "n": quick + slow},
        )

    # When the percentiles of all time, of the week, and of a day are asked for, then they are those of the calls
    for range_, p95 in (
        ({}, 1000),
        ({"start_date": "2026-03-02", "end_date": "2026-03-08"}, 1000),
        ({"start_date": "2026-03-02", "end_date": "2026-03-02"}, 100),
    ):
        [bash] = client.get("/api/tool-calls/stats", params=range_ | {"include_estimated": include_estimated}).json()["tools"]
        assert bash["p50_ms"] == pytest.approx(100, rel=0.02)
        assert bash["p95_ms"] == pytest.approx(p95, rel=0.02)


def test_call_counts_are_correct_beyond_the_capacity_of_a_week(client: TestClient, connection: Connection) -> None:
    # Given calls on three days, and a week whose cell says that there were too many for its vectors
    project = seed.add_project(connection, "/p")
    seed.add_session(connection, "s", project, started_at=DAY)
    for hours, status in ((1, "success"), (1, "error"), (30, "success"), (150, "timeout")):
        seed.add_tool_call(connection, "s", DAY + timedelta(hours=hours), status=status)
    seed.compute_totals(connection)
    path = f"/api/tool-calls/stats?project_id={project}&tool_name=Bash"
    expected = {interval: client.get(f"{path}&interval={interval}").json()["time_series"] for interval in ("hour", "day", "week")}
    seed.write_sums(
        connection,
        f"UPDATE tool_rollups SET calls = {holds(CALLS_DIGITS)}, calls_by_quarter = 7, errors_by_quarter = 7 WHERE grain_minutes = 10080",
    )

    # Then every series is as before
    for interval, series in expected.items():
        assert client.get(f"{path}&interval={interval}").json()["time_series"] == series
        assert sum(point["calls"] for point in series) == 4


@pytest.mark.parametrize("tz", ["UTC", "Asia/Kathmandu", "America/New_York"])
def test_the_heatmap_is_correct_beyond_the_capacity_of_its_counters(client: TestClient, connection: Connection, tz: str) -> None:
    # Given active time in summer and winter, then so much more of it that a counter runs into the next
    project = seed.add_project(connection, "/p")
    for number, day in enumerate((DAY, DAY + timedelta(days=1, hours=5), DAY + timedelta(days=150))):
        seed.add_session(connection, f"s{number}", project, started_at=day)
        for minutes in range(0, 90, 4):
            seed.add_message(connection, f"s{number}", day + timedelta(minutes=minutes))
    seed.compute_totals(connection)
    path = f"/api/projects/{project}/stats?tz={tz}"
    before = client.get(path).json()["heatmap"]
    assert sum(cell["active_minutes"] for cell in before) > 200
    more = 10**ACTIVE_DIGITS // 500_000_000
    seed.write_sums(
        connection, f"UPDATE activity_rollups SET active_us = active_us * {more}, active_by_quarter = active_by_quarter * {more}"
    )

    # Then each hour has that much more
    after = client.get(path).json()["heatmap"]
    assert [(cell["weekday"], cell["hour"]) for cell in after] == [(cell["weekday"], cell["hour"]) for cell in before]
    assert [cell["active_minutes"] for cell in after] == pytest.approx([cell["active_minutes"] * more for cell in before], rel=0.01)
