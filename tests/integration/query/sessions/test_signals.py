"""`GET /api/sessions/{id}/signals`, and what one tool call shows of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from shared.claude_formats.tool_results import tool_call_id
from tests.integration.query import seed
from tests.integration.worker.capture.signals import put_signals, signals_of
from tests.json_answers import json_of
from tests.kept_connection import Connection
from tests.telemetry import Json, event, logs, metric, metrics, point, span, traces

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
CALL = tool_call_id("toolu_1")
REVISION = "3f1c9e2ab47d5608e1f2a3b4c5d6e7f8091a2b3c"
EVENTS = [
    event("api_request", 1, seconds=1, ttft_ms=200, cost_usd=0.25),
    event("api_error", 2, seconds=2, status_code="529", error="overloaded", attempt=3),
    event("api_request", 3, seconds=3, ttft_ms=900, cost_usd=0.5),
    event("tool_decision", 4, seconds=4, tool_use_id="toolu_1", decision="accept", source="user_temporary"),
    event(
        "tool_result", 5, seconds=5, tool_use_id="toolu_1", duration_ms="40", vcs__ref__head__revision=REVISION, vcs__ref__head__name="main"
    ),
    event("tool_decision", 6, seconds=6, tool_use_id="toolu_2", decision="reject", source="user_reject"),
    event("hook_execution_complete", 7, seconds=7, num_hooks="2", total_duration_ms="35"),
    event("mcp_server_connection", 8, seconds=8, status="connected", server_name="github"),
    event("mcp_server_connection", 9, seconds=9, status="failed", server_name="files"),
    event("compaction", 10, seconds=10, trigger="auto", pre_tokens=150_000),
]
POINTS = metrics(
    metric("lines_of_code.count", point(5.0, type="added"), point(1.0, type="removed"), point(7.0, type="added", since=60, seconds=120)),
    metric("commit.count", point(1.0)),
    metric("active_time.total", point(2.5, type="cli"), point(10.0, type="user")),
)
WAIT = traces(span("tool.blocked_on_user", "a3", seconds=3, lasts=2.1, tool_use_id="toolu_1", source="user_temporary"))


def put(connection: Connection, *exports: Json, **whose: Any) -> None:
    put_signals(connection, [signal for export in exports for signal in signals_of(export)], **whose)


@pytest.fixture
def session(connection: Connection) -> str:
    seed.add_session(connection, "s-1", seed.add_project(connection, "/home/ann/shop"))
    found = seed.add_tool_call(connection, "s-1", NOON)
    connection.execute("UPDATE tool_calls SET id = %s WHERE id = %s", (CALL, found))
    return "s-1"


def shown(client: TestClient, path: str = "/api/sessions/s-1/signals") -> dict[str, Any]:
    return json_of(client, path)


def test_signals_come_in_the_order_in_which_they_happened(client: TestClient, connection: Connection, session: str) -> None:
    put(connection, logs(*EVENTS[::-1]))

    page = shown(client)

    assert [item["name"] for item in page["items"]][:4] == ["api_request", "api_error", "api_request", "tool_decision"]
    assert page["items"][3]["tool_call_id"] == str(CALL)
    assert page["items"][1]["attributes"] == {"status_code": "529", "error": "overloaded", "attempt": 3, "event_sequence": 2}
    assert page["next_cursor"] is None


def test_pages_lead_on_and_a_name_chooses(client: TestClient, connection: Connection, session: str) -> None:
    put(connection, logs(*EVENTS))

    first = shown(client, "/api/sessions/s-1/signals?limit=6")
    second = shown(client, f"/api/sessions/s-1/signals?limit=6&cursor={first['next_cursor']}")
    chosen = shown(client, "/api/sessions/s-1/signals?name=mcp_server_connection")

    assert len({item["id"] for item in first["items"] + second["items"]}) == len(EVENTS)
    assert [item["attributes"]["server_name"] for item in chosen["items"]] == ["github", "files"]
    assert chosen["summary"] == first["summary"]


def test_the_summary_says_what_only_telemetry_knows(client: TestClient, connection: Connection, session: str) -> None:
    put(connection, logs(*EVENTS), POINTS, WAIT)

    summary = shown(client)["summary"]

    assert summary == {
        "signals": len(EVENTS) + 6 + 1,
        "first_at": "2026-05-01T10:00:01Z",
        "last_at": "2026-05-01T10:02:00Z",
        "api_requests": 2,
        "api_cost_usd": 0.75,
        "median_ttft_ms": 550.0,
        "max_ttft_ms": 900,
        "api_errors": 1,
        "api_retries": 2,
        "retries_exhausted": 0,
        "accepted_calls": 1,
        "rejected_calls": 1,
        "rejected_by_user": 1,
        "permission_waits": 1,
        "permission_wait_ms": 2100,
        "compactions": 1,
        "hook_runs": 2,
        "hook_ms": 35,
        "mcp_connections": 1,
        "mcp_failures": 1,
        "commits": [{"revision": REVISION, "branch": "main", "timestamp": "2026-05-01T10:00:05Z", "tool_call_id": str(CALL)}],
        "commits_counted": 1.0,
        "pull_requests_counted": None,
        "lines_added_counted": 12.0,
        "lines_removed_counted": 1.0,
        "cost_usd_counted": None,
        "active_seconds_counted": 12.5,
    }


def test_of_a_cumulative_metric_the_last_point_of_each_series_counts(client: TestClient, connection: Connection, session: str) -> None:
    """given two processes, of which the first sent three points that each count from its start."""
    first = [point(value, type="added", seconds=60 * n) for n, value in enumerate((2.0, 5.0, 9.0), start=1)]
    put(connection, metrics(metric("lines_of_code.count", *first, point(4.0, type="added", since=500, seconds=560), temporality=2)))

    assert shown(client)["summary"]["lines_added_counted"] == 13.0


def test_a_session_without_telemetry_has_none(client: TestClient, connection: Connection, session: str) -> None:
    page = shown(client)

    assert page["items"] == []
    assert page["summary"]["signals"] == 0
    assert page["summary"]["first_at"] is None


def test_a_session_that_nothing_is_known_of_is_not_found(client: TestClient) -> None:
    assert client.get("/api/sessions/nobody/signals").status_code == 404


def test_a_session_that_only_telemetry_knows_is_shown_here(client: TestClient, connection: Connection) -> None:
    put(connection, logs(*EVENTS))

    assert shown(client)["summary"]["signals"] == len(EVENTS)
    assert client.get("/api/sessions/s-1").status_code == 404


def test_a_tool_call_shows_the_commit_that_it_made(client: TestClient, connection: Connection, session: str) -> None:
    before = shown(client, f"/api/tool-calls/{CALL}")["telemetry"]
    put(connection, logs(*EVENTS))

    assert set(before.values()) == {None}
    assert shown(client, f"/api/tool-calls/{CALL}")["telemetry"] == {"commit": REVISION, "branch": "main"}


def test_what_another_users_key_brought_is_not_shown(client: TestClient, connection: Connection) -> None:
    """given signals by a key that is bound to bob, and a session that turns out to be ann's."""
    put(connection, logs(*EVENTS), user="bob", bound_user="bob")
    seed.add_session(connection, "s-1", seed.add_project(connection, "/home/ann/shop"), seed.add_user(connection, "ann"))
    found = seed.add_tool_call(connection, "s-1", NOON)
    connection.execute("UPDATE tool_calls SET id = %s WHERE id = %s", (CALL, found))

    assert shown(client)["summary"]["signals"] == 0
    assert shown(client)["items"] == []
    assert shown(client, f"/api/tool-calls/{CALL}")["telemetry"]["commit"] is None


def test_ids_of_calls_are_those_of_transcripts(client: TestClient, connection: Connection, session: str) -> None:
    put(connection, WAIT)

    [item] = shown(client)["items"]
    assert UUID(item["tool_call_id"]) == CALL
