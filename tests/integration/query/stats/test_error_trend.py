"""Failed calls of each class over time: as counted from the calls, in every zone and interval."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.example_counts import examples
from tests.integration.query import seed, world
from tests.json_answers import json_of

DAY = timedelta(days=1)
CHANGES_OF_THE_CLOCK = [date(2024, 3, 10), date(2024, 3, 31), date(2024, 10, 27), date(2024, 11, 3)]
days = st.dates(date(2024, 3, 1), date(2025, 3, 10)) | st.sampled_from(CHANGES_OF_THE_CLOCK)
zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"])
FAILED = """
    SELECT c.project_id, u.name, tool_name, m.machine_id, coalesce(error_class, 'unclassified'), nullif(occurred_at, '-infinity')
    FROM tool_calls c LEFT JOIN users u ON u.id = user_id LEFT JOIN session_machines m USING (session_id) WHERE status NOT IN ('success', 'pending')"""


@pytest.fixture(scope="module")
def failed(kept_connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    """project, user, tool, machine, class, time of each failed call of the small world. One has no time, and some have no class."""
    world.build(kept_connection, events=40)
    kept_connection.execute(
        "UPDATE tool_calls SET error_class = (ARRAY['file_not_found', 'network', 'other'])[1 + duration_ms % 3]"
        " WHERE status NOT IN ('success', 'pending')"
    )
    kept_connection.execute("INSERT INTO session_machines SELECT session_id, 'm-' || length(session_id) FROM sessions")
    seed.add_tool_call(kept_connection, "undated", seed.UNDATED, status="error", error_class="network")
    seed.compute_aggregates(kept_connection)
    return kept_connection.execute(FAILED).fetchall()


def midnight(day: date, tz: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(tz)).astimezone(UTC)


def asked(client: TestClient, **parameters: Any) -> Any:
    return json_of(client, "/api/tool-calls/errors", params={name: value for name, value in parameters.items() if value is not None})


def test_each_class_has_its_calls_of_each_interval(kept_client: TestClient, failed: list[tuple[Any, ...]]) -> None:
    @settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        days, st.integers(0, 60), zones, st.sampled_from(["hour", "day", "day", "week", "month"]), st.sampled_from([None, 1, 2]),
        st.sampled_from([None, "ada"]), st.sampled_from([None, "Bash"]), st.sampled_from([None, None, "m-9", "m-10"]),
    )  # fmt: skip
    def check(
        first: date, length: int, tz: str, interval: str, project: int | None, user: str | None, tool: str | None, machine: str | None
    ) -> None:
        filters = {"project_id": project, "user": user, "tool_name": tool, "machine": machine}
        start, end = midnight(first, tz), midnight(first + (length + 1) * DAY, tz)
        chosen = [
            (each[4], each[5])
            for each in failed
            if all(wanted in (None, own) for wanted, own in zip(filters.values(), each[:4], strict=True))
            and each[5]
            and start <= each[5] < end
        ]

        found = asked(kept_client, start_date=first, end_date=first + length * DAY, tz=tz, interval=interval, examples=0, **filters)

        assert found["range"]["interval"] == interval
        edges = [datetime.fromisoformat(point["start"]) for point in found["time_series"]]
        for number, (since, until) in enumerate(zip(edges, [*edges[1:], end], strict=True)):
            within = Counter(name for name, at in chosen if since <= at < until)
            counted = {each["error_class"]: each["calls_over_time"][number] for each in found["classes"]}
            assert +Counter(counted) == within, (found["time_series"][number], filters)
            assert found["time_series"][number]["calls"] == within.total()
        assert {each["error_class"]: sum(each["calls_over_time"]) for each in found["classes"]} == Counter(name for name, _ in chosen)

    check()


def test_one_class_has_the_series_that_it_has_among_all(kept_client: TestClient, failed: list[tuple[Any, ...]]) -> None:
    everything = asked(kept_client, interval="month")

    [only] = asked(kept_client, interval="month", error_class="network")["classes"]

    assert only in everything["classes"]
    # A call without a date is in no interval
    assert sum(only["calls_over_time"]) == only["calls"] - 1
    assert sum(point["calls"] for point in everything["time_series"]) == everything["failed_calls"] - 1


def test_without_an_interval_there_is_no_series(kept_client: TestClient, failed: list[tuple[Any, ...]]) -> None:
    found = asked(kept_client)

    assert "time_series" not in found
    assert "interval" not in found["range"]
    assert not any("calls_over_time" in each for each in found["classes"])


def test_a_trend_without_data_is_empty(client: TestClient) -> None:
    nothing = asked(client, interval="day")
    in_two_days = asked(client, interval="day", start_date="2024-01-15", end_date="2024-01-16", tz="Asia/Kathmandu")

    assert (nothing["classes"], nothing["time_series"]) == ([], [])
    assert [(point["date"], point["calls"]) for point in in_two_days["time_series"]] == [("2024-01-15", 0), ("2024-01-16", 0)]


def test_the_table_of_classes_has_their_trend_as_a_column(kept_client: TestClient, failed: list[tuple[Any, ...]]) -> None:
    lines = kept_client.get("/api/tool-calls/errors?format=csv&interval=month&examples=0").text.splitlines()

    assert lines[0].split(",")[-1] == "calls_over_time"
    assert lines[1].endswith(']"')


def test_a_trend_with_too_many_points_names_the_interval_to_use(client: TestClient) -> None:
    answer = client.get("/api/tool-calls/errors?interval=hour&start_date=2020-01-01&end_date=2024-01-01")

    assert answer.status_code == 400
    assert "interval=day" in answer.json()["message"]
