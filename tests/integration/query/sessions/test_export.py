"""Exports of a session: each format, failures, and a page that a browser may open."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.integration.query import seed

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PATH = "/api/sessions/s/export"


@pytest.fixture(autouse=True)
def session(connection: psycopg.Connection[Any]) -> None:
    """A prompt, a call and an answer; and 500 more messages, so that it has several pages."""
    seed.add_project(connection, "/home/ann/shop")
    seed.add_session(connection, "s", 1, title="Retry uploads")
    seed.add_message(connection, "s", NOON, "please retry <b>uploads</b>")
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=1), parameters='{"command": "make test"}', result="42 passed")
    seed.add_message(connection, "s", NOON + timedelta(seconds=2), "**Done.**", role="assistant")
    for number in range(500):
        seed.add_message(connection, "s", NOON + timedelta(seconds=10 + number), f"word{number}", role="assistant")
    seed.compute_aggregates(connection)


def test_markdown_has_everything_in_order(new_client: TestClient) -> None:
    answer = new_client.get(PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/markdown; charset=utf-8")
    assert answer.headers["content-disposition"] == 'attachment; filename="session-s.md"'
    assert answer.headers["x-data-as-of"]
    places = [answer.text.index(each) for each in ("# Retry uploads", "> please retry", "make test", "**Done.**", "word0\n", "word499")]
    assert places == sorted(places)
    assert "42 passed" not in answer.text
    assert "42 passed" in new_client.get(f"{PATH}?tools=full").text
    assert "make test" not in new_client.get(f"{PATH}?tools=none").text


def test_html_may_be_opened_in_a_browser(client: TestClient) -> None:
    answer = client.get(f"{PATH}?format=html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert answer.headers["cross-origin-opener-policy"] == "unsafe-none"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "please retry &lt;b&gt;uploads&lt;/b&gt;" in answer.text
    assert "<strong>Done.</strong>" in answer.text
    assert "42 passed" in answer.text
    assert answer.text.rstrip().endswith("</html>")


def test_json_is_the_session_with_its_timeline(client: TestClient) -> None:
    exported = json.loads(client.get(f"{PATH}?format=json").text)
    session = client.get("/api/sessions/s").json()
    timeline = client.get("/api/sessions/s/timeline?limit=1000&threads=all").json()
    assert exported["session"] == session | {"models": [], "project_path": "/home/ann/shop"}
    assert exported["items"] == timeline["items"]


def test_a_digest_is_short(client: TestClient) -> None:
    answer = client.get(f"{PATH}?format=digest")
    assert answer.headers["content-disposition"] == 'attachment; filename="session-s.digest.md"'
    assert "1. please retry" in answer.text
    assert "`make test` ✓ passed" in answer.text
    assert "42 passed" not in answer.text


def test_failures_have_their_status(client: TestClient) -> None:
    assert client.get("/api/sessions/nobody/export").json()["code"] == "SESSION_NOT_FOUND"
    for query in (
        "format=pdf",
        "tools=some",
        "format=json&tools=full",
        "format=digest&include_thinking=true",
        "tz=Mars/Olympus",
        "limit=1",
    ):
        assert client.get(f"{PATH}?{query}").status_code == 400, query
    head = client.head(f"{PATH}?format=html")
    assert (head.status_code, head.content) == (200, b"")


def test_a_timeline_is_also_a_table(client: TestClient) -> None:
    lines = client.get("/api/sessions/s/timeline?format=ndjson").text.splitlines()
    assert [json.loads(line)["offset"] for line in lines] == list(range(503))
    cells = client.get("/api/sessions/s/timeline?format=csv&limit=3").text
    assert cells.startswith("id,timestamp,agent_id,offset,")
    assert "please retry <b>uploads</b>" in cells
