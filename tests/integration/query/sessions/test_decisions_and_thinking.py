"""Who allowed a call, and how much Claude thought, where people look: at the call, in the lists, in the timeline and at the turn."""

from typing import Any

import psycopg
from starlette.testclient import TestClient

from tests.integration.query import seed

AT = "2026-11-30T09:00:0"


def build(connection: psycopg.Connection[Any]) -> str:
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


def test_a_call_says_who_decided_wherever_it_is_shown(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    call = build(connection)

    of_lists = [client.get("/api/tool-calls").json()["items"][0], client.get("/api/tool-calls/session/s").json()["items"][0]]
    [of_timeline] = [item for item in client.get("/api/sessions/s/timeline").json()["items"] if item["kind"] == "tool_call"]

    for shown in (client.get(f"/api/tool-calls/{call}").json(), *of_lists, of_timeline):
        assert shown["decision"] == {"what": "reject", "source": "user_reject", "wait_ms": 2100, "told_by": "telemetry"}
        assert shown["is_sandboxed"] is False


def test_a_turn_says_its_effort_and_how_long_claude_thought(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    build(connection)

    [turn] = client.get("/api/sessions/s/turns").json()["items"]

    assert (turn["efforts"], turn["thinking_ms"]) == (["high"], 1500)


def test_a_turn_of_which_nothing_is_known_says_nothing(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/app"))
    seed.add_message(connection, "s", f"{AT}0Z", "go")
    seed.add_api_call(connection, "s", f"{AT}1Z")

    [turn] = client.get("/api/sessions/s/turns").json()["items"]

    assert (turn["efforts"], turn["thinking_ms"]) == ([], None)
