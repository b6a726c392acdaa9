"""Details that only transcripts contain, decisions on calls and thinking are shown; an unknown cost is not shown as zero."""

from datetime import UTC, datetime
from typing import Any

from starlette.testclient import TestClient

from tests.integration.query import seed
from tests.kept_connection import Connection

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def test_details_known_only_from_transcripts_are_shown(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s", 0, title="Fix the build", parent_session_id="before")
    seed.add_message(connection, "s", NOON, "", role="assistant", agent_id="a1")
    seed.add_tool_call(
        connection, "s", NOON, duration_source="timestamps", agent_id="a1", status="error", error_class="test_failed", wait_ms=3
    )
    seed.add_activity(connection, "s", NOON, "/f", is_estimated=True, agent_id="a1")
    seed.add_api_call(connection, "s", NOON, cost_nano_usd=2_000_000_000, model="opus")
    seed.add_api_call(connection, "s", NOON)
    seed.compute_totals(connection)
    session = client.get("/api/sessions/s").json()

    assert [session[name] for name in ("title", "parent_session_id", "api_calls", "unpriced_calls", "cost_usd")] == [
        "Fix the build",
        "before",
        2,
        1,
        2.0,
    ]

    [message] = client.get("/api/conversations").json()["items"]
    assert (message["content"], message["agent_id"]) == ("", "a1")

    [call] = client.get("/api/tool-calls/session/s").json()["items"]
    assert (call["duration_source"], call["agent_id"]) == ("timestamps", "a1")
    assert (call["result_status"], call["error_class"], call["wait_ms"]) == ("error", "test_failed", 3)

    [activity] = client.get("/api/activities").json()["items"]
    assert (activity["is_estimated"], activity["agent_id"]) == (True, "a1")


def test_an_unknown_cost_of_a_project_is_null_and_not_zero(client: TestClient, connection: Connection) -> None:
    """given a project of priced, one of unpriced and one of no API calls, then only that of the first is known, wherever they are shown."""
    costs: dict[str, float | None] = {"priced": 0.5, "unpriced": None, "unused": None}
    for name in costs:
        seed.add_session(connection, name, seed.add_project(connection, f"/{name}"), seed.add_user(connection, name), started_at=NOON)
    seed.add_api_call(connection, "priced", NOON, cost_nano_usd=500_000_000)
    seed.add_api_call(connection, "priced", NOON)
    seed.add_api_call(connection, "unpriced", NOON)
    seed.compute_totals(connection)
    projects = {project["name"]: project for project in client.get("/api/projects").json()}

    assert {name: project["cost_usd"] for name, project in projects.items()} == costs
    assert {session["session_id"]: session["cost_usd"] for session in client.get("/api/sessions").json()["items"]} == costs | {
        "unused": None
    }
    assert {user["user"]: user["cost_usd"] for user in client.get("/api/stats").json()["users"]} == costs

    for name, cost in costs.items():
        stats = client.get(f"/api/projects/{projects[name]['id']}/stats").json()
        assert stats["totals"]["cost_usd"] == stats["time_series"][0]["cost_usd"] == stats["project"]["cost_usd"] == cost


AT = "2026-11-30T09:00:0"


def build(connection: Connection) -> str:
    """A session of one turn: a call that a person refused, and three answers. Gives the call's id."""
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/app"))
    seed.add_message(connection, "s", f"{AT}0Z", "go")
    decided: dict[str, Any] = {
        "status": "rejected",
        "decision": "reject",
        "decision_source": "user_reject",
        "decision_told_by": "telemetry",
    }
    decided |= {"decision_wait_ms": 2100, "is_sandboxed": False}
    call = seed.add_tool_call(connection, "s", f"{AT}2Z", **decided)
    for second, said in enumerate(({"effort": "high", "thinking_ms": 1200}, {"effort": "high", "thinking_ms": 300}, {}), start=1):
        seed.add_api_call(connection, "s", f"{AT}{second}Z", **said)
    return str(call)


def test_a_call_says_who_decided_wherever_it_is_shown(client: TestClient, connection: Connection) -> None:
    call = build(connection)

    of_lists = [client.get("/api/tool-calls").json()["items"][0], client.get("/api/tool-calls/session/s").json()["items"][0]]
    [of_timeline] = [item for item in client.get("/api/sessions/s/timeline").json()["items"] if item["kind"] == "tool_call"]

    for shown in (client.get(f"/api/tool-calls/{call}").json(), *of_lists, of_timeline):
        assert shown["decision"] == {"what": "reject", "source": "user_reject", "wait_ms": 2100, "told_by": "telemetry"}
        assert shown["is_sandboxed"] is False


def test_a_turn_says_its_effort_and_how_long_claude_thought(client: TestClient, connection: Connection) -> None:
    build(connection)

    [turn] = client.get("/api/sessions/s/turns").json()["items"]

    assert (turn["efforts"], turn["thinking_ms"]) == (["high"], 1500)


def test_a_turn_of_which_nothing_is_known_says_nothing(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/app"))
    seed.add_message(connection, "s", f"{AT}0Z", "go")
    seed.add_api_call(connection, "s", f"{AT}1Z")

    [turn] = client.get("/api/sessions/s/turns").json()["items"]

    assert (turn["efforts"], turn["thinking_ms"]) == ([], None)
