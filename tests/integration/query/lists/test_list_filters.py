"""Projects and users within dates, sessions by what came of them, and the filters of the lists below a session."""

from datetime import timedelta

import pytest
from psycopg.types.json import Json
from starlette.testclient import TestClient

from tests.integration.query import seed, world
from tests.integration.query.pages import NOON, pages
from tests.kept_connection import Connection


@pytest.mark.parametrize("dates", ["start_date=2024-10-01&end_date=2024-10-27", "start_date=2025-02-28T12:00:00Z", "end_date=2024-03-09"])
def test_projects_and_users_are_listed_if_a_session_starts_within_the_dates(client: TestClient, connection: Connection, dates: str) -> None:
    world.build(connection)
    projects, users = client.get("/api/projects").json(), client.get("/api/users").json()["items"]

    for zone in ("", "&tz=America/New_York"):
        found = pages(client, f"/api/sessions?{dates}{zone}", 1000)
        assert all(session["start_time"] for session in found)
        assert client.get(f"/api/projects?{dates}{zone}").json() == [
            item for item in projects if item["id"] in {session["project_id"] for session in found}
        ]
        assert pages(client, f"/api/users?{dates}{zone}", 1) == [
            item for item in users if item["name"] in {session["user"] for session in found}
        ]
        for project in projects:
            in_project = {session["user"] for session in found if session["project_id"] == project["id"]}
            listed = pages(client, f"/api/users?{dates}{zone}&project_id={project['id']}", 1)
            assert {item["name"] for item in listed} == in_project - {None}


def test_projects_are_filtered_by_user_on_every_page(client: TestClient, connection: Connection) -> None:
    world.build(connection)
    of_ada = {session["project_id"] for session in pages(client, "/api/sessions?user=ada", 1000)}
    listed, path = [], "/api/projects?user=ada&limit=1"
    while path:
        answer = client.get(path)
        listed += [item["id"] for item in answer.json()]
        path = answer.links["next"]["url"] if "next" in answer.links else ""
    assert len(listed) == len(of_ada) > 1
    assert set(listed) == of_ada
    assert client.get("/api/projects?user=nobody").json() == []


@pytest.mark.parametrize(
    ("kind", "chosen"),
    [
        ("conversations", "role=user"),
        ("conversations", "model=none"),
        ("activities", "action=modified"),
        ("activities", "file_path=/home/dev/src/file1*"),
        ("activities", "file_path=/home/dev/src/file1.py"),
        ("tool-calls", "tool_name=Bash"),
        ("tool-calls", "status=success"),
        ("tool-calls", "sort=execution_time_ms&order=asc"),
        *(
            (kind, chosen)
            for kind in ("conversations", "activities", "tool-calls")
            for chosen in ("source=none", "user=none", "branch=none")
        ),
    ],
)
def test_a_list_of_a_session_takes_filters(client: TestClient, connection: Connection, kind: str, chosen: str) -> None:
    world.build(connection, sessions=3, events=40)
    listed = pages(client, f"/api/{kind}?session_id=session-1&{chosen}", 2)
    assert listed == pages(client, f"/api/{kind}?session_id=session-1&{chosen}", 1000)
    assert listed != pages(client, f"/api/{kind}?session_id=session-1", 1000)
    assert bool(listed) == (not chosen.endswith("none"))


def test_tool_calls_are_filtered_by_why_they_failed(client: TestClient, connection: Connection) -> None:
    world.build(connection, sessions=3, events=40)
    connection.execute(
        "UPDATE tool_calls SET status = 'error', error_class = 'timeout' WHERE session_id = 'session-1' AND tool_name = 'Bash'"
    )
    connection.execute(
        "UPDATE tool_calls SET status = 'rejected', error_class = NULL WHERE session_id = 'session-1' AND tool_name <> 'Bash'"
    )

    of_session = pages(client, "/api/tool-calls?session_id=session-1", 1000)
    timed_out = pages(client, "/api/tool-calls?session_id=session-1&error_class=timeout", 1)

    assert timed_out == [call for call in of_session if call["tool_name"] == "Bash"] != []
    assert pages(client, "/api/tool-calls?session_id=session-1&error_class=unclassified", 2) == [
        call for call in of_session if call["tool_name"] != "Bash"
    ]


