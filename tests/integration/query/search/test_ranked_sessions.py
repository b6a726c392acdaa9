"""GET /api/search: `ranked`, the sessions that may be meant, below what matches exactly."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from starlette.testclient import TestClient

from tests.integration.query import seed
from tests.integration.query.search.ranking import catch_up

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/search"


def texts_in(connection: psycopg.Connection[Any], sessions: dict[str, list[str]]) -> None:
    """Sessions of a project each, with these prompts a minute apart."""
    for number, (session, texts) in enumerate(sessions.items()):
        seed.add_session(connection, session, seed.add_project(connection, f"/{session}"), last_event_at=NOON + timedelta(hours=number))
        for minute, text in enumerate(texts):
            seed.add_document(connection, session, NOON + timedelta(hours=number, minutes=minute), text)


def asked(client: TestClient, q: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get(PATH, params={"q": q} | parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def ranked(client: TestClient, q: str, **parameters: Any) -> list[str]:
    answer = asked(client, q, **parameters)
    assert answer["ranked"]["is_ready"]
    assert answer["is_complete"], answer["incomplete_because"]
    return [session["session_id"] for session in answer["ranked"]["sessions"]]


def test_any_word_finds_a_session(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    texts_in(connection, {"both": ["redis refuses a connection"], "one": ["the redis is away"], "none": ["something else"]})
    catch_up(client, connection)

    answer = asked(client, "redis connection nobodyknows")

    assert answer["items"] == []
    assert [session["session_id"] for session in answer["ranked"]["sessions"]] == ["both", "one"]
    first = answer["ranked"]["sessions"][0]
    assert [item["snippet"] for item in first["items"]] == ["<mark>redis</mark> refuses a <mark>connection</mark>"]
    assert (first["project_name"], first["timestamp"]) == ("both", "2024-01-15T12:00:00Z")
