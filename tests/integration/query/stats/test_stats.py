"""Stats: totals and series agree with the rows, in every time zone, range and interval."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.queries.stats.ranges import MAX_POINTS
from tests.example_counts import examples
from tests.integration.query import seed, world
from tests.kept_connection import Connection

with_database = settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
days = st.dates(date(2024, 3, 1), date(2025, 3, 10)) | st.sampled_from(
    [date(2024, 3, 10), date(2024, 3, 31), date(2024, 10, 27), date(2024, 11, 3)]
)
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"])
intervals = st.sampled_from(["hour", "day", "week", "month"])
COUNTED = (
    "sessions",
    "user_messages",
    "assistant_messages",
    "tool_calls",
    "tool_errors",
    "lines_added",
    "lines_removed",
    "input_tokens",
    "files_modified",
)


class Model:
    """The same numbers, from the rows, without any aggregate."""

    def __init__(self, connection: Connection, project_id: int | None) -> None:
        one = "WHERE project_id = %(p)s" if project_id else "WHERE true"
        self.events: list[tuple[datetime | None, str, Any]] = []
        for sql in (
            f"SELECT nullif(dated_at, '-infinity'), 'sessions', 1 FROM sessions {one} AND counted",
            f"SELECT nullif(occurred_at, '-infinity'), role || '_messages', 1 FROM messages {one}",
            f"SELECT nullif(occurred_at, '-infinity'), 'input_tokens', input_tokens::int FROM api_calls {one}",
            f"SELECT occurred_at, 'tool_calls', 1 FROM tool_calls {one}",
            f"SELECT occurred_at, 'tool_errors', 1 FROM tool_calls {one} AND status IN ('error', 'timeout')",
            f"SELECT occurred_at, 'lines_added', lines_added::int FROM activities {one}",
            f"SELECT occurred_at, 'lines_removed', lines_removed::int FROM activities {one}",
            f"SELECT occurred_at, 'files', file_key::text FROM activities {one}",
        ):
            self.events += connection.execute(sql.encode(), {"p": project_id}).fetchall()

    def sums(self, start: datetime | None, end: datetime | None) -> dict[str, int]:
        sums: dict[str, int] = defaultdict(int)
        files = set()
        for at, kind, value in self.events:
            if (at is None and start is not None) or (at is not None and ((start and at < start) or (end and at >= end))):
                continue
            if kind == "files":
                files.add(value)
            else:
                sums[kind] += value
        return {kind: sums[kind] for kind in COUNTED[:-1]} | {"files_modified": len(files)}


def counted(measures: dict[str, Any]) -> dict[str, int]:
    return {kind: measures[kind] for kind in COUNTED}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("scope", ["all", "one"])
def test_totals_and_series_agree_with_the_rows(client: TestClient, connection: Connection, scope: str) -> None:
    made = world.build(connection)
    path = "/api/stats" if scope == "all" else f"/api/projects/{made.projects[0]}/stats"
    model = Model(connection, None if scope == "all" else made.projects[0])

    @with_database
    @given(st.none() | days, st.none() | st.integers(0, 60), zones, intervals)
    def check(first: date | None, length: int | None, tz: str, interval: str) -> None:
        parameters = {"tz": tz, "interval": interval}
        if first:
            parameters["start_date"] = first.isoformat()
        last = None if length is None else (first or date(2024, 10, 20)) + timedelta(days=length)
        if last:
            parameters["end_date"] = last.isoformat()
        answer = client.get(path, params=parameters)
        if answer.status_code == 400:
            assert interval == "hour"
            assert "coarser one, interval=day" in answer.json()["message"]
            answer = client.get(path, params=parameters | {"interval": "day"})
        assert answer.status_code == 200, answer.text
        stats = answer.json()
        start = None if first is None else datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(tz)).astimezone(UTC)
        next_day = last and last + timedelta(days=1)
        end = None if next_day is None else datetime(next_day.year, next_day.month, next_day.day, tzinfo=ZoneInfo(tz)).astimezone(UTC)
        assert counted(stats["totals"]) == model.sums(start, end)
        _check_series(stats, model, start, end)
        _check_active_time(stats, first is not None)

    check()


def _check_series(stats: dict[str, Any], model: Model, start: datetime | None, end: datetime | None) -> None:
    edges = [at(point["start"]) for point in stats["time_series"]]
    assert edges == sorted(set(edges))
    if not edges:
        assert not any(model.sums(start or datetime.min.replace(tzinfo=UTC), end).values())
        return
    for point, edge, following in zip(stats["time_series"], edges, [*edges[1:], end or datetime.max.replace(tzinfo=UTC)], strict=True):
        assert counted(point) == model.sums(max(edge, start) if start else edge, min(following, end) if end else following)


def _check_active_time(stats: dict[str, Any], dated_only: bool) -> None:
    total = stats["totals"]["active_minutes"]
    rounding = 0.05
    series = stats["time_series"]
    assert sum(point["active_minutes"] for point in series) == pytest.approx(total, abs=rounding * (len(series) + 1))
    assert sum(cell["active_minutes"] for cell in stats["heatmap"]) == pytest.approx(total, abs=rounding * 169)
    assert sum(user["active_minutes"] for user in stats["users"]) == pytest.approx(total, abs=rounding * 4)
    assert sum(tool["calls"] for tool in stats["tools"]) == stats["totals"]["tool_calls"]
    assert len(stats["heatmap"]) == 168


def test_the_heatmap_uses_local_clock_time(client: TestClient, connection: Connection) -> None:
    """given work from 9:00 to 9:04 in Berlin, once in winter and once in summer, then both are at 9, on their weekdays."""
    project = seed.add_project(connection, "/p")
    for name, begin in (("winter", datetime(2024, 1, 15, 8, tzinfo=UTC)), ("summer", datetime(2024, 7, 16, 7, tzinfo=UTC))):
        seed.add_session(connection, name, project, started_at=begin)
        seed.add_message(connection, name, begin + timedelta(minutes=4))
    seed.compute_totals(connection)
    for tz, hours in (("Europe/Berlin", {(0, 9), (1, 9)}), ("Asia/Kathmandu", {(0, 13), (1, 12)})):
        stats = client.get(f"/api/stats?tz={tz}").json()
        assert {(cell["weekday"], cell["hour"]) for cell in stats["heatmap"] if cell["active_minutes"] == 4.0} == hours


def test_stats_without_data_are_empty(client: TestClient, connection: Connection) -> None:
    project = seed.add_project(connection, "/empty")
    stats = client.get(f"/api/projects/{project}/stats").json()
    assert stats["project"]["name"] == "empty"
    assert stats["time_series"] == stats["tools"] == stats["top_files"] == stats["users"] == []
    assert stats["totals"]["idle_gap_seconds"] == 300
    assert set(stats["totals"].values()) == {0, 300, None}
    assert stats["totals"]["cost_usd"] is None
    dated = client.get("/api/stats?start_date=2024-01-01&end_date=2024-01-31").json()
    assert dated["project"] is None
    assert len(dated["time_series"]) == 31


def test_undated_rows_count_only_without_a_start(client: TestClient, connection: Connection) -> None:
    made = world.build(connection)
    path = f"/api/projects/{made.projects[3]}/stats"
    assert (
        client.get(path).json()["totals"] | {"sessions": 1, "messages": 5, "cost_usd": 1.5, "time_minutes": 0.0}
        == client.get(path).json()["totals"]
    )
    assert client.get(path + "?end_date=2024-01-01").json()["totals"]["messages"] == 5
    assert client.get(path + "?start_date=2024-01-01").json()["totals"]["messages"] == 0
    assert client.get(path).json()["time_series"] == []


def test_top_files_and_users_are_ranked(client: TestClient, connection: Connection) -> None:
    noon = datetime(2024, 1, 15, 12, tzinfo=UTC)
    one, two = seed.add_project(connection, "/one"), seed.add_project(connection, "/two")
    seed.add_session(connection, "a", one, seed.add_user(connection, "ada"))
    seed.add_session(connection, "b", two)
    for number in range(3):
        seed.add_activity(connection, "a", noon + timedelta(days=number), "/shared.py", lines_added=1, lines_removed=2)
    seed.add_activity(connection, "b", noon, "/shared.py")
    seed.compute_totals(connection)
    top = client.get("/api/stats").json()["top_files"]

    assert top == [
        {
            "file_path": "/shared.py",
            "project_id": one,
            "touches": 3,
            "lines_added": 3,
            "lines_removed": 6,
            "last_touched": "2024-01-17T12:00:00Z",
        },
        {
            "file_path": "/shared.py",
            "project_id": two,
            "touches": 1,
            "lines_added": 3,
            "lines_removed": 1,
            "last_touched": "2024-01-15T12:00:00Z",
        },
    ]

    dated = client.get(f"/api/projects/{one}/stats?start_date=2024-01-15&end_date=2024-01-16").json()
    assert dated["top_files"] == [
        {"file_path": "/shared.py", "touches": 2, "lines_added": 2, "lines_removed": 4, "last_touched": "2024-01-16T12:00:00Z"}
    ]
    assert dated["totals"]["files_modified"] == 1

    users = client.get("/api/stats").json()["users"]
    assert {(user["user"], user["sessions"], user["lines_added"]) for user in users} == {("ada", 1, 3), (None, 1, 3)}


def test_the_answer_states_the_counted_range(client: TestClient) -> None:
    dated = client.get("/api/stats?start_date=2024-01-15T10:31:00Z&tz=Asia/Kathmandu&interval=hour").json()["range"]
    assert dated == {"start": "2024-01-15T10:30:00Z", "end": None, "tz": "Asia/Kathmandu", "is_default": False, "interval": "hour"}
    assert client.get("/api/stats").json()["range"]["is_default"]


@pytest.mark.parametrize(
    ("interval", "dates"),
    [
        ("hour", ["2024-03-30T22:00", "2024-03-30T23:00", "2024-03-31T00:00", "2024-03-31T01:00", "2024-03-31T03:00"]),
        ("day", ["2024-03-30", "2024-03-31"]),
        ("week", ["2024-03-25"]),
        ("month", ["2024-03-01"]),
    ],
)
def test_each_point_of_a_series_has_its_local_date(client: TestClient, interval: str, dates: list[str]) -> None:
    # Five hours around the change of the clock in Berlin
    hours = "start_date=2024-03-30T21:00:00Z&end_date=2024-03-31T02:00:00Z"

    for path in ("/api/stats", "/api/tool-calls/stats"):
        series = client.get(f"{path}?{hours}&tz=Europe/Berlin&interval={interval}").json()["time_series"]
        assert [point["date"] for point in series] == dates


def test_a_series_with_too_many_points_is_a_400(client: TestClient) -> None:
    answer = client.get("/api/stats?start_date=2020-01-01&end_date=2024-01-01&interval=hour")
    assert answer.status_code == 400
    assert "coarser one, interval=day" in answer.json()["message"]


def test_events_decades_apart_do_not_make_a_large_answer(client: TestClient, connection: Connection) -> None:
    # Given events of 1970 and 2099
    project = seed.add_project(connection, "/p")
    for number, year in enumerate((1970, 2026, 2099)):
        at = datetime(year, 6, 1, 12, tzinfo=UTC)
        seed.add_session(connection, f"s{number}", project, started_at=at)
        seed.add_tool_call(connection, f"s{number}", at)
        seed.add_api_call(connection, f"s{number}", at, cost_nano_usd=1)
    seed.compute_totals(connection)

    # Without range or interval the series has months, and no gaps
    for path in ("/api/stats", f"/api/projects/{project}/stats", "/api/tool-calls/stats", "/api/tool-calls/stats?tool_name=Bash"):
        answer = client.get(path)
        assert answer.status_code == 200, answer.text
        points = answer.json()["time_series"]
        assert answer.json()["range"]["interval"] == "month"
        assert len(points) == (2099 - 1970) * 12 + 1
        assert len(answer.content) < 1_000_000
    # And days of usage are the newest, the totals of all
    usage = client.get("/api/usage").json()
    assert len(usage["items"]) == MAX_POINTS
    assert usage["items"][-1]["day"] == "2099-06-01"
    assert usage["totals"]["api_calls"] == 3
    # And a finer interval is refused with the one to take
    for interval in ("hour", "day", "week"):
        refused = client.get("/api/stats", params={"interval": interval})
        assert (refused.status_code, refused.json()["code"]) == (400, "VALIDATION_ERROR")
        assert "interval=month" in refused.json()["message"]


def test_stats_of_a_user_and_project_are_those_of_their_rows(client: TestClient, connection: Connection) -> None:
    # Given two users who changed one file in common, and ada one more in another project
    one, other = (seed.add_project(connection, path) for path in ("/one", "/other"))
    ada, bob = (seed.add_user(connection, name) for name in ("ada", "bob"))
    for session, project, user, path in (("a", one, ada, "/x"), ("b", one, bob, "/x"), ("c", other, ada, "/y")):
        seed.add_session(connection, session, project, user, started_at="2024-01-15T12:00:00Z")
        seed.add_activity(connection, session, "2024-01-15T12:01:00Z", path)
    seed.compute_totals(connection)

    for dates in ("", "&start_date=2024-01-15&end_date=2024-01-16", "&start_date=2024-01-15&end_date=2024-12-31&interval=month"):
        of_ada = client.get(f"/api/stats?user=ada{dates}").json()
        of_both = client.get(f"/api/stats?user=ada&project_id={one}{dates}").json()

        # Then each has its own rows only
        assert (of_ada["totals"]["sessions"], of_ada["totals"]["files_modified"]) == (2, 2)
        assert sorted(file["file_path"] for file in of_ada["top_files"]) == ["/x", "/y"]
        assert (of_both["totals"]["sessions"], of_both["totals"]["files_modified"]) == (1, 1)
        assert max(point["files_modified"] for point in of_both["time_series"]) == 1
        assert [user["user"] for user in of_both["users"]] == ["ada"]
        assert of_both == client.get(f"/api/projects/{one}/stats?user=ada{dates}").json() | {"project": None}
    of_project = client.get(f"/api/stats?project_id={one}").json()
    assert of_project == client.get(f"/api/projects/{one}/stats").json() | {"project": None}


def test_a_filter_with_an_unknown_id_gives_zeros(client: TestClient, connection: Connection) -> None:
    world.build(connection)
    for path in ("/api/stats", "/api/tool-calls/stats", "/api/usage", "/api/usage?group_by=session"):
        for unknown in ("project_id=999", "user=nobody"):
            answer = client.get(f"{path}{'&' if '?' in path else '?'}{unknown}")
            assert answer.status_code == 200
            body = answer.json()
            assert body.get("total_calls", 0) == body.get("totals", {}).get("tool_calls", 0) == 0
            assert body.get("items", []) == []
