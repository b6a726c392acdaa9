"""Lists: filters, order, and pages that show each row exactly once."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.example_counts import examples
from tests.integration.query import seed, world
from tests.integration.query.pages import NOON, pages
from tests.kept_connection import Connection

at_once = settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PAGED = [
    "/api/sessions", "/api/conversations", "/api/activities", "/api/conversations/search?q=message", "/api/conversations/search?q=message&sort=newest",
    "/api/conversations/search", "/api/tool-calls/session/session-1", "/api/tool-calls", "/api/tool-calls?session_id=session-1",
]  # fmt: skip


@pytest.mark.usefixtures("has_index")
@pytest.mark.parametrize("path", PAGED)
def test_pages_show_each_row_exactly_once(client: TestClient, connection: Connection, path: str) -> None:
    world.build(connection)
    everything = client.get(path + ("&" if "?" in path else "?") + "limit=1000").json()["items"]

    @at_once
    @given(st.integers(1, 60))
    def check(limit: int) -> None:
        assert pages(client, path, limit) == everything

    check()
    assert len(everything) > 1


@pytest.mark.usefixtures("has_index")
def test_rows_inserted_between_pages_neither_repeat_nor_hide_others(client: TestClient, connection: Connection) -> None:
    """given two pages, when newer, older and equally old rows arrive between them, then every old row is still shown exactly once."""
    seed.add_project(connection, "/p")
    seed.add_session(connection, "s", 1)
    before = {str(seed.add_message(connection, "s", NOON + timedelta(seconds=n // 2), "needle")) for n in range(10)}

    for sort in ("newest", "best"):
        first = client.get(f"/api/conversations/search?q=needle&limit=4&sort={sort}").json()
        for seconds in (-5, 1, 2, 60):
            seed.add_message(connection, "s", NOON + timedelta(seconds=seconds), "needle and hay")
        shown = [item["id"] for item in first["items"]]
        cursor = first["next_cursor"]
        while cursor:
            page = client.get(f"/api/conversations/search?q=needle&limit=4&sort={sort}&cursor={cursor}").json()
            shown += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert len(shown) == len(set(shown))
        assert before <= set(shown)


def test_projects_are_a_bare_array_with_a_link_to_the_next_page(client: TestClient, connection: Connection) -> None:
    world.build(connection)
    everything = client.get("/api/projects")
    assert [row["name"] for row in everything.json()[2:]] == ["undated", "empty"]
    assert "link" not in everything.headers
    found, url = [], "/api/projects?limit=1"
    while url:
        page = client.get(url)
        found += page.json()
        url = page.links["next"]["url"] if "link" in page.headers else ""
    assert found == everything.json()


def test_a_project_has_its_totals(client: TestClient, connection: Connection) -> None:
    project = seed.add_project(connection, "/home/user/claude-tracker")
    seed.add_session(connection, "s", project, started_at=NOON, ended_at=NOON + timedelta(minutes=240))
    seed.add_message(connection, "s", NOON + timedelta(minutes=1))
    seed.add_activity(connection, "s", NOON + timedelta(minutes=2), "/a", lines_added=300, lines_removed=200)
    seed.add_tool_call(connection, "s", NOON + timedelta(minutes=3))
    seed.compute_totals(connection)
    [item] = client.get("/api/projects").json()
    assert item.pop("created_at").endswith("Z")
    assert item == {
        "id": project, "name": "claude-tracker", "label": "claude-tracker", "path": "/home/user/claude-tracker", "group": None, "archived": False,
        "repository": None, "merged_into": None, "total_sessions": 1, "total_time_minutes": 240,
        "files_modified_count": 1, "lines_changed_count": 500, "last_session": "2024-01-15T12:00:00Z", "active_minutes": 3.0,
        "messages_count": 1, "tool_calls_count": 1, "api_calls": 0, "unpriced_calls": 0, "cost_usd": None, "visibility": None,
    }  # fmt: skip
    assert client.get(f"/api/projects/{project}").json()["total_sessions"] == 1


def test_projects_of_one_name_are_told_apart_by_the_folder_above(client: TestClient, connection: Connection) -> None:
    # Given a name of one project, of two, of two whose folders above are the same too, and of one that has no session and is not listed
    for path in ("/a/work/shop", "/a/home/shop", "/a/x/cli", "/b/x/cli", "/code/alone"):
        seed.add_session(connection, path, seed.add_project(connection, path))
    seed.add_project(connection, "/agents/alone")
    connection.execute("UPDATE projects SET is_named = false WHERE path = '/agents/alone'")
    seed.compute_totals(connection)

    labels = {item["path"]: item["label"] for item in client.get("/api/projects").json()}

    assert labels == {
        "/a/work/shop": "work/shop",
        "/a/home/shop": "home/shop",
        "/a/x/cli": "/a/x/cli",
        "/b/x/cli": "/b/x/cli",
        "/code/alone": "alone",
    }


def test_times_are_answered_exactly_and_rounded_only_where_they_are_shown(client: TestClient, connection: Connection) -> None:
    project, user = seed.add_project(connection, "/p"), seed.add_user(connection, "ada")
    seed.add_session(connection, "s", project, user, started_at=NOON)
    seed.add_message(connection, "s", NOON)
    seed.add_message(connection, "s", NOON + timedelta(seconds=1.4))
    seed.compute_totals(connection)
    exact = 1.4 / 60

    session, listed = client.get("/api/sessions/s").json(), client.get("/api/projects").json()[0]
    stats, usage = client.get("/api/stats").json(), client.get("/api/usage?group_by=project").json()

    assert session["active_minutes"] == session["duration_minutes"] == pytest.approx(exact)
    answers = [listed, stats["totals"], stats["users"][0], usage["items"][0], usage["totals"], client.get("/api/users").json()["items"][0]]
    assert [answer["active_minutes"] for answer in answers] == pytest.approx([exact] * len(answers))
    assert stats["totals"]["time_minutes"] == pytest.approx(exact)


def test_a_session_is_open_unless_ended_idle_or_only_imported(client: TestClient, connection: Connection) -> None:
    later = NOON + timedelta(minutes=5)
    project, user = seed.add_project(connection, "/p"), seed.add_user(connection, "ada")
    seed.add_session(connection, "open", project, user, started_at=NOON, model="opus", git_branch="main", source="hook")
    seed.add_session(connection, "ended", project, user, started_at=NOON, ended_at=later)
    seed.add_session(connection, "idle", project, started_at=NOON, idle_closed_at=NOON + timedelta(minutes=1))
    seed.add_session(connection, "back", project, started_at=NOON, ended_at=NOON + timedelta(minutes=2))
    seed.add_session(connection, "imported", project)
    seed.add_session(connection, "imported with an end", project, ended_at=later, dated_at=later)
    # A transcript gives the first and last record, and the sweep of idle sessions closes it like any other.
    seen = {"first_event_at": NOON, "last_event_at": later, "dated_at": NOON}
    seed.add_session(connection, "transcript", project, **seen)
    seed.add_session(connection, "transcript, swept", project, idle_closed_at=later, **seen)
    seed.add_session(connection, "known", project, counted=False)
    for session in ("open", "ended", "idle"):
        seed.add_message(connection, session, NOON + timedelta(minutes=1))
    seed.add_message(connection, "back", later)
    seed.compute_totals(connection)
    items = {item["session_id"]: item for item in client.get("/api/sessions").json()["items"]}

    assert {name: (item["status"], item["end_reason"], item["end_time"]) for name, item in items.items()} == {
        "open": ("open", None, None),
        "ended": ("ended", "explicit", "2024-01-15T12:05:00Z"),
        "idle": ("ended", "idle", "2024-01-15T12:01:00Z"),
        "back": ("open", None, None),
        "imported": ("ended", "imported", None),
        "imported with an end": ("ended", "imported", "2024-01-15T12:05:00Z"),
        "transcript": ("open", None, None),
        "transcript, swept": ("ended", "idle", "2024-01-15T12:05:00Z"),
    }
    assert items["open"] | {"model": "opus", "git_branch": "main", "source": "hook", "user": "ada", "project_name": "p"} == items["open"]
    assert items["ended"]["duration_minutes"] == 5.0
    assert items["imported"]["start_time"] is None
    assert client.get("/api/sessions/known").json()["status"] == "open"

    for status in ("open", "ended"):
        listed = {item["session_id"] for item in client.get(f"/api/sessions?status={status}").json()["items"]}
        assert listed == {name for name, item in items.items() if item["status"] == status}


def test_sessions_are_filtered(client: TestClient, connection: Connection) -> None:
    made = world.build(connection)
    everything = client.get("/api/sessions?limit=1000").json()["items"]
    assert len(everything) == len(made.sessions)
    ada = client.get("/api/sessions?user=ada&limit=1000").json()["items"]
    assert [item["session_id"] for item in ada] == [item["session_id"] for item in everything if item["user"] == "ada"]
    day = client.get("/api/sessions?start_date=2024-03-30&end_date=2024-03-30&tz=Europe/Berlin&limit=1000").json()["items"]
    assert [item["session_id"] for item in day] == [
        item["session_id"] for item in everything if item["start_time"] and "2024-03-29T23:00" <= item["start_time"] < "2024-03-30T23:00"
    ]
    assert client.get("/api/sessions?user=nobody").json() == {"items": [], "next_cursor": None}
    assert client.get(f"/api/sessions?project_id={made.projects[2]}").json()["items"] == []


def test_a_session_id_may_contain_any_character(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "a/b c?d%é", 0)
    seed.add_tool_call(connection, "a/b c?d%é", NOON)
    path = quote("a/b c?d%é", safe="")
    assert client.get(f"/api/sessions/{path}").json()["session_id"] == "a/b c?d%é"
    assert len(client.get(f"/api/tool-calls/session/{path}").json()["items"]) == 1
    assert client.get("/api/sessions/stats").status_code == 404


def test_conversations_and_activities_are_filtered(client: TestClient, connection: Connection) -> None:
    made = world.build(connection)
    messages = client.get("/api/conversations?limit=1000").json()["items"]
    assert [item["timestamp"] for item in messages[-5:]] == [None] * 5
    assert set(messages[0]) == {"id", "session_id", "project_id", "role", "content", "timestamp", "model", "agent_id"}

    chosen = client.get(f"/api/conversations?limit=1000&project_id={made.projects[0]}&role=user&start_date=2024-10-26").json()["items"]
    assert chosen == [
        item for item in messages
        if item["project_id"] == made.projects[0] and item["role"] == "user" and item["timestamp"] and item["timestamp"] >= "2024-10-26"
    ]  # fmt: skip

    activities = client.get("/api/activities?limit=1000").json()["items"]
    one = activities[0]["file_path"]
    assert client.get(f"/api/activities?limit=1000&file_path={one}").json()["items"] == [
        item for item in activities if item["file_path"] == one
    ]
    assert client.get("/api/activities?limit=1000&file_path=/home/dev/src/*").json()["items"] == activities
    assert client.get("/api/activities?file_path=/home/dev/sr_/*").json()["items"] == []

    deleted = client.get("/api/activities?limit=1000&action=deleted&session_id=session-1").json()["items"]
    assert deleted == [item for item in activities if item["action"] == "deleted" and item["session_id"] == "session-1"]


def test_a_prefix_filter_finds_more_files_than_it_lists(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s", 0)
    for number in range(510):
        seed.add_activity(connection, "s", NOON + timedelta(seconds=number), f"/many/file{number}")
    seed.add_activity(connection, "s", NOON, "/other")
    assert len(pages(client, "/api/activities?file_path=/many/*", 100)) == 510


def test_tool_calls_come_oldest_first_with_parameters_as_sent(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s", 0)
    seed.add_tool_call(connection, "s", NOON, "Bash", parameters='{"z": 1.0, "a": [1,  2]}', duration_ms=250)
    seed.add_tool_call(connection, "s", NOON - timedelta(minutes=1), "Read", duration_ms=None, status="rejected")
    answer = client.get("/api/tool-calls/session/s")
    assert [item["tool_name"] for item in answer.json()["items"]] == ["Read", "Bash"]
    assert '"parameters":{"z": 1.0, "a": [1,  2]}' in answer.text
    assert answer.json()["items"][0]["parameters"] is None


@pytest.mark.parametrize(
    ("path", "code"),
    [
        *((path, "PROJECT_NOT_FOUND") for path in ("/api/projects/999", "/api/projects/999/stats")),
        *((path, "SESSION_NOT_FOUND") for path in ("/api/sessions/x", "/api/tool-calls/session/x", "/api/sessions/%00")),
    ],
)
def test_what_is_not_known_is_a_404(client: TestClient, path: str, code: str) -> None:
    assert (client.get(path).status_code, client.get(path).json()["code"]) == (404, code)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("projekt_id=1", "projekt_id"), ("project_id=0", "project_id"),
        ("project_id=99999999999999999999", "project_id"), ("status=closed", "status"), ("start_date=soon", "start_date"),
        ("tz=Mars", "tz"), ("start_date=2024-02-02&end_date=2024-02-01", "end_date"), ("cursor=x", "cursor"), ("session_id=x", "session_id"),
    ],
)  # fmt: skip
def test_an_invalid_parameter_is_a_400_that_names_it(client: TestClient, query: str, field: str) -> None:
    answer = client.get(f"/api/sessions?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "message", "code", "details"}
    assert field in answer.json()["details"]


def test_routes_without_parameters_refuse_any(client: TestClient) -> None:
    assert client.get("/api/sessions/x?limit=1").status_code == 400


@pytest.mark.usefixtures("has_index")
def test_a_cursor_is_bound_to_its_filters_and_path(client: TestClient, connection: Connection) -> None:
    world.build(connection)
    cursor = client.get("/api/conversations?role=user&limit=1").json()["next_cursor"]
    assert client.get(f"/api/conversations?role=user&limit=7&cursor={cursor}").status_code == 200
    for path in ("/api/conversations?role=assistant", "/api/activities?", "/api/conversations/search?role=user"):
        assert client.get(f"{path}&cursor={cursor}").json()["code"] == "INVALID_CURSOR"


def test_a_project_emptied_by_an_undo_is_not_listed_until_used_again(client: TestClient, connection: Connection) -> None:
    project = seed.add_project(connection, "/home/dev/taken-back")
    connection.execute("UPDATE projects SET brought_by = '{}' WHERE id = %s", (project,))
    assert client.get("/api/projects").json() == []
    # Its id is for good: who has it, a bound key say, still finds it.
    assert client.get(f"/api/projects/{project}").json()["total_sessions"] == 0

    seed.add_session(connection, "without a date", project)
    seed.compute_totals(connection)
    assert [found["id"] for found in client.get("/api/projects").json()] == [project]


@pytest.mark.usefixtures("has_index")
def test_each_list_takes_the_same_filters(client: TestClient, connection: Connection) -> None:
    # Given two users, branches and sources
    world.build(connection)
    connection.execute(
        "UPDATE sessions SET git_branch = CASE WHEN session_id = 'session-1' THEN 'main' ELSE 'other' END, model = 'm', source = 'otel'"
    )
    for table in ("messages", "tool_calls", "activities"):
        connection.execute(f"UPDATE {table} SET source = CASE WHEN session_id = 'session-1' THEN 'hook' ELSE 'otel' END".encode())
    connection.execute("UPDATE messages SET model = 'm' WHERE session_id = 'session-1'")
    users = {item["session_id"]: item["user"] for item in pages(client, "/api/sessions?", 1000)}

    for path in ("/api/conversations", "/api/conversations/search", "/api/tool-calls", "/api/activities"):
        everything = pages(client, f"{path}?", 1000)
        of_session = [item for item in everything if item["session_id"] == "session-1"]
        of_ada = [item for item in everything if users.get(item["session_id"]) == "ada"]

        # Then each filter leaves its own rows, in the same order
        assert len(everything) > len(of_ada) > 0
        assert of_session
        assert pages(client, f"{path}?user=ada", 7) == of_ada
        for chosen in ("session_id=session-1", "branch=main", "source=hook"):
            assert pages(client, f"{path}?{chosen}", 7) == of_session
        for unknown in ("user=nobody", "branch=none", "source=none", "session_id=none", "project_id=999"):
            assert client.get(f"{path}?{unknown}").json()["items"] == []
        if "conversations" in path:
            assert pages(client, f"{path}?model=m", 7) == of_session
    assert [item["session_id"] for item in pages(client, "/api/sessions?branch=main&model=m&source=otel", 7)] == ["session-1"]
    assert pages(client, "/api/sessions?branch=none", 7) == []


@pytest.mark.usefixtures("has_index")
def test_a_search_with_words_is_filtered(client: TestClient, connection: Connection) -> None:
    world.build(connection)
    users = {item["session_id"]: item["user"] for item in pages(client, "/api/sessions?", 1000)}
    for words in ("message", '"message 1"'):
        everything = client.get("/api/conversations/search", params={"q": words, "sort": "newest", "limit": 1000}).json()["items"]
        of_ada = client.get("/api/conversations/search", params={"q": words, "sort": "newest", "limit": 1000, "user": "ada"}).json()
        assert [item["id"] for item in of_ada["items"]] == [item["id"] for item in everything if users[item["session_id"]] == "ada"]
        assert of_ada["total"] == len(of_ada["items"])


def test_tool_calls_are_filtered_by_tool_and_result(client: TestClient, connection: Connection) -> None:
    world.build(connection)
    everything = pages(client, "/api/tool-calls?", 1000)
    chosen = pages(client, "/api/tool-calls?tool_name=Bash&status=error", 1)
    assert chosen == [item for item in everything if (item["tool_name"], item["result_status"]) == ("Bash", "error")]
    assert [item["timestamp"] for item in everything] == sorted((item["timestamp"] for item in everything), reverse=True)


def test_users_have_the_totals_of_the_stats(client: TestClient, connection: Connection) -> None:
    made = world.build(connection)
    seed.add_user(connection, "without any event")
    connection.execute("UPDATE projects SET group_name = 'work' WHERE id = ANY (%s)", (made.projects[:2],))

    for of_project in ("", f"project_id={made.projects[0]}", "group=work"):
        listed = pages(client, f"/api/users?{of_project}", 1)
        stats = {item["user"]: item for item in client.get(f"/api/stats?{of_project}").json()["users"]}

        assert [item["name"] for item in listed] == ["ada", "bob"]
        for item in listed:
            shared = stats[item["name"]]
            assert (item["sessions"], item["active_minutes"], item["messages_count"], item["tool_calls_count"], item["cost_usd"]) == (
                shared["sessions"], shared["active_minutes"], shared["messages"], shared["tool_calls"], shared["cost_usd"],
            )  # fmt: skip
            assert "2024-03-09" <= item["first_seen"] < item["last_seen"] < "2025-03-10"
    assert client.get("/api/users?user=nobody").json()["items"] == client.get("/api/users?project_id=999").json()["items"] == []
