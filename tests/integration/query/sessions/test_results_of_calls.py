"""What tool calls gave back: in lists if it is asked for, and whole for one call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from services.query.queries.lists.paging import PAGE_BYTES
from tests.integration.query import seed

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
MEDIA = [{"type": "image/png", "bytes": 100}]
LISTS = ["/api/tool-calls", "/api/tool-calls/session/s"]


@pytest.fixture
def cut_call(connection: psycopg.Connection[Any]) -> str:
    """A call with a result from which 7 characters were left out."""
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/shop"))
    stored = {"result": "begend", "result_left_out": 7, "result_cut_at": 3, "result_media": psycopg.types.json.Json(MEDIA)}
    return str(seed.add_tool_call(connection, "s", NOON, **stored))


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_results_only_if_they_are_asked_for(client: TestClient, cut_call: str, path: str) -> None:
    [without] = client.get(path).json()["items"]
    [with_result] = client.get(f"{path}?include_result=true").json()["items"]

    assert "result" not in without
    assert with_result == without | {"result": {"text": "begend", "left_out_characters": 7, "cut_at_character": 3, "media": MEDIA}}


def test_a_call_without_a_result_has_null(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/shop"))
    seed.add_tool_call(connection, "s", NOON)

    [call] = client.get("/api/tool-calls?include_result=true").json()["items"]

    assert call["result"] is None


def test_pages_with_long_results_are_bounded_and_every_call_is_shown_once(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    """given calls with results of a megabyte, then a page ends at eight, a cursor leads on, and it fits lists without results too."""
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/shop"))
    made = {str(seed.add_tool_call(connection, "s", NOON + timedelta(seconds=n), result="x" * 1024**2)) for n in range(20)}

    first = client.get("/api/tool-calls?include_result=true&limit=1000").json()
    rest = client.get(f"/api/tool-calls?limit=1000&cursor={first['next_cursor']}").json()

    assert 4 < len(first["items"]) <= PAGE_BYTES // 1024**2
    assert [item["id"] for item in first["items"] + rest["items"]] == list(
        dict.fromkeys(item["id"] for item in first["items"] + rest["items"])
    )
    assert {item["id"] for item in first["items"] + rest["items"]} == made
    assert rest["next_cursor"] is None