@pytest.mark.parametrize(
    ("prefix", "expected"), [("ce0649e8", {"ce0649e8-af63", "ce0649e8-b000"}), ("ce0649e8-a", {"ce0649e8-af63"}), ("%", set())]
)
def test_sessions_are_found_by_the_beginning_of_their_id(
    client: TestClient, connection: Connection, prefix: str, expected: set[str]
) -> None:
    for session in ("ce0649e8-af63", "ce0649e8-b000", "de0649e8-af63"):
        seed.add_session(connection, session, 0, started_at=NOON)

    found = client.get("/api/sessions", params={"id_prefix": prefix}).json()["items"]

    assert {item["session_id"] for item in found} == expected


@pytest.fixture
def outcomes(connection: Connection) -> None:
    """Sessions that brought a commit, a pull request, changed files, tests alone, and nothing."""
    shop = seed.add_project(connection, "/home/ann/shop")
    for number, name in enumerate(("commit", "request", "files", "tests", "nothing")):
        seed.add_session(connection, name, shop, title=f"{name.capitalize()} 100%_done", started_at=NOON + timedelta(hours=number))

    def shell(name: str, minute: int, command: str, result: str) -> None:
        at = NOON + timedelta(minutes=minute)
        seed.add_tool_call(connection, name, at, parameters=Json({"command": command}), result=result)

    shell("commit", 1, 'git commit -am "One"', "[main 1a2b3c4] One\n 1 file changed")
    shell("commit", 2, 'git commit --amend -am "One, again"', "[main 2b3c4d5] One, again\n 1 file changed")
    shell("commit", 3, "pytest a", "3 failed, 1 passed in 1s")
    shell("commit", 4, "pytest b", "2 failed in 1s")
    shell("request", 1, "gh pr create --fill", "https://github.com/ann/shop/pull/12\n")
    seed.add_activity(connection, "files", NOON, "/home/ann/shop/a.py")
    shell("tests", 0, "pytest a", "4 failed in 1s")
    shell("tests", 1, "pytest", "1 failed in 1s")
    shell("tests", 2, "pytest", "5 passed in 1s")
    seed.compute_totals(connection)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("outcome=commit", {"commit"}),
        ("outcome=pull_request", {"request"}),
        ("outcome=files", {"files"}),
        ("outcome=nothing", {"tests", "nothing"}),
        ("pull_request=12", {"request"}),
        ("pull_request=%2312", {"request"}),
        ("pull_request=https://github.com/ann/shop/pull/12", {"request"}),
        ("pull_request=2", set()),
        ("contains=FILES", {"files"}),
        ("contains=0%25_D", {"commit", "request", "files", "tests", "nothing"}),
        ("contains=nobody", set()),
        ("outcome=nothing&contains=test&sort=cost_usd", {"tests"}),
    ],
)
@pytest.mark.usefixtures("outcomes")
def test_sessions_are_filtered_by_what_came_of_them(client: TestClient, query: str, expected: set[str]) -> None:
    assert {item["session_id"] for item in pages(client, f"/api/sessions?{query}", 1)} == expected


@pytest.mark.usefixtures("outcomes")
def test_a_list_says_what_came_of_each_session_and_how_its_last_tests_ended(client: TestClient) -> None:
    found = {item["session_id"]: item["outcome"] for item in pages(client, "/api/sessions?include_outcome=true", 2)}

    nothing = {"commits": 0, "pull_requests": [], "tests": None, "failed_tests": None}
    assert found == {
        "commit": nothing | {"commits": 1, "tests": "failed", "failed_tests": 2},
        "request": nothing | {"pull_requests": ["https://github.com/ann/shop/pull/12"]},
        "files": nothing,
        "tests": nothing | {"tests": "passed"},
        "nothing": nothing,
    }
    assert "outcome" not in client.get("/api/sessions").json()["items"][0]
