"""`machine` as a filter and as a dimension: what it shows is what there would be if there were only that machine's sessions."""

import pytest
from starlette.testclient import TestClient

from tests.integration.query import seed, world
from tests.integration.query.pages import pages
from tests.integration.query.stats.comparable import STATS, approximate, comparable
from tests.kept_connection import Connection

OF_MACHINES = [
    *STATS,
    "/api/stats?end_date=2024-10-30",
    "/api/tool-calls/stats?project_id=1&tz=Asia/Kolkata",
    *(f"/api/projects/1/stats?{query}" for query in ("", "user=ada&start_date=2024-03-01T10:30:00Z")),
    *(f"/api/usage?group_by=session&{query}" for query in ("user=ada", "model=claude-opus", "project_id=2")),
]
LISTS = ["/api/sessions?", "/api/conversations?", "/api/activities?", "/api/tool-calls?", "/api/conversations/search?q=message"]


@pytest.fixture
def sessions(connection: Connection) -> list[str]:
    """Every second session of a small world was on ann's laptop, and one of these on a desk too."""
    made = world.build(connection)
    on_laptop = [*made.sessions[::2], "undated"]
    connection.execute("INSERT INTO machines (machine_id, name) VALUES ('m-1', 'ann-laptop'), ('m-2', 'desk'), ('m-3', 'idle')")
    for session_id in dict.fromkeys(on_laptop):
        connection.execute("INSERT INTO session_machines VALUES (%s, 'm-1')", (session_id,))
    connection.execute("INSERT INTO session_machines VALUES (%s, 'm-2'), ('session-1', 'm-2')", (on_laptop[0],))
    return list(dict.fromkeys(on_laptop))


def keep_only(connection: Connection, sessions: list[str]) -> None:
    """Deletes all other sessions, and what belongs to none."""
    for table in ("messages", "tool_calls", "activities", "api_calls", "sessions"):
        connection.execute(f"DELETE FROM {table} WHERE session_id IS NULL OR session_id <> ALL (%s)".encode(), (sessions,))
    seed.compute_totals(connection)


def test_statistics_of_a_machine_are_those_of_its_sessions_alone(client: TestClient, connection: Connection, sessions: list[str]) -> None:
    before = {path: client.get(f"{path}&machine=ann-laptop") for path in OF_MACHINES}
    assert {answer.status_code for answer in before.values()} == {200}

    keep_only(connection, sessions)

    for path, answer in before.items():
        alone = comparable(client.get(path).json())
        if "project" in alone:
            alone["project"] = answer.json()["project"]
        assert comparable(answer.json()) == approximate(alone), path


@pytest.mark.usefixtures("has_index")
def test_lists_of_a_machine_have_its_sessions_alone(client: TestClient, connection: Connection, sessions: list[str]) -> None:
    before = {path: pages(client, f"{path}&machine=m-1", 7) for path in LISTS}
    projects = [item["id"] for item in client.get("/api/projects?machine=ann-laptop").json()]
    assert all(before.values())

    keep_only(connection, sessions)

    assert {path: sorted(item.get("id") or item["session_id"] for item in items) for path, items in before.items()} == {
        path: sorted(item.get("id") or item["session_id"] for item in pages(client, path, 1000)) for path in LISTS
    }
    assert set(projects) == {item["project_id"] for item in pages(client, "/api/sessions?", 1000)}


def test_a_session_shows_its_machines_and_a_forgotten_one_by_its_id(
    client: TestClient, connection: Connection, sessions: list[str]
) -> None:
    connection.execute("DELETE FROM machines WHERE machine_id = 'm-2'")

    shown = {item["session_id"]: item["machines"] for item in pages(client, "/api/sessions?", 1000)}

    laptop, forgotten = {"machine_id": "m-1", "name": "ann-laptop"}, {"machine_id": "m-2", "name": None}
    assert shown[sessions[0]] == [laptop, forgotten]
    assert (shown[sessions[1]], shown["session-1"], shown["session-3"]) == ([laptop], [forgotten], [])
    assert client.get(f"/api/sessions/{sessions[0]}").json()["machines"] == [laptop, forgotten]
    assert [item["session_id"] for item in pages(client, "/api/sessions?machine=m-2&order=asc", 1000)].count("session-1") == 1


