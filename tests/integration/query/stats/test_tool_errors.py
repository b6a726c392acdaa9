"""Failed calls by class: counted from rollups and from rows alike, with their newest calls."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.example_counts import examples
from tests.integration.query import seed, world
from tests.json_answers import json_of
from tests.kept_connection import Connection

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
RANGES = [
    {},
    {"start_date": "2024-03-01", "end_date": "2024-11-30"},
    {"start_date": "2024-03-09T03:20:00Z", "end_date": "2024-03-30", "tz": "Europe/Berlin"},
    {"user": "ann"},
]


def test_classes_have_counts_shares_tools_and_their_newest_calls(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/shop"))
    for n in range(5):
        seed.add_tool_call(
            connection, "s", NOON + timedelta(days=n), status="error", error_class="test_failed", parameters=f'{{"command": "npm test {n}"}}',
            result=f"Exit code {n}\n" + "x" * 900,
        )  # fmt: skip
    seed.add_tool_call(connection, "s", NOON, "Edit", status="rejected", error_class="rejected")
    seed.add_tool_call(connection, "s", NOON, "Edit", status="cancelled", error_class="interrupted")
    seed.add_tool_call(connection, "s", NOON, "Read", status="error")
    seed.add_tool_call(connection, "s", NOON, "Read")
    seed.compute_totals(connection)

    found = asked(client, examples=2)

    assert found["failed_calls"] == 8
    assert [(each["error_class"], each["calls"], each["share"]) for each in found["classes"]] == [
        ("test_failed", 5, 0.625),
        ("interrupted", 1, 0.125),
        ("rejected", 1, 0.125),
        ("unclassified", 1, 0.125),
    ]
    tests = found["classes"][0]
    assert (tests["tools"], tests["last_seen"]) == ([{"tool_name": "Bash", "calls": 5}], "2024-01-19T12:00:00Z")
    assert [each["input"] for each in tests["examples"]] == ["npm test 4", "npm test 3"]
    assert [len(each["error"]) for each in tests["examples"]] == [500, 500]
    assert found["classes"][3]["examples"][0] | {"id": None} == {
        "id": None, "session_id": "s", "project_id": 1, "tool_name": "Read", "result_status": "error", "timestamp": "2024-01-15T12:00:00Z",
        "input": None, "error": None,
    }  # fmt: skip
    # And one class alone, whose share is still that of all
    [only] = asked(client, error_class="interrupted")["classes"]
    assert (only["error_class"], only["share"], len(only["examples"])) == ("interrupted", 0.125, 1)
    assert asked(client, error_class="unclassified")["classes"][0]["calls"] == 1
    assert asked(client, error_class="network")["classes"] == []
    assert asked(client, examples=0)["classes"][0]["examples"] == []


@pytest.mark.parametrize("chosen", RANGES)
@pytest.mark.parametrize("tool_name", [None, "Bash"])
def test_counts_equal_those_of_the_rows(client: TestClient, connection: Connection, chosen: dict[str, str], tool_name: str | None) -> None:
    world.build(connection)
    connection.execute("UPDATE tool_calls SET error_class = (ARRAY['a', 'b', 'other'])[1 + duration_ms % 3] WHERE status <> 'success'")
    seed.compute_totals(connection)
    filters = {"tool_name": tool_name} if tool_name else {}
    stats = client.get("/api/tool-calls/stats", params=chosen | filters).json()
    sql = """
        SELECT tool_name, coalesce(error_class, 'unclassified'), occurred_at FROM tool_calls
        WHERE status NOT IN ('success', 'pending') AND (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s)
            AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s) AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
            AND (%(user)s::text IS NULL OR user_id = (SELECT id FROM users WHERE name = %(user)s))"""
    wanted = {"start": stats["range"]["start"], "end": stats["range"]["end"], "tool_name": tool_name, "user": chosen.get("user")}
    rows = connection.execute(sql, wanted).fetchall()

    found = asked(client, **chosen, **filters, examples=20)

    assert {each["error_class"]: each["calls"] for each in found["classes"]} == Counter(row[1] for row in rows)
    for each in found["classes"]:
        times = sorted((row[2] for row in rows if row[1] == each["error_class"]), reverse=True)
        assert [datetime.fromisoformat(call["timestamp"]) for call in each["examples"]] == times[:20]
        assert datetime.fromisoformat(each["last_seen"]) == times[0]
    # And the stats of tools have the same classes
    assert stats["errors_by_class"] == [{name: each[name] for name in ("error_class", "calls")} for each in found["classes"]]
    for tool in stats["tools"]:
        counted = Counter(row[1] for row in rows if row[0] == tool["tool_name"])
        assert {each["error_class"]: each["calls"] for each in tool["errors_by_class"]} == counted
        assert tool["errors"] + tool["rejected"] + tool["cancelled"] == counted.total()


def test_times_are_of_measured_durations_unless_estimated_ones_are_asked_for(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s", 0)
    for n in range(1, 101):
        seed.add_tool_call(connection, "s", NOON, duration_ms=n, wait_ms=n if n <= 4 else None)
        seed.add_tool_call(connection, "s", NOON, duration_ms=60_000 + n, duration_source="timestamps")
    seed.add_tool_call(connection, "s", NOON, "Edit", duration_ms=9, duration_source="timestamps")
    seed.compute_totals(connection)
    exact = {"start_date": "2024-01-15T12:00:00Z", "end_date": "2024-01-15T12:15:00Z"}
    for chosen in ({}, exact):
        bash, edit = client.get("/api/tool-calls/stats", params=chosen).json()["tools"]
        assert (bash["measured_calls"], bash["estimated_calls"], bash["avg_ms"], bash["max_ms"]) == (100, 100, 50.5, 100)
        assert (bash["waited_calls"], bash["waited_ms"], bash["avg_wait_ms"]) == (4, 10, 2.5)
        assert [bash[name] for name in ("p50_ms", "p95_ms", "p99_ms")] == pytest.approx([50, 95, 99], rel=0.02)
        assert [edit[name] for name in ("avg_ms", "max_ms", "p50_ms", "measured_calls", "estimated_calls")] == [None, None, None, 0, 1]

        bash, edit = client.get("/api/tool-calls/stats", params=chosen | {"include_estimated": "true"}).json()["tools"]
        assert (bash["measured_calls"], bash["estimated_calls"], bash["max_ms"]) == (100, 100, 60_100)
        assert [bash[name] for name in ("p50_ms", "p99_ms")] == pytest.approx([100, 60_098], rel=0.02)
        assert (edit["avg_ms"], edit["max_ms"]) == (9, 9)


@pytest.mark.parametrize("path", ["/api/tool-calls", "/api/tool-calls/errors"])
def test_an_unknown_class_is_refused_with_the_names_of_all(client: TestClient, connection: Connection, path: str) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    seed.add_tool_call(connection, "s", NOON, status="error", error_class="of_our_own")
    seed.compute_totals(connection)

    answer = client.get(f"{path}?error_class=file_not_fuond")

    assert answer.status_code == 400
    assert ", file_not_found, " in answer.json()["details"]["error_class"]
    assert ", of_our_own, " in answer.json()["details"]["error_class"]
    for known in ("of_our_own", "network", "other", "unclassified"):
        assert client.get(f"{path}?error_class={known}").status_code == 200


DAY = timedelta(days=1)
CHANGES_OF_THE_CLOCK = [date(2024, 3, 10), date(2024, 3, 31), date(2024, 10, 27), date(2024, 11, 3)]
days = st.dates(date(2024, 3, 1), date(2025, 3, 10)) | st.sampled_from(CHANGES_OF_THE_CLOCK)
zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"])
FAILED = """
    SELECT c.project_id, u.name, tool_name, m.machine_id, coalesce(error_class, 'unclassified'), nullif(occurred_at, '-infinity')
    FROM tool_calls c LEFT JOIN users u ON u.id = user_id LEFT JOIN session_machines m USING (session_id) WHERE status NOT IN ('success', 'pending')"""


@pytest.fixture(scope="module")
def failed(kept_connection: Connection) -> list[tuple[Any, ...]]:
    """project, user, tool, machine, class, time of each failed call of the small world. One has no time, and some have no class."""
    world.build(kept_connection, events=40)
    kept_connection.execute(
        "UPDATE tool_calls SET error_class = (ARRAY['file_not_found', 'network', 'other'])[1 + duration_ms % 3]"
        " WHERE status NOT IN ('success', 'pending')"
    )
    kept_connection.execute("INSERT INTO session_machines SELECT session_id, 'm-' || length(session_id) FROM sessions")
    seed.add_tool_call(kept_connection, "undated", seed.UNDATED, status="error", error_class="network")
    seed.compute_totals(kept_connection)
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
