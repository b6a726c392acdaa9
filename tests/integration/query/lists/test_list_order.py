"""Sessions, projects and tool calls come in the order that is asked for, page by page, and by time without a sort."""

import pytest
from msgspec.structs import asdict
from starlette.testclient import TestClient

from services.query.queries.lists import events, sessions
from tests.integration.query import seed, world
from tests.integration.query.pages import pages
from tests.kept_connection import Connection


@pytest.mark.parametrize("sort", ["start_time", "active_minutes", "messages_count", "tool_calls_count", "lines_changed", "cost_usd"])
def test_sessions_are_in_the_asked_order_on_every_page(client: TestClient, connection: Connection, sort: str) -> None:
    world.build(connection)
    everything = client.get("/api/sessions?limit=1000").json()["items"]
    for item in everything:
        item["lines_changed"] = item["lines_added"] + item["lines_removed"]

    for order in ("asc", "desc"):
        listed = pages(client, f"/api/sessions?sort={sort}&order={order}", 4)
        values = [item["lines_added"] + item["lines_removed"] if sort == "lines_changed" else item[sort] for item in listed]
        least = "" if sort == "start_time" else -1
        assert values == sorted(
            (item[sort] for item in everything), key=lambda value: least if value is None else value, reverse=order == "desc"
        )
        assert {item["session_id"] for item in listed} == {item["session_id"] for item in everything}


def test_sessions_by_time_are_read_in_the_order_of_an_index(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO sessions (session_id, counted, dated_at) SELECT n, true, now() - n * interval '1 minute' FROM generate_series(1, 20000) AS n"
    )
    connection.execute("ANALYZE sessions")
    filters = (
        asdict(sessions.SessionFilters())
        | {"projects": None}
        | {
            "session_id": None,
            "earliest": None,
            "went_on": None,
            "share_ids": None,
            "share_numbers": None,
            "after_time": None,
            "after_number": None,
            "after_id": None,
            "fetch": 51,
        }
    )
    for ascending in (False, True):
        found = {"sort": "start_time", "ascending": ascending}
        lines = [line for (line,) in connection.execute(f"EXPLAIN {sessions.SESSIONS}".encode(), filters | found).fetchall()]
        # Below it, each row that is shown sorts its own few machines; an open one its processes and calls.
        plan = next((lines[:number] for number, line in enumerate(lines) if "SubPlan" in line), lines)
        assert "sessions_by_date" in str(plan)
        assert "Sort Key: s.dated_at" not in str(plan)


def test_sessions_are_in_the_order_of_what_they_have_within_the_dates(client: TestClient, connection: Connection) -> None:
    # Given a session that is within the dates, and two dearer ones that are only in part within them: of one most was before, of the other most is behind
    project = seed.add_project(connection, "/shop")
    for session_id, costs in {"within": {5: 40}, "before": {1: 90, 5: 20}, "behind": {5: 30, 9: 99}}.items():
        seed.add_session(connection, session_id, project)
        for day, cost in costs.items():
            at = f"2024-03-0{day}T10:00:00Z"
            seed.add_message(connection, session_id, at)
            for minute in range(cost):
                seed.add_tool_call(connection, session_id, f"2024-03-0{day}T10:{minute % 60:02}:00Z")
            seed.add_activity(connection, session_id, at, f"/shop/{day}", lines_added=cost)
            seed.add_api_call(connection, session_id, at, model="opus", cost_nano_usd=cost * 10**9)
    seed.compute_totals(connection)
    dates = "by=active&start_date=2024-03-04&end_date=2024-03-06&tz=UTC"

    for sort in ("cost_usd", "tool_calls_count", "lines_changed"):
        assert order_of(client, f"{dates}&include_share=true&sort={sort}") == ["within", "behind", "before"]
        assert order_of(client, f"{dates}&include_share=true&sort={sort}&order=asc") == ["before", "behind", "within"]
        assert order_of(client, f"{dates}&sort={sort}") == ["behind", "before", "within"]


def order_of(client: TestClient, query: str) -> list[str]:
    return [session["session_id"] for session in pages(client, f"/api/sessions?{query}", 1)]


@pytest.mark.parametrize("sort", ["last_session", "name", "active_minutes", "total_sessions", "cost_usd"])
def test_projects_are_in_the_asked_order_on_every_page(client: TestClient, connection: Connection, sort: str) -> None:
    world.build(connection)
    everything = client.get("/api/projects").json()
    least = "" if sort in ("last_session", "name") else -1

    for order in ("asc", "desc"):
        listed, path = [], f"/api/projects?sort={sort}&order={order}&limit=1"
        while path:
            answer = client.get(path)
            listed += [item[sort] for item in answer.json()]
            path = answer.links["next"]["url"] if "next" in answer.links else ""
        values = [item[sort] for item in everything]
        assert listed == sorted(values, key=lambda value: least if value is None else value, reverse=order == "desc")


@pytest.mark.parametrize("sort", ["timestamp", "execution_time_ms"])
def test_tool_calls_are_in_the_asked_order_on_every_page(client: TestClient, connection: Connection, sort: str) -> None:
    world.build(connection)
    for duration_ms in (None, None, 7, 7):
        seed.add_tool_call(connection, "session-1", seed.UNDATED, duration_ms=duration_ms)
    everything = client.get("/api/tool-calls?limit=1000").json()["items"]
    least = "" if sort == "timestamp" else -1

    for order in ("asc", "desc"):
        listed = pages(client, f"/api/tool-calls?sort={sort}&order={order}", 4)
        assert [item[sort] for item in listed] == sorted(
            (item[sort] for item in everything), key=lambda value: least if value is None else value, reverse=order == "desc"
        )
        assert sorted(item["id"] for item in listed) == sorted(item["id"] for item in everything)
    assert pages(client, "/api/tool-calls?session_id=session-1&order=asc", 3) == pages(client, "/api/tool-calls/session/session-1", 1000)


def test_tool_calls_by_time_are_read_along_an_index(connection: Connection) -> None:
    connection.execute(
        """INSERT INTO tool_calls (id, session_id, project_id, user_id, tool_name, status, occurred_at, received_at)
        SELECT gen_random_uuid(), n %% 20, 0, 0, 'Bash', 'success', now() - n * interval '1 minute', now() FROM generate_series(1, 20000) AS n""",
        {},
    )
    connection.execute("ANALYZE tool_calls")
    for session_id, index in ((None, "tool_calls_by_time"), ("7", "tool_calls_of_session")):
        for ascending in (False, True):
            parameters = (
                events.EventFilters(session_id).parameters(connection)
                | {"tool_name": None, "status": None, "sort": "timestamp"}
                | {"error_class": None, "include_result": False}
            )
            after = {"after_time": None, "after_number": None, "after_id": None, "fetch": 51, "page_bytes": 1000}
            sql = f"EXPLAIN {events.TOOL_CALLS}".encode()
            plan = str(connection.execute(sql, parameters | after | {"ascending": ascending}).fetchall())
            assert index in plan
            assert "Seq Scan on tool_calls" not in plan
