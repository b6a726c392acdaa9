"""Packed counters that overflow their digits: reads fall back to finer data and stay correct."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from services.query.queries.stats.packed_counters import ACTIVE_DIGITS, CALLS_DIGITS, TIMES_DIGITS, holds
from tests.integration.query import seed

# A Monday.
DAY = datetime(2026, 3, 2, tzinfo=UTC)
MANY = 60_000_000


@pytest.mark.parametrize(
    ("include_estimated", "columns"),
    [("false", "measured_calls, measured_ms, max_measured_ms, measured_times"), ("true", "timed_calls, duration_ms, max_ms, times")],
)
def test_percentiles_are_correct_beyond_the_capacity_of_a_histogram(
    client: TestClient, connection: psycopg.Connection[Any], include_estimated: str, columns: str
) -> None:
    # Given two days on which one tool was called 60 million times each in 100 ms, and on one 50 million times in 1 s
    assert 2 * MANY > holds(TIMES_DIGITS) > MANY

    for grain, start, quick, slow in (
        (1440, DAY, MANY, 0), (1440, DAY + timedelta(days=1), MANY // 2, MANY // 2), (10080, DAY, MANY + MANY // 2, MANY // 2),
        (0, "-infinity", MANY + MANY // 2, MANY // 2),
    ):  # fmt: skip
        connection.execute(
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


def test_call_counts_are_correct_beyond_the_capacity_of_a_week(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    # Given calls on three days, and a week whose cell says that there were too many for its vectors
    project = seed.add_project(connection, "/p")
    seed.add_session(connection, "s", project, started_at=DAY)
    for hours, status in ((1, "success"), (1, "error"), (30, "success"), (150, "timeout")):
        seed.add_tool_call(connection, "s", DAY + timedelta(hours=hours), status=status)
    seed.compute_aggregates(connection)
    path = f"/api/tool-calls/stats?project_id={project}&tool_name=Bash"
    expected = {interval: client.get(f"{path}&interval={interval}").json()["time_series"] for interval in ("hour", "day", "week")}
    connection.execute(
        f"UPDATE tool_rollups SET calls = {holds(CALLS_DIGITS)}, calls_by_quarter = 7, errors_by_quarter = 7 WHERE grain_minutes = 10080"
    )

    # Then every series is as before
    for interval, series in expected.items():
        assert client.get(f"{path}&interval={interval}").json()["time_series"] == series
        assert sum(point["calls"] for point in series) == 4


@pytest.mark.parametrize("tz", ["UTC", "Asia/Kathmandu", "America/New_York"])
def test_the_heatmap_is_correct_beyond_the_capacity_of_its_counters(
    client: TestClient, connection: psycopg.Connection[Any], tz: str
) -> None:
    # Given active time in summer and winter, then so much more of it that a counter runs into the next
    project = seed.add_project(connection, "/p")
    for number, day in enumerate((DAY, DAY + timedelta(days=1, hours=5), DAY + timedelta(days=150))):
        seed.add_session(connection, f"s{number}", project, started_at=day)
        for minutes in range(0, 90, 4):
            seed.add_message(connection, f"s{number}", day + timedelta(minutes=minutes))
    seed.compute_aggregates(connection)
    path = f"/api/projects/{project}/stats?tz={tz}"
    before = client.get(path).json()["heatmap"]
    assert sum(cell["active_minutes"] for cell in before) > 200
    more = 10**ACTIVE_DIGITS // 500_000_000
    connection.execute(f"UPDATE activity_rollups SET active_us = active_us * {more}, active_by_quarter = active_by_quarter * {more}")

    # Then each hour has that much more
    after = client.get(path).json()["heatmap"]
    assert [(cell["weekday"], cell["hour"]) for cell in after] == [(cell["weekday"], cell["hour"]) for cell in before]
    assert [cell["active_minutes"] for cell in after] == pytest.approx([cell["active_minutes"] * more for cell in before], rel=0.01)
