"""Exports of a session: each format, and failures."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from tests.integration.query import seed
from tests.kept_connection import Connection

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PATH = "/api/sessions/s/export"


@pytest.fixture(autouse=True)
def session(connection: Connection) -> None:
    """A prompt, a call and an answer; and 500 more messages, so that it has several pages."""
    seed.add_project(connection, "/home/ann/shop")
    seed.add_session(connection, "s", 1, title="Retry uploads")
    seed.add_message(connection, "s", NOON, "please retry <b>uploads</b>")
    seed.add_tool_call(connection, "s", NOON + timedelta(seconds=1), parameters='{"command": "make test"}', result="42 passed")
    seed.add_message(connection, "s", NOON + timedelta(seconds=2), "**Done.**", role="assistant")
    for number in range(500):
        seed.add_message(connection, "s", NOON + timedelta(seconds=10 + number), f"word{number}", role="assistant")
    seed.compute_totals(connection)


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
        "format=html",
        "tools=some",
        "format=digest&tools=full",
        "format=digest&include_thinking=true",
        "tz=Mars/Olympus",
        "limit=1",
    ):
        assert client.get(f"{PATH}?{query}").status_code == 400, query
    head = client.head(f"{PATH}?format=digest")
    assert (head.status_code, head.content) == (200, b"")


def test_a_timeline_is_also_a_table(client: TestClient) -> None:
    lines = client.get("/api/sessions/s/timeline?format=ndjson").text.splitlines()
    assert [json.loads(line)["offset"] for line in lines] == list(range(503))
    cells = client.get("/api/sessions/s/timeline?format=csv&limit=3").text
    assert cells.startswith("id,timestamp,agent_id,offset,")
    assert "please retry <b>uploads</b>" in cells
