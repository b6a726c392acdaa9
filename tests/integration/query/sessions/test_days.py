"""A day: each session that something happened in on it, in order, with that day's share and outcomes; and sums that equal those of the stats."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.integration.query import seed, world
from tests.json_answers import json_of
from tests.kept_connection import Connection

BERLIN = "tz=Europe/Berlin"
COMMIT = "[main 1a2b3c4] Retry failed uploads\n 2 files changed, 40 insertions(+)"


@pytest.fixture
def project(connection: Connection) -> int:
    return seed.add_project(connection, "/home/ann/shop")


@pytest.fixture
def ask(client: TestClient) -> Callable[..., dict[str, Any]]:
    def day(date: str, query: str = BERLIN) -> dict[str, Any]:
        return json_of(client, f"/api/days/{date}?{query}")

    return day


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2024-03-{text}Z")


def test_a_session_over_midnight_is_on_both_days_with_its_share_of_each(
    connection: Connection, project: int, ask: Callable[..., dict[str, Any]]
) -> None:
    # Given a session from 23:58 to 0:04 of Berlin's 5 March, with calls before and after midnight
    seed.add_session(connection, "night", project, seed.add_user(connection, "ann"), title="Retry uploads", started_at=at("05T22:58:00"))
    for time, cost in (("05T22:58:00", 10), ("05T22:59:00", 20), ("05T23:01:00", 400), ("05T23:04:00", 800)):
        seed.add_message(connection, "night", at(time), f"prompt of {time}")
        seed.add_api_call(connection, "night", at(time), model="opus", cost_nano_usd=cost * 10**9)
    seed.add_activity(connection, "night", at("05T23:03:00"), "/home/ann/shop/a.py", lines_added=7, lines_removed=2)
    seed.compute_totals(connection)

    first, second, third = ask("2024-03-05"), ask("2024-03-06"), ask("2024-03-07")

    [before], [after] = first["sessions"], second["sessions"]
    assert [(each["began_before"], each["goes_on"]) for each in (before, after)] == [(False, True), (True, False)]
    assert [each["share"]["cost_usd"] for each in (before, after)] == [30, 1200]
    assert [each["share"]["active_minutes"] for each in (before, after)] == [2, 4]
    assert [ask["text"] for ask in after["asks"]] == ["prompt of 05T23:01:00", "prompt of 05T23:04:00"]
    assert [each["files"] for each in (before, after)] == [[], [{"file_path": "/home/ann/shop/a.py", "lines_added": 7, "lines_removed": 2}]]
    assert (after["first_at"], after["last_at"]) == ("2024-03-05T23:00:00Z", "2024-03-05T23:04:00Z")
    assert [(each["totals"]["sessions"], each["totals"]["active_sessions"]) for each in (first, second, third)] == [(1, 1), (0, 1), (0, 0)]
    assert (third["sessions"], third["projects"]) == ([], [])


def test_active_times_of_a_session_leave_out_its_waits_and_other_days(
    connection: Connection, project: int, ask: Callable[..., dict[str, Any]]
) -> None:
    # Given a session over midnight of Berlin, with a wait of an hour on the second day
    seed.add_session(connection, "waits", project)
    for time in ("05T22:58:00", "05T23:02:00", "06T00:02:00", "06T00:06:00"):
        seed.add_message(connection, "waits", at(time))
    seed.compute_totals(connection)

    active = {day: ask(day)["sessions"][0]["active"] for day in ("2024-03-05", "2024-03-06")}

    assert active["2024-03-05"] == [{"start": "2024-03-05T22:58:00Z", "end": "2024-03-05T23:00:00Z"}]
    assert active["2024-03-06"] == [
        {"start": "2024-03-05T23:00:00Z", "end": "2024-03-05T23:02:00Z"},
        {"start": "2024-03-06T00:02:00Z", "end": "2024-03-06T00:06:00Z"},
    ]


def test_sessions_come_in_the_order_of_the_days_first_activity(
    connection: Connection, project: int, ask: Callable[..., dict[str, Any]]
) -> None:
    for session_id, times in {"late": ["06T15:00:00"], "early": ["06T08:00:00"], "old": ["01T10:00:00", "06T12:00:00"]}.items():
        seed.add_session(connection, session_id, project)
        for time in times:
            seed.add_message(connection, session_id, at(time))
    seed.compute_totals(connection)

    assert [each["session_id"] for each in ask("2024-03-06")["sessions"]] == ["early", "old", "late"]
    few = ask("2024-03-06", f"{BERLIN}&limit=2")
    assert ([each["session_id"] for each in few["sessions"]], few["sessions_left_out"]) == (["early", "old"], 1)


def test_outcomes_are_commits_pull_requests_and_failures_of_that_day(
    connection: Connection, project: int, ask: Callable[..., dict[str, Any]]
) -> None:
    # Given a commit the day before, and a commit, a pull request and failures on the day
    seed.add_session(connection, "s", project)
    opened = "Creating pull request\nhttps://github.com/ann/shop/pull/12\n"
    for time, command, result, status in (
        ("05T12:00:00", "git commit -m x", "[main 0000000] The day before", "success"),
        ("06T12:00:00", "git add . && git commit -m 'Retry failed uploads'", COMMIT, "success"),
        ("06T12:01:00", "git commit -m 'Not made'", "nothing to commit", "error"),
        ("06T12:02:00", "gh pr create --fill", opened, "success"),
        ("06T12:03:00", "make test", "failed", "error"),
    ):
        failed = {"error_class": "command_failed"} if status == "error" else {}
        parameters = f'{{"command": "{command}"}}'
        seed.add_tool_call(connection, "s", at(time), parameters=parameters, result=result, status=status, **failed)
    seed.compute_totals(connection)

    [session] = ask("2024-03-06")["sessions"]

    assert session["commits"] == [{"timestamp": "2024-03-06T12:00:00Z", "subject": "Retry failed uploads", "hash": "1a2b3c4"}]
    assert session["pull_requests"] == [{"timestamp": "2024-03-06T12:02:00Z", "url": "https://github.com/ann/shop/pull/12"}]
    assert session["failures"] == [{"tool_name": "Bash", "error_class": "command_failed", "calls": 2}]


@pytest.mark.parametrize("date", ["2024-03-31", "2024-10-27", "2024-03-10"])
@pytest.mark.parametrize("query", ["", "&user=ada", "&project_id={project}", "&machine=m-1"])
def test_its_sums_are_those_of_the_stats_of_that_day(
    client: TestClient, connection: Connection, ask: Callable[..., dict[str, Any]], date: str, query: str
) -> None:
    built = world.build(connection)
    for session_id in [row[0] for row in connection.execute("SELECT session_id FROM sessions ORDER BY 1 LIMIT 12").fetchall()]:
        connection.execute("INSERT INTO session_machines VALUES (%s, 'm-1') ON CONFLICT DO NOTHING", (session_id,))
    query = query.format(project=built.projects[0])
    stats = client.get(f"/api/stats?start_date={date}&end_date={date}&{BERLIN}{query}").json()["totals"]

    totals = ask(date, f"{BERLIN}{query}")["totals"]

    assert {name: stats[name] for name in totals if name in stats} == {name: totals[name] for name in totals if name in stats}
    assert {"user_messages", "files_modified", "active_sessions", "cost_usd"} <= stats.keys() & totals.keys()


def test_its_projects_and_sessions_add_up_to_it(connection: Connection, ask: Callable[..., dict[str, Any]]) -> None:
    world.build(connection)
    first = connection.execute("SELECT min(dated_at) FROM sessions WHERE counted AND dated_at > '-infinity'").fetchone()
    assert first is not None
    days = [(first[0] + n * timedelta(days=1)).astimezone(UTC).date().isoformat() for n in range(4)]
    assert any(ask(each)["sessions"] for each in days)
    for found in map(ask, days):
        totals = found["totals"]
        assert totals["active_sessions"] == len(found["sessions"]) + found["sessions_left_out"]
        for name in ("messages", "user_messages", "tool_calls", "tool_errors", "api_calls", "lines_added"):
            assert sum(item[name] for item in found["projects"]) == totals[name], name
            of_sessions = sum(session["share"][name] for session in found["sessions"])
            # A call may belong to no session.
            assert of_sessions == totals[name] or (name.startswith("tool") and of_sessions < totals[name]), name


def test_a_day_that_is_none_is_refused(client: TestClient) -> None:
    for date in ("2024-02-30", "yesterday", "2024-3-1"):
        answer = client.get(f"/api/days/{date}")
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR"), answer.text
        assert list(answer.json()["details"]) == ["date"]
    assert client.get("/api/days/2024-03-06?day=1").json()["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("date", ["0001-01-01", "9999-12-31"])
def test_days_at_the_ends_of_the_calendar_are_empty(ask: Callable[..., dict[str, Any]], date: str) -> None:
    assert ask(date)["sessions"] == []


def test_its_sessions_are_a_table_too(client: TestClient, connection: Connection, project: int) -> None:
    seed.add_session(connection, "s", project, title="Retry uploads")
    seed.add_message(connection, "s", at("06T12:00:00"))
    seed.compute_totals(connection)

    head, row = client.get("/api/days/2024-03-06?format=csv").text.splitlines()

    assert head.startswith("session_id,title,first_at,")
    assert row.startswith("s,Retry uploads,2024-03-06T12:00:00Z,")
