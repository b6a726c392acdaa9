"""The turns of a session: each prompt with what followed; their sums are the session's."""

from datetime import timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.integration.query import seed
from tests.integration.query.pages import pages
from tests.integration.query.sessions.timelines import NOON, fill, read

Connection = psycopg.Connection[Any]


def test_the_sums_of_turns_are_the_sessions(client: TestClient, connection: Connection, session: str) -> None:
    for number in range(6):
        for table in ("messages", "tool_calls", "activities", "api_calls", "timeline_entries"):
            connection.execute(f"TRUNCATE {table}".encode())
        fill(connection, Random(number), 80)
        turns = client.get("/api/sessions/s/turns?limit=200").json()["items"]
        whole = client.get("/api/sessions/s").json()

        assert [turn["number"] for turn in turns] == list(range(turns[0]["number"], turns[0]["number"] + len(turns)))
        assert turns[0]["number"] in (0, 1)
        for name, of_session in {"messages": "messages_count", "tool_calls": "tool_calls_count"}.items():
            assert sum(turn[name] for turn in turns) == whole[of_session]
        for name in ("lines_added", "lines_removed", "input_tokens", "output_tokens", "cache_read_tokens", "api_calls", "unpriced_calls"):
            assert sum(turn[name] for turn in turns) == whole[name]
        assert sum(turn["cost_usd"] or 0 for turn in turns) == pytest.approx(whole["cost_usd"] or 0)
        assert sum(turn["active_seconds"] for turn in turns) / 60 == pytest.approx(whole["active_minutes"], abs=0.06)
        assert pages(client, "/api/sessions/s/turns", 3) == turns
        assert pages(client, "/api/sessions/s/turns", 1) == turns
        # Each leads to its place in the timeline.
        for turn in turns:
            if turn["first_item_id"]:
                [item] = read(client, around=turn["first_item_id"], limit=1)["items"]
                assert (item["turn"], item["content"]) == (turn["number"], turn["prompt"])


def test_the_first_turn_has_the_time_since_the_sessions_start(client: TestClient, connection: Connection, session: str) -> None:
    seed.add_tool_call(connection, "s", NOON - timedelta(minutes=1))
    for minute in range(3):
        seed.add_message(connection, "s", NOON + timedelta(minutes=minute))
    seed.compute_aggregates(connection)
    # Given a start that is earlier than the first row
    start, first = NOON - timedelta(minutes=3), NOON - timedelta(minutes=1)
    connection.execute("UPDATE sessions SET active_ranges = active_ranges + tstzmultirange(tstzrange(%s, %s))", (start, first))

    turns = client.get("/api/sessions/s/turns").json()["items"]

    assert [(turn["number"], turn["tool_calls"], turn["active_seconds"]) for turn in turns] == [
        (0, 1, 180),
        (1, 0, 60),
        (2, 0, 60),
        (3, 0, 0),
    ]
    assert pages(client, "/api/sessions/s/turns", 1) == turns


def test_a_turn_has_its_tools_and_files(client: TestClient, connection: Connection, session: str) -> None:
    seed.add_message(connection, "s", NOON, "x" * 600)
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=1), "Edit")
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=2), "Bash", status="error")
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=3), "Bash", agent_id="a")
    seed.add_activity(connection, "s", NOON + timedelta(seconds=1), "/home/ann/shop/a.py")
    seed.add_api_call(connection, "s", NOON + timedelta(seconds=1), model="opus", cost_nano_usd=10**9)

    [turn] = client.get("/api/sessions/s/turns").json()["items"]

    assert (turn["number"], len(turn["prompt"]), turn["prompt_is_cut"], turn["cost_usd"]) == (1, 500, True, 1.0)
    assert (turn["start_time"], turn["end_time"]) == ("2026-01-15T12:00:00Z", "2026-01-15T12:00:03Z")
    assert turn["tools"] == [{"tool_name": "Bash", "calls": 2, "errors": 1}, {"tool_name": "Edit", "calls": 1, "errors": 0}]
    assert turn["files"] == [{"file_path": "/home/ann/shop/a.py", "touches": 1, "lines_added": 3, "lines_removed": 1}]
    assert (turn["models"], turn["subagents"], turn["tool_errors"]) == (["opus"], ["a"], 1)
    assert client.get("/api/sessions/nowhere/turns").json()["code"] == "SESSION_NOT_FOUND"
