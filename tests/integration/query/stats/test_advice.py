"""Advice: each kind is counted as it says, costs what it says, and names its sessions. A made-up session for each."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg.types.json import Json
from starlette.testclient import TestClient

from tests.integration.query import seed
from tests.kept_connection import Connection

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OPUS = "claude-opus-4-5-20251101"


@pytest.fixture
def project(connection: Connection) -> int:
    return seed.add_project(connection, "/home/ann/shop")


@pytest.fixture
def session(connection: Connection, project: int) -> str:
    seed.add_session(connection, "s", project, seed.add_user(connection, "ann"), started_at=NOON, title="Mend the shop")
    return "s"


def asked(client: TestClient, **parameters: Any) -> dict[str, Any]:
    answer = client.get("/api/advice", params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def kinds(client: TestClient, connection: Connection, **parameters: Any) -> dict[str, Any]:
    """By name, after the totals of the sessions are computed."""
    seed.compute_totals(connection)
    return {kind["kind"]: kind for kind in asked(client, **parameters)["kinds"]}


def api_call(connection: Connection, at: datetime, *, read: int = 0, written: int = 0, session: str = "s", **columns: Any) -> None:
    """It costs a dollar for each million tokens that it writes to the cache, and nothing else."""
    cost = written * 1_000
    columns = {
        "model": OPUS,
        "cost_nano_usd": cost,
        "uncached_nano_usd": cost,
        "cache_saved_nano_usd": 0,
        "cache_write_nano_usd": cost,
    } | columns
    seed.add_api_call(connection, session, at, cache_read_tokens=read, cache_write_5m_tokens=written, **columns)


def shell(connection: Connection, at: datetime, command: str, error_class: str | None = None, session: str = "s", **columns: Any) -> None:
    """A command, which failed if it has a class."""
    columns = ({"status": "error", "error_class": error_class} if error_class else {}) | columns
    seed.add_tool_call(connection, session, at, parameters=Json({"command": command}), **columns)


def edit(connection: Connection, at: datetime, path: str, tool_name: str = "Edit", session: str = "s", **columns: Any) -> None:
    seed.add_tool_call(connection, session, at, tool_name, parameters=Json({"file_path": path}), **columns)


def only_line(kind: dict[str, Any]) -> dict[str, Any]:
    [line] = kind["lines"]
    found: dict[str, Any] = line
    return found


def test_pauses_and_switches_cost_what_was_written_again(client: TestClient, connection: Connection, session: str) -> None:
    api_call(connection, NOON, written=100_000)
    # Given a pause within the time that the cache is kept, one beyond it, and another model
    api_call(connection, NOON + 4 * MINUTE, read=100_000)
    api_call(connection, NOON + 30 * MINUTE, written=100_000)
    api_call(connection, NOON + 31 * MINUTE, written=100_000, model="claude-haiku-4-5")

    found = kinds(client, connection)

    assert {name: (kind["amount"], kind["cost_usd"], kind["is_estimated"]) for name, kind in found.items()} == {
        "pauses": (1, pytest.approx(0.1), False),
        "switches": (1, pytest.approx(0.1), False),
    }
    line = only_line(found["pauses"])
    assert line["sentence"] == "ann: week of Mon 15 Jan 2024, 1 pause. To write the cache again cost $0.10."
    assert (line["sessions"], [(each["session_id"], each["title"], each["project_name"]) for each in line["examples"]]) == (
        1,
        [("s", "Mend the shop", "shop")],
    )


def test_sessions_compacted_twice_and_those_that_end_full_are_told(
    client: TestClient, connection: Connection, session: str, project: int
) -> None:
    for number in range(2):
        api_call(connection, NOON + 2 * number * MINUTE, written=50_000)
        seed.add_timeline_entry(connection, "s", NOON + (2 * number + 1) * MINUTE, "compaction", details=Json({"type": "compaction"}))
    seed.add_session(connection, "full", project, started_at=NOON)
    api_call(connection, NOON, read=140_000, session="full")
    api_call(connection, NOON + MINUTE, read=150_000, session="full")

    lines = kinds(client, connection)["contexts"]["lines"]

    assert [line["sentence"] for line in lines] == [
        "1 session was compacted several times, 2 times in all. To write the summaries to the cache cost $0.05.",
        "1 session ended with three quarters of the context window used, or more.",
    ]


def test_failures_have_the_next_command_that_worked(client: TestClient, connection: Connection, session: str) -> None:
    shell(connection, NOON, "cd shop && git push", "git_refused")
    shell(connection, NOON + MINUTE, "git status")
    shell(connection, NOON + 2 * MINUTE, "git push -u origin main")
    shell(connection, NOON + 3 * MINUTE, "git push", "git_refused")
    # Neither counts: it is another thread that pushes, and tests fail as they should.
    shell(connection, NOON + 4 * MINUTE, "git push --all", agent_id="a")
    for number in range(3):
        shell(connection, NOON + (5 + number) * MINUTE, f"npm test {number}", "test_failed")
    api_call(connection, NOON, written=9_000_000)

    found = kinds(client, connection)

    line = only_line(found["failures"])
    assert (line["subject"], line["amount"], line["failed_command"], line["fix"]) == (
        "git push",
        2,
        "cd shop && git push",
        "git push -u origin main",
    )
    assert line["sentence"] == "Git refused: failed 2 times. Later in the session the program worked after 1 of them."
    # Nine dollars in eight calls of tools, of which two failed
    assert (found["failures"]["is_estimated"], line["cost_usd"]) == (True, pytest.approx(9 / 8 * 2))


def test_a_command_that_fails_three_times_is_told_with_what_was_not_changed(
    client: TestClient, connection: Connection, session: str
) -> None:
    for number in range(4):
        shell(connection, NOON + number * MINUTE, "make", "build_failed")
    edit(connection, NOON + 2.5 * MINUTE, "/home/ann/shop/a.py")
    for number in range(2):
        shell(connection, NOON + number * MINUTE, "make test", "test_failed")

    line = only_line(kinds(client, connection)["retries"])

    assert (line["subject"], line["sentence"]) == ("make", "Failed 4 times, 2 of them with no file changed since it had failed before.")


def test_a_file_read_four_times_without_a_change_is_told(client: TestClient, connection: Connection, session: str) -> None:
    for number in range(4):
        edit(connection, NOON + number * MINUTE, "/home/ann/shop/a.py", "Read")
        edit(connection, NOON + number * MINUTE, "/home/ann/shop/b.py", "Read")
    edit(connection, NOON + 1.5 * MINUTE, "/home/ann/shop/b.py")

    line = only_line(kinds(client, connection)["rereads"])

    assert (line["subject"], line["amount"], line["cost_usd"]) == ("/home/ann/shop/a.py", 3, None)


@pytest.mark.parametrize(
    ("tool_name", "parameters", "rule"),
    [
        ("Bash", {"command": "npm test -- shop"}, "Bash(npm test:*)"),
        ("Bash", {"command": "rg shop"}, "Bash(rg:*)"),
        ("Bash", {"command": "ls -la"}, "Bash(ls:*)"),
        ("Bash", {"command": "npm test; rm -r shop"}, None),
        ("Bash", {"command": "rm -r shop"}, None),
        ("Bash", {"command": "git push --force"}, None),
        ("Bash", {"command": "docker run shop"}, None),
        ("Write", {"file_path": "/home/ann/shop/a.py"}, "Edit"),
        ("WebFetch", {"url": "https://example.org/a"}, "WebFetch(domain:example.org)"),
        ("mcp__docs__look_up", {"name": "shop"}, "mcp__docs__look_up"),
    ],
)
def test_permissions_that_were_always_given_have_their_rule(
    client: TestClient, connection: Connection, session: str, tool_name: str, parameters: dict[str, str], rule: str | None
) -> None:
    for number in range(3):
        decided = {"decision": "accept", "decision_source": "user_temporary", "decision_wait_ms": 60_000}
        seed.add_tool_call(connection, "s", NOON + number * MINUTE, tool_name, parameters=Json(parameters), **decided)

    found = kinds(client, connection)
    assert [(line["subject"], line["fix"], line["sentence"]) for line in found.get("prompts", {"lines": []})["lines"]] == (
        [(rule, rule, "Asked 3 times, always allowed. Waited 3 min.")] if rule else []
    )

    # One refusal, and it was not always given
    seed.add_tool_call(
        connection, "s", NOON, tool_name, parameters=Json(parameters), status="rejected", decision="reject", decision_source="user_reject"
    )
    assert "prompts" not in kinds(client, connection)


def test_servers_that_no_session_uses_are_told(client: TestClient, connection: Connection, session: str) -> None:
    for name in ("docs", "my browser"):
        told = {"server_name": name, "status": "connected"}
        connection.execute(
            "INSERT INTO signals (id, session_id, kind, name, occurred_at, attributes, received_at, is_new)"
            " VALUES (gen_random_uuid(), 's', 'event', 'mcp_server_connection', %s, %s, %s, false)",
            (NOON, Json(told), NOON),
        )
    seed.add_tool_call(connection, "s", NOON, "mcp__my_browser__click")

    line = only_line(kinds(client, connection)["servers"])

    assert (line["subject"], line["fix"]) == ("docs", "claude mcp remove docs")


def test_lines_that_a_later_session_removes_are_rework(client: TestClient, connection: Connection, session: str, project: int) -> None:
    path = "/home/ann/shop/a.py"
    seed.add_session(connection, "later", project, started_at=NOON + 60 * MINUTE)
    seed.add_activity(connection, "s", NOON, path, patch="@@ -1 +1,3 @@\n+price = 1 + tax\n+total = price * 2\n+x = 1")
    # Given one line that is only moved, one that goes, one that is too short to tell, and one that another session did not write
    seed.add_activity(
        connection,
        "later",
        NOON + 61 * MINUTE,
        path,
        patch="@@ -1,3 +1 @@\n-price = 1 + tax\n-total = price * 2\n+price = 1 + tax\n-x = 1\n-old = True, False",
    )

    line = only_line(kinds(client, connection)["rework"])

    assert (line["subject"], line["amount"], line["examples"][0]["session_id"]) == (path, 1, "later")


def test_work_is_measured_by_model_and_around_a_day(client: TestClient, connection: Connection, session: str, project: int) -> None:
    seed.add_session(connection, "mixed", project, started_at=NOON)
    for at, model, name in ((NOON, OPUS, "s"), (NOON, OPUS, "mixed"), (NOON + MINUTE, "claude-haiku-4-5", "mixed")):
        api_call(connection, at, written=1_000_000, model=model, session=name)
    edit(connection, NOON, "/a", status="error", error_class="edit_not_matched")
    edit(connection, NOON + MINUTE, "/a")
    edit(connection, NOON + 2 * MINUTE, "/a")
    shell(connection, NOON, "ls x", "file_not_found")
    shell(connection, NOON + MINUTE, "ls x")
    edit(connection, NOON + timedelta(days=1), "/b", session="mixed")
    seed.compute_totals(connection)

    found = asked(client, split="2024-01-16")

    expected = {
        "of": OPUS, "sessions": 1, "api_calls": 1, "unpriced_calls": 0, "cost_usd": 1, "tool_calls": 5, "failed_calls": 2, "edits": 2,
        "first_tries": 1, "retries": 1, "cost_per_edit_usd": 0.5,
    }  # fmt: skip
    assert found["models"] == [expected]
    assert [(each["of"], each["edits"], each["cost_usd"]) for each in found["split"]] == [("before", 2, 3)]
    assert client.get("/api/advice?split=2024-02-30").status_code == 400


def test_filters_and_dates_choose_the_sessions(client: TestClient, connection: Connection, session: str, project: int) -> None:
    seed.add_session(connection, "other", seed.add_project(connection, "/home/bob/site"), seed.add_user(connection, "bob"), started_at=NOON)
    for name in ("s", "other"):
        for number in range(3):
            shell(connection, NOON + number * MINUTE, "make", "wrong_usage", session=name)
    seed.compute_totals(connection)

    def sessions(**parameters: Any) -> tuple[int, int]:
        found = asked(client, **parameters)
        return found["sessions"], sum(line["sessions"] for kind in found["kinds"] if kind["kind"] == "retries" for line in kind["lines"])

    assert sessions() == (2, 2)
    assert (
        sessions(user="bob")
        == sessions(project_id=project)
        == sessions(start_date="2024-01-15", end_date="2024-01-15", user="ann")
        == (1, 1)
    )
    assert sessions(start_date="2024-01-16") == sessions(end_date="2024-01-14") == sessions(model=OPUS) == (0, 0)
    assert asked(client, lines=1)["kinds"][0]["lines_left_out"] == 0


def test_an_empty_tracker_advises_nothing(client: TestClient) -> None:
    found = asked(client)

    assert (found["sessions"], found["sessions_left_out"], found["kinds"], found["models"], found["split"]) == (0, 0, [], [], [])


def test_a_session_without_a_date_is_read_too(client: TestClient, connection: Connection, project: int) -> None:
    seed.add_session(connection, "undated", project)
    for _ in range(3):
        seed.add_tool_call(
            connection, "undated", seed.UNDATED, parameters=Json({"command": "make"}), status="error", error_class="wrong_usage"
        )

    found = kinds(client, connection)

    assert only_line(found["retries"])["examples"][0] | {"item_id": None, "title": None} == {
        "session_id": "undated", "title": None, "project_name": "shop", "start_time": None, "amount": 3, "cost_usd": None, "item_id": None,
    }  # fmt: skip
