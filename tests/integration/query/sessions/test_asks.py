"""Titles with their source wherever a session is told of, and commands that Claude answered: they begin turns, and are counted beside prompts."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from psycopg.types.json import Json
from starlette.testclient import TestClient

from tests.integration.query import seed
from tests.kept_connection import Connection

At = Callable[[float], datetime]


@pytest.fixture
def at() -> At:
    """The time some minutes after the beginning: within the last hour, so that the session is on the live board."""
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=50)
    return lambda minutes: begin + timedelta(minutes=minutes)


@pytest.fixture
def session(connection: Connection, at: At) -> str:
    """An open session: /clear, /review 42 with an answer and a call, a prompt, a subagent's command, /commit."""
    project = seed.add_project(connection, "/home/ann/shop")
    seed.add_session(connection, "s", project, started_at=at(0), title="/review 42", title_source="command")
    asked = Json({"type": "prompt"})
    seed.add_timeline_entry(connection, "s", at(0), "command", "/clear")
    seed.add_timeline_entry(connection, "s", at(1), "command", "/review 42", details=asked)
    seed.add_message(connection, "s", at(2), "Fine.", role="assistant")
    seed.add_tool_call(connection, "s", at(2))
    seed.add_message(connection, "s", at(3), "fix it")
    seed.add_timeline_entry(connection, "s", at(4), "command", "/explore", details=asked, agent_id="a1")
    seed.add_timeline_entry(connection, "s", at(5), "command", "/commit", details=asked)
    seed.add_api_call(connection, "s", at(6), model="opus", cost_nano_usd=10**9)
    seed.compute_totals(connection)
    return "s"


def test_a_command_that_claude_answered_begins_a_turn(client: TestClient, session: str) -> None:
    turns = client.get("/api/sessions/s/turns").json()["items"]

    assert [(turn["number"], turn["prompt"], turn["messages"], turn["tool_calls"], turn["cost_usd"]) for turn in turns] == [
        (0, None, 0, 0, None),
        (1, "/review 42", 1, 1, None),
        (2, "fix it", 1, 0, None),
        (3, "/commit", 0, 0, 1.0),
    ]
    timeline = client.get("/api/sessions/s/timeline", params={"around": turns[1]["first_item_id"]}).json()
    assert [(item["kind"], item["turn"]) for item in timeline["items"] if item["kind"] in ("command", "message", "tool_call")] == [
        ("command", 0),
        ("command", 1),
        ("message", 1),
        ("tool_call", 1),
        ("message", 2),
        ("command", 3),
    ]
    assert timeline["totals"]["turns"] == 3


def test_commands_are_counted_beside_prompts(client: TestClient, session: str, at: At) -> None:
    [listed] = client.get("/api/sessions", params={"include_share": True, "end_date": at(4).isoformat()}).json()["items"]
    one = client.get("/api/sessions/s").json()

    for found in (listed, one):
        assert (found["messages_count"], found["user_messages"], found["commands"]) == (2, 1, 2)
    assert (listed["share"]["messages"], listed["share"]["user_messages"], listed["share"]["commands"]) == (2, 1, 1)


def test_a_day_and_the_live_board_show_commands_as_asks(client: TestClient, session: str, at: At) -> None:
    asks = [
        ask["text"]
        for day in sorted({at(minutes).date() for minutes in (1, 3, 5)})
        for found in client.get(f"/api/days/{day}").json()["sessions"]
        for ask in found["asks"]
    ]
    [live] = client.get("/api/live/sessions").json()["items"]

    assert asks == ["/review 42", "fix it", "/commit"]
    assert live["last_prompt"] == "/commit"


@pytest.mark.usefixtures("has_index")
@pytest.mark.parametrize(
    ("own", "stored", "expected"),
    [
        (None, ("/review 42", "command"), ("/review 42", "command")),
        (None, ("Fix uploads", "claude"), ("Fix uploads", "claude")),
        (None, (None, None), (None, None)),
        ("Mine", ("/review 42", "command"), ("Mine", "person")),
        ("Mine", (None, None), ("Mine", "person")),
    ],
)
def test_the_title_is_told_with_its_source(
    client: TestClient,
    connection: Connection,
    session: str,
    at: At,
    own: str | None,
    stored: tuple[str | None, str | None],
    expected: tuple[str | None, str | None],
) -> None:
    connection.execute("UPDATE sessions SET title = %s, title_source = %s", stored)
    connection.execute("INSERT INTO session_marks (session_id, title) VALUES ('s', %s)", [own])

    [listed] = client.get("/api/sessions").json()["items"]
    [live] = client.get("/api/live/sessions").json()["items"]
    [of_day] = client.get(f"/api/days/{at(3).date()}").json()["sessions"]
    for found in (listed, client.get("/api/sessions/s").json(), live, of_day):
        assert (found["title"], found["title_source"]) == expected
    [by_session] = client.get("/api/search", params={"q": "fix", "group_by": "session"}).json()["sessions"]
    [match] = client.get("/api/search", params={"q": "fix", "kind": "message"}).json()["items"]
    for found in (by_session, match):
        assert (found["session_title"], found["session_title_source"]) == expected