def test_usage_by_machine_counts_a_session_for_each_of_its_machines_and_once_in_the_totals(
    client: TestClient, connection: Connection, sessions: list[str]
) -> None:
    answer = client.get("/api/usage?group_by=machine").json()
    by_name = {item["machine"]: item for item in answer["items"]}

    assert answer["totals"] == client.get("/api/usage?group_by=session").json()["totals"]
    for name in ("ann-laptop", "desk"):
        alone = client.get(f"/api/usage?group_by=month&machine={name}").json()["totals"]
        assert {field: by_name[name][field] for field in alone if field != "active_minutes"} == {
            field: value for field, value in alone.items() if field != "active_minutes"
        }
        assert by_name[name]["active_minutes"] == pytest.approx(alone["active_minutes"], abs=0.2)
    assert set(by_name) == {"ann-laptop", "desk", None}

    # A row of another machine is not shown if one is asked for
    [only] = client.get("/api/usage?group_by=machine&machine=desk").json()["items"]
    assert (only["machine_id"], only["machine"], only["sessions"]) == ("m-2", "desk", 2)
    assert {item["machine"] for item in client.get("/api/usage?group_by=machine,month").json()["items"]} == {"ann-laptop", "desk", None}


@pytest.mark.usefixtures("has_index")
@pytest.mark.parametrize("machine", ["idle", "m-3", "unknown"])
def test_a_machine_without_sessions_has_nothing(client: TestClient, sessions: list[str], machine: str) -> None:
    assert all(pages(client, f"{path}&machine={machine}", 1000) == [] for path in LISTS)
    assert client.get(f"/api/projects?machine={machine}").json() == []
    stats = client.get(f"/api/stats?machine={machine}").json()
    assert (stats["totals"]["messages"], stats["time_series"], stats["users"], stats["tools"], stats["top_files"]) == (0, [], [], [], [])
    assert client.get(f"/api/usage?machine={machine}").json()["items"] == []


def test_a_machine_with_many_sessions_is_answered_in_time(client: TestClient, connection: Connection) -> None:
    """The statements of a machine read its rows. 60,000 of them in 3,000 sessions must fit into the time that a statement has."""
    connection.execute("INSERT INTO machines (machine_id, name) VALUES ('m-1', 'busy')")
    connection.execute("""
        INSERT INTO sessions (session_id, counted, dated_at, started_at, first_event_at, last_event_at, active_ranges, user_messages)
        SELECT 's' || n, true, t, t, t, t + interval '1 hour', tstzmultirange(tstzrange(t, t + interval '65 minutes')), 20
        FROM (SELECT n, timestamptz '2025-01-01' + n * interval '3 hours' AS t FROM generate_series(1, 3000) AS n) AS times""")
    connection.execute("INSERT INTO session_machines SELECT session_id, 'm-1' FROM sessions")
    connection.execute("""
        INSERT INTO messages (id, session_id, project_id, user_id, occurred_at, received_at, role, content)
        SELECT gen_random_uuid(), s.session_id, 0, 0, s.started_at + k * interval '3 minutes', now(), 'user', 'x'
        FROM sessions AS s, generate_series(1, 20) AS k""")
    connection.execute("ANALYZE")

    assert client.get("/api/stats?machine=busy").json()["totals"]["messages"] == 60_000
    assert client.get("/api/usage?group_by=month&machine=busy").json()["totals"]["messages"] == 60_000
    assert len(client.get("/api/sessions?machine=busy&limit=1000").json()["items"]) == 1000
