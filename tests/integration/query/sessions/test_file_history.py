"""GET /api/files/history and /api/files: every change of a file with the prompt that led to it, and files to choose from."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from services.query.queries.lists.files import MOST_COUNTED
from tests.integration.query import seed, world
from tests.integration.query.pages import pages
from tests.json_answers import json_of
from tests.kept_connection import Connection

FILE = "/home/ann/shop/src/upload.ts"


@pytest.fixture
def shop(connection: Connection) -> int:
    """A project in which ann and bob changed one file, each in a session of their own, and ann another one."""
    project = seed.add_project(connection, "/home/ann/shop")
    for session_id, name in (("s-1", "ann"), ("s-2", "bob")):
        seed.add_session(connection, session_id, project, seed.add_user(connection, name), title=f"Claude's {session_id}")
    seed.add_message(connection, "s-1", "2026-01-01T10:00:00Z", "Retry failed uploads")
    seed.add_message(connection, "s-1", "2026-01-01T10:00:30Z", "for the subagent", agent_id="a1")
    seed.add_message(connection, "s-1", "2026-01-01T10:00:40Z", "Done.", role="assistant")
    seed.add_activity(connection, "s-1", "2026-01-01T10:01:00Z", FILE, action="created", lines_added=30, lines_removed=0)
    seed.add_message(connection, "s-1", "2026-01-01T10:02:00Z", "And log them" + "!" * 1000)
    seed.add_activity(connection, "s-1", "2026-01-01T10:02:00Z", FILE, patch="@@ -1 +1 @@\n-a\n+b", patch_left_out=4, agent_id="a1")
    seed.add_activity(connection, "s-1", "2026-01-01T10:03:00Z", "/home/ann/shop/src/log.ts")
    seed.add_activity(connection, "s-2", "2026-01-02T10:00:00Z", FILE, action="deleted", lines_added=0, lines_removed=32)
    seed.compute_totals(connection)
    connection.execute("INSERT INTO machines (machine_id, name, report) VALUES ('m-1', 'ann-laptop', '{}')")
    connection.execute("INSERT INTO session_machines VALUES ('s-1', 'm-1')")
    connection.execute("INSERT INTO session_marks (session_id, title) VALUES ('s-1', 'Uploads')")
    return project


def history(client: TestClient, query: str) -> dict[str, Any]:
    return json_of(client, f"/api/files/history?{query}")


def test_a_files_history_has_every_change_newest_first_with_its_session_and_prompt(client: TestClient, shop: int) -> None:
    found = history(client, f"path={FILE}")

    assert [item["action"] for item in found["items"]] == ["deleted", "modified", "created"]
    deleted, modified, created = found["items"]
    assert {name: modified[name] for name in ("session_id", "session_title", "project_name", "user", "agent_id")} == {
        "session_id": "s-1",
        "session_title": "Uploads",
        "project_name": "shop",
        "user": "ann",
        "agent_id": "a1",
    }
    assert modified["machines"] == [{"machine_id": "m-1", "name": "ann-laptop"}]
    assert (modified["patch"], modified["patch_left_out_lines"], created["patch"]) == ("@@ -1 +1 @@\n-a\n+b", 4, None)
    assert created["prompt"]["text"] == "Retry failed uploads"
    # A prompt of the same moment led to the change; its text is bounded.
    assert (len(modified["prompt"]["text"]), modified["prompt"]["left_out_characters"]) == (1000, 12)
    assert deleted["prompt"] is None
    assert found["summary"] == {
        "changes": 3,
        "is_complete": True,
        "files": 1,
        "sessions": 2,
        "people": 2,
        "lines_added": 33,
        "lines_removed": 33,
        "first_change": "2026-01-01T10:01:00Z",
        "last_change": "2026-01-02T10:00:00Z",
        "days": [
            {"day": "2026-01-01", "changes": 2, "lines_added": 33, "lines_removed": 1},
            {"day": "2026-01-02", "changes": 1, "lines_added": 0, "lines_removed": 32},
        ],
    }


def test_days_of_a_files_history_are_those_of_the_time_zone(client: TestClient, shop: int) -> None:
    days = history(client, f"path={FILE}&tz=Pacific/Kiritimati")["summary"]["days"]

    # 10:00 UTC is midnight there.
    assert [(day["day"], day["changes"]) for day in days] == [("2026-01-02", 2), ("2026-01-03", 1)]
    assert history(client, "path=/nowhere")["summary"]["days"] == []


@pytest.mark.parametrize(
    ("query", "changes"),
    [
        ("user=ann", 2),
        ("machine=ann-laptop", 2),
        ("action=deleted", 1),
        ("start_date=2026-01-02", 1),
        ("end_date=2026-01-01", 2),
        ("user=nobody", 0),
        ("project_id=9", 0),
    ],
)
def test_changes_are_filtered(client: TestClient, shop: int, query: str, changes: int) -> None:
    found = history(client, f"path={FILE}&{query}")
    assert len(found["items"]) == found["summary"]["changes"] == changes


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("src/upload.ts", 3),
        ("./src/../src/upload.ts", 3),
        ("src/*", 4),
        ("src/upl*", 3),
        ("*", 4),
        ("nothing", 0),
        ("../shop/src/log.ts", 1),
    ],
)
def test_a_path_may_be_relative_to_a_project(client: TestClient, shop: int, path: str, changes: int) -> None:
    assert history(client, f"project_id={shop}&path={path}")["summary"]["changes"] == changes


def test_a_relative_path_on_windows_has_backslashes(client: TestClient, connection: Connection) -> None:
    project = seed.add_project(connection, "C:/src/shop")
    seed.add_session(connection, "s-1", project)
    seed.add_activity(connection, "s-1", "2026-01-01T10:00:00Z", "C:\\src\\shop\\a\\b.ts")
    assert [history(client, f"project_id={project}&path={path}")["summary"]["changes"] for path in ("a/b.ts", "a\\b.ts", "a/*")] == [
        1,
        1,
        1,
    ]


def test_a_path_that_cannot_be_found_out_is_refused_in_words(client: TestClient, shop: int) -> None:
    for query, words in (
        ("", "path"),
        ("path=", "path"),
        ("path=src/upload.ts", "give it from the root"),
        ("path=src/upload.ts&project_id=9", "not known"),
        (f"path={FILE}&role=user", "role"),
    ):
        answer = client.get(f"/api/files/history?{query}")
        assert answer.status_code == 400
        assert words in answer.json()["message"]


@pytest.mark.parametrize("path", ["/home/dev/src/file1.py", "/home/dev/src/file1*", "/home/dev/*"])
def test_a_history_is_complete_page_by_page(client: TestClient, connection: Connection, path: str) -> None:
    world.build(connection, sessions=5, events=60)
    whole = history(client, f"path={path}&limit=1000")
    assert [item["id"] for item in pages(client, f"/api/files/history?path={path}", 3)] == [item["id"] for item in whole["items"]]
    assert {item["id"] for item in whole["items"]} == {item["id"] for item in pages(client, f"/api/activities?file_path={path}", 1000)}
    second = history(client, f"path={path}&limit=3&cursor={history(client, f'path={path}&limit=3')['next_cursor']}")
    assert second["summary"] is None


def test_every_prompt_is_the_newest_of_a_person_at_or_before_the_change(client: TestClient, connection: Connection) -> None:
    world.build(connection, sessions=5, events=60)
    said = {
        session_id: [item for item in pages(client, f"/api/conversations?session_id={session_id}", 1000) if item["role"] == "user"]
        for session_id in {item["session_id"] for item in pages(client, "/api/sessions", 1000)}
    }
    for change in pages(client, "/api/files/history?path=/*", 1000):
        before = [
            item
            for item in said.get(change["session_id"], [])
            if item["agent_id"] is None and (item["timestamp"] or "") <= (change["timestamp"] or "")
        ]
        newest = max(((item["timestamp"] or "", item["id"]) for item in before), default=None)
        shown = change["prompt"]
        assert (None if shown is None else (shown["timestamp"] or "", shown["id"])) == newest


def test_a_summary_counts_the_newest_changes_up_to_its_bound(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s-1", 1)
    seed.add_activity(connection, "s-1", "2026-01-01T10:00:00Z", FILE)
    connection.execute(
        "INSERT INTO activities (id, session_id, project_id, user_id, file_key, action, lines_added, lines_removed, occurred_at, received_at)"
        " SELECT gen_random_uuid(), session_id, 1, 0, file_key, 'modified', 1, 0, occurred_at + n * interval '1 s', received_at"
        " FROM activities, generate_series(1, %s) AS n",
        (MOST_COUNTED,),
    )
    found = history(client, f"path={FILE}&limit=1")["summary"]
    assert (found["changes"], found["is_complete"]) == (MOST_COUNTED, False)


def test_files_are_listed_by_their_changes_and_found_by_a_part_of_their_path(client: TestClient, shop: int) -> None:
    upload = {
        "file_path": FILE,
        "project_id": shop,
        "project_name": "shop",
        "changes": 3,
        "lines_added": 33,
        "lines_removed": 33,
        "sessions": 2,
        "last_change": "2026-01-02T10:00:00Z",
    }
    listed = pages(client, "/api/files", 1)
    assert listed[0] == upload
    assert [item["file_path"] for item in listed] == [FILE, "/home/ann/shop/src/log.ts"]
    for query in ("contains=UPLOAD", f"path={FILE}", "path=/home/ann/shop/src/u*", f"contains=upload&project_id={shop}"):
        assert pages(client, f"/api/files?{query}", 1) == [upload]
    assert pages(client, "/api/files?project_id=9", 1) == []


def test_a_list_of_changes_has_their_calls_and_on_demand_their_diffs(client: TestClient, connection: Connection) -> None:
    path = "/api/activities"
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/app"))
    call = seed.add_tool_call(connection, "s", "2026-01-01T10:00:00Z", "Edit")
    seed.add_activity(connection, "s", "2026-01-01T10:01:00Z", FILE)
    seed.add_activity(connection, "s", "2026-01-01T10:02:00Z", FILE, tool_call_id=call, patch="@@ -1 +1 @@\n-a\n+b", patch_left_out=4)

    plain = client.get(path).json()["items"]
    page = client.get(f"{path}?include_patch=true&limit=1").json()
    [older] = client.get(path, params={"include_patch": True, "cursor": page["next_cursor"]}).json()["items"]

    assert [each["tool_call_id"] for each in plain] == [str(call), None]
    assert plain[0].keys() == page["items"][0].keys() - {"patch", "patch_left_out_lines"}
    assert page["items"] == [plain[0] | {"patch": "@@ -1 +1 @@\n-a\n+b", "patch_left_out_lines": 4}]
    assert older == plain[1] | {"patch": None, "patch_left_out_lines": 0}
    assert client.get(f"{path}?include_patch=true&format=csv").text.splitlines()[0].endswith("tool_call_id,patch,patch_left_out_lines")


def test_a_page_of_diffs_is_bounded_in_bytes(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/app"))
    for minute in range(10):
        seed.add_activity(connection, "s", f"2026-01-01T10:0{minute}:00Z", FILE, patch="+" * 1024**2)

    page = client.get("/api/activities?include_patch=true").json()
    rest = client.get("/api/activities", params={"include_patch": True, "cursor": page["next_cursor"]}).json()

    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (8, 2, None)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("start_date=2026-01-01&end_date=2026-01-01", [(FILE, 2), ("/home/ann/shop/src/log.ts", 1)]),
        ("start_date=2026-01-02", [(FILE, 1)]),
        # A day begins where the zone says.
        ("end_date=2026-01-01&tz=Pacific/Auckland", [(FILE, 2), ("/home/ann/shop/src/log.ts", 1)]),
        ("start_date=2026-01-02&end_date=2026-01-02&tz=Pacific/Kiritimati", [(FILE, 2), ("/home/ann/shop/src/log.ts", 1)]),
        ("start_date=2026-01-03", []),
        ("user=bob", [(FILE, 1)]),
        ("machine=ann-laptop", [(FILE, 2), ("/home/ann/shop/src/log.ts", 1)]),
        ("user=ann&start_date=2026-01-02", []),
        ("start_date=2026-01-01&contains=LOG", [("/home/ann/shop/src/log.ts", 1)]),
        ("start_date=2026-01-01&path=/home/ann/shop/src/u*", [(FILE, 3)]),
    ],
)
def test_files_of_days_and_people_count_their_changes_alone(
    client: TestClient, shop: int, query: str, expected: list[tuple[str, int]]
) -> None:
    assert [(file["file_path"], file["changes"]) for file in pages(client, f"/api/files?{query}", 1)] == expected


def test_files_of_every_day_are_those_without_days(client: TestClient, shop: int) -> None:
    whole = client.get("/api/files").json()["items"]

    assert client.get("/api/files?start_date=2026-01-01&end_date=2026-01-02").json()["items"] == whole


@pytest.mark.parametrize("dates", ["", "&start_date=2026-01-01&end_date=2026-01-05"])
@pytest.mark.parametrize("sort", ["changes", "lines_changed", "sessions", "last_change"])
def test_files_are_in_the_asked_order_on_every_page(client: TestClient, connection: Connection, shop: int, sort: str, dates: str) -> None:
    """given files of the same number too, then each is listed once, in both directions."""
    for number in range(5):
        file = f"/home/ann/shop/src/{number}.ts"
        for change in range(number // 2 + 1):
            at = f"2026-01-04T1{change}:0{number % 3}:00Z"
            seed.add_activity(connection, f"s-{change % 2 + 1}", at, file, lines_added=10 - number, lines_removed=number)
    seed.compute_totals(connection)
    everything = client.get(f"/api/files?limit=1000{dates}").json()["items"]
    assert len(everything) == 7

    for order in ("asc", "desc"):
        listed = pages(client, f"/api/files?sort={sort}&order={order}{dates}", 2)
        values = [item["lines_added"] + item["lines_removed"] if sort == "lines_changed" else item[sort] for item in listed]
        assert values == sorted(values, reverse=order == "desc")
        assert sorted(map(str, listed)) == sorted(map(str, everything))
