"""Percentiles by interval of a series: those of the interval's calls, in every zone, and over a whole range those of the totals."""

import math
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.queries.stats import tool_latency
from services.query.queries.stats.packed_counters import TIMES_DIGITS, holds
from tests.example_counts import examples
from tests.integration.query import seed
from tests.json_answers import json_of
from tests.kept_connection import Connection

with_database = settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PERCENTS = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
NOTHING = dict.fromkeys(PERCENTS)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Auckland", "Etc/GMT+12"]
# Four weeks around a change of the clock in Berlin.
FIRST, DAYS = datetime(2024, 3, 15, tzinfo=UTC), 28
days = st.integers(-1, DAYS).map(lambda n: FIRST.date() + timedelta(days=n))
quarters = st.integers(0, DAYS * 96).map(lambda n: FIRST + n * timedelta(minutes=15))


@pytest.fixture(scope="module")
def calls(kept_connection: Connection) -> list[dict[str, Any]]:
    """Calls of two projects, two people and two machines, a third of them estimated; and of a tool none of which has a duration."""
    random = Random(20240315)
    projects = [seed.add_project(kept_connection, f"/home/dev/{name}") for name in ("alpha", "beta")]
    users = [seed.add_user(kept_connection, name) for name in ("ada", "bob")]
    for number in range(8):
        seed.add_session(kept_connection, f"s{number}", projects[number % 2], users[number // 2 % 2], started_at=FIRST)
        kept_connection.execute("INSERT INTO session_machines VALUES (%s, %s)", (f"s{number}", f"m-{number // 4}"))
        for _ in range(90):
            at = FIRST + timedelta(seconds=random.randrange(DAYS * 86_400))
            duration = random.choice([0, 1, 30, int(random.lognormvariate(7, 2)), int(random.lognormvariate(5, 1)), None])
            source = None if duration is None else random.choice(["reported", "reported", "timestamps"])
            seed.add_tool_call(
                kept_connection, f"s{number}", at, random.choice(["Bash", "Bash", "Read"]), duration_ms=duration, duration_source=source
            )
        seed.add_tool_call(kept_connection, f"s{number}", FIRST + timedelta(days=number), "Wait", duration_ms=None, duration_source=None)
    seed.add_tool_call(kept_connection, "s0", seed.UNDATED, "Bash", duration_ms=9_999_999)
    seed.compute_totals(kept_connection)
    names = ("project_id", "user", "machine", "tool_name", "occurred_at", "duration_ms", "duration_source")
    found = kept_connection.execute(
        "SELECT c.project_id, u.name, machine_id, tool_name, occurred_at, duration_ms, duration_source"
        " FROM tool_calls c JOIN users u ON u.id = user_id JOIN session_machines USING (session_id) WHERE occurred_at > '-infinity'"
    )
    return [dict(zip(names, row, strict=True)) for row in found]


def asked(client: TestClient, **parameters: Any) -> Any:
    chosen = {name: value for name, value in parameters.items() if value is not None}
    return json_of(client, "/api/tool-calls/stats", params={"include_latency": "true"} | chosen)


def times_of(calls: list[dict[str, Any]], include_estimated: bool, **filters: Any) -> list[tuple[datetime, int]]:
    """When, and how long, of the calls that have a time and pass the filters."""
    chosen = [call for call in calls if all(value in (None, call[name]) for name, value in filters.items())]
    timed = [call for call in chosen if call["duration_ms"] is not None and (include_estimated or call["duration_source"] == "reported")]
    return [(call["occurred_at"], call["duration_ms"]) for call in timed]


def in_order(ends: Any, tz: str) -> tuple[Any, Any]:
    """As parameters; a day, which begins in the zone, and a time may both be the earlier one."""
    at = {each: datetime(each.year, each.month, each.day, tzinfo=ZoneInfo(tz)) if type(each) is date else each for each in ends}
    return tuple(each.isoformat() for each in sorted(ends, key=lambda each: at[each]))  # type: ignore[return-value]


def _agrees(answer: Any, times: list[tuple[datetime, int]]) -> None:
    """The points have the calls of their intervals, within 2 %."""
    assert answer["percentiles_of"] == "intervals"
    start, end = (datetime.fromisoformat(answer["range"][name]) if answer["range"][name] else None for name in ("start", "end"))
    edges = [datetime.fromisoformat(point["start"]) for point in answer["time_series"]]
    for point, (begin, until) in zip(answer["time_series"], pairwise([*edges, end or datetime.max.replace(tzinfo=UTC)]), strict=True):
        mine = sorted(ms for at, ms in times if max(begin, start or begin) <= at < until)
        assert point["timed_calls"] == len(mine)
        for name, share in PERCENTS.items():
            if not mine:
                assert point[name] is None
            else:
                exact = mine[math.ceil(share * len(mine)) - 1]
                assert abs(point[name] - exact) <= 0.02 * exact + 0.05, (point, exact)


def test_each_point_has_the_percentiles_of_its_calls(kept_client: TestClient, calls: list[dict[str, Any]]) -> None:
    @with_database
    @given(
        st.none() | st.tuples(days | quarters, days | quarters),
        st.sampled_from(ZONES),
        st.sampled_from(["hour", "day", "week", "month"]),
        st.booleans(),
        st.sampled_from(
            [{}, {"tool_name": "Bash"}, {"tool_name": "Wait"}, {"project_id": 1}, {"user": "bob", "tool_name": "Read"}, {"machine": "m-1"}]
        ),
    )
    def check(ends: Any, tz: str, interval: str, include_estimated: bool, filters: dict[str, Any]) -> None:
        start, end = in_order(ends, tz) if ends else (None, None)
        answer = asked(
            kept_client, start_date=start, end_date=end, tz=tz, interval=interval, include_estimated=include_estimated, **filters
        )
        _agrees(answer, times_of(calls, include_estimated, **filters))

    check()


@pytest.mark.parametrize("tz", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("include_estimated", [False, True])
@pytest.mark.parametrize("filters", [{}, {"project_id": 1, "user": "ada"}, {"machine": "m-0"}])
def test_a_point_over_the_whole_range_has_the_percentiles_of_the_totals(
    kept_client: TestClient, calls: list[dict[str, Any]], tz: str, include_estimated: bool, filters: dict[str, Any]
) -> None:
    for first, last, interval in (("2024-03-18", "2024-03-24", "week"), ("2024-03-25", "2024-03-31", "week"), ("2024-03-21", "2024-03-21", "day"),
        ("2024-03-31", "2024-03-31", "day"), ("2024-04-01", "2024-04-30", "month"), ("2024-03-21T09:15", "2024-03-21T17:30", "day")):  # fmt: skip
        for tool_name in ("Bash", "Read", "Wait"):
            answer = asked(
                kept_client,
                start_date=first,
                end_date=last,
                tz=tz,
                interval=interval,
                include_estimated=include_estimated,
                tool_name=tool_name,
                **filters,
            )
            [point] = answer["time_series"]
            [totals] = answer["tools"] or [NOTHING]
            assert {name: point[name] for name in PERCENTS} == {name: totals[name] for name in PERCENTS}, (first, tool_name)
            assert (point["p50_ms"] is None) == (
                totals.get("measured_calls", 0) + include_estimated * totals.get("estimated_calls", 0) == 0
            )


def test_without_being_asked_points_have_no_percentiles(kept_client: TestClient, calls: list[dict[str, Any]]) -> None:
    answer = kept_client.get("/api/tool-calls/stats?tool_name=Bash").json()
    assert "percentiles_of" not in answer
    assert {name for point in answer["time_series"] for name in point} == {"start", "date", "calls", "errors"}
    assert asked(kept_client, start_date="2030-01-01", end_date="2030-01-01")["time_series"][0]["p50_ms"] is None


def test_without_calls_there_is_no_point(client: TestClient) -> None:
    answer = asked(client)
    assert (answer["time_series"], answer["percentiles_of"]) == ([], "intervals")


def test_too_many_calls_at_midnights_make_it_the_days_of_utc(
    kept_client: TestClient, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """given more calls between the midnights of UTC and Berlin than are read, then points are of UTC's days, and the range's ends hold."""
    monkeypatch.setattr(tool_latency, "MOST_TIMED_CALLS", 5)
    chosen = {"start_date": "2024-03-16", "end_date": "2024-04-11", "tool_name": "Bash"}
    berlin, utc = (asked(kept_client, tz=tz, **chosen) for tz in ("Europe/Berlin", "UTC"))

    assert (berlin["percentiles_of"], utc["percentiles_of"]) == ("utc_days", "intervals")
    both = list(zip(berlin["time_series"], utc["time_series"], strict=True))
    assert all(
        {name: in_berlin[name] for name in PERCENTS} == {name: in_utc[name] for name in PERCENTS} for in_berlin, in_utc in both[1:-1]
    )
    ends = [
        (datetime(2024, 3, 15, 23, tzinfo=UTC), datetime(2024, 3, 17, tzinfo=UTC)),
        (datetime(2024, 4, 11, tzinfo=UTC), datetime(2024, 4, 11, 22, tzinfo=UTC)),
    ]
    for point, (begin, until) in zip((both[0][0], both[-1][0]), ends, strict=True):
        mine = sorted(ms for at, ms in times_of(calls, False, tool_name="Bash") if begin <= at < until)
        assert point["p50_ms"] == pytest.approx(mine[math.ceil(0.5 * len(mine)) - 1], rel=0.02)


def test_too_many_calls_by_hour_leave_it_without_percentiles(
    kept_client: TestClient, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_latency, "MOST_TIMED_CALLS", 5)
    long = asked(kept_client, start_date="2024-03-16", end_date="2024-03-18", interval="hour")
    assert long["percentiles_of"] == "nothing"
    assert {point["p50_ms"] for point in long["time_series"]} == {None}
    # Two days are read in any case, as the totals read them.
    short = asked(kept_client, start_date="2024-03-16", end_date="2024-03-17", interval="hour")
    _agrees(short, times_of(calls, False))


def test_points_are_correct_beyond_the_capacity_of_a_histogram(client: TestClient, connection: Connection) -> None:
    """given a week whose two days have more calls together than a vector can count."""
    monday, many = datetime(2026, 3, 2, tzinfo=UTC), 60_000_000
    assert 2 * many > holds(TIMES_DIGITS) > many
    for grain, start, quick, slow in (
        (1440, monday, many, 0),
        (1440, monday + timedelta(days=1), many // 2, many // 2),
        (10080, monday, many + many // 2, many // 2),
    ):
        seed.write_sums(
            connection,
            "INSERT INTO tool_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, calls, success, measured_calls, measured_ms, max_measured_ms,"
            f" measured_times) VALUES (-1, -1, %(grain)s, %(start)s, 'Bash', %(n)s, %(n)s, %(n)s, 1, 1000, placed(%(quick)s, latency_bucket(100) + 1, {TIMES_DIGITS})"
            f" + placed(%(slow)s, latency_bucket(1000) + 1, {TIMES_DIGITS}))",
            {"grain": grain, "start": start, "quick": quick, "slow": slow, "n": quick + slow},
        )
    [point] = asked(client, start_date="2026-03-02", end_date="2026-03-08", interval="week")["time_series"]
    assert (point["p50_ms"], point["p95_ms"]) == (pytest.approx(100, rel=0.02), pytest.approx(1000, rel=0.02))
