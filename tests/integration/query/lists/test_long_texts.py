"""Lists of very long texts: a page is bounded in bytes too, and every row is shown once."""

import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from services.query.queries.lists.paging import PAGE_BYTES
from tests.integration.caught_up import catch_up
from tests.integration.query import seed
from tests.kept_connection import Connection

MEBIBYTE = 1024**2
NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
ROWS = 40
LISTS = {
    "conversations": "/api/conversations?limit=1000",
    "search": "/api/conversations/search?q=needle&limit=1000",
    "search of a phrase": "/api/conversations/search?q=%22needle%20needle%22&limit=1000",
    "search, newest": "/api/conversations/search?q=needle&sort=newest&limit=1000",
    "no search": "/api/conversations/search?limit=1000",
    "tool calls": "/api/tool-calls/session/s?limit=1000",
}


def text_of(item: dict[str, Any]) -> str:
    return str(item["content"] if "content" in item else item["parameters"]["text"])


@pytest.fixture(scope="module")
def ids(kept_connection: Connection, kept_client: TestClient) -> set[str]:
    """Messages and tool calls of a megabyte each, all indexed."""
    seed.add_project(kept_connection, "/p")
    seed.add_session(kept_connection, "s", 1)
    text = "needle " * (MEBIBYTE // 7)
    made = set()
    for number in range(ROWS):
        at = NOON + timedelta(seconds=number)
        made.add(str(seed.add_message(kept_connection, "s", at, text)))
        made.add(str(seed.add_tool_call(kept_connection, "s", at, parameters=psycopg.types.json.Json({"text": text}))))
    catch_up(kept_client)
    return made


@pytest.mark.parametrize("path", LISTS.values(), ids=LISTS)
def test_a_page_of_long_texts_ends_at_eight_megabytes_and_the_next_continues(kept_client: TestClient, ids: set[str], path: str) -> None:
    shown: list[str] = []
    cursor = ""
    while True:
        body = kept_client.get(path + cursor).json()
        assert sum(len(text_of(item)) for item in body["items"]) <= PAGE_BYTES
        shown += [item["id"] for item in body["items"]]
        if body["next_cursor"] is None:
            break
        # More than one: a page is as full as it may be.
        assert len(body["items"]) > 4
        cursor = f"&cursor={body['next_cursor']}"

    assert len(shown) == ROWS
    assert set(shown) < ids


def test_a_text_longer_than_a_page_is_a_page_of_its_own(client: TestClient, connection: Connection) -> None:
    # Given tool calls, whose parameters have no bound but the request's, between short ones
    seed.add_project(connection, "/p")
    seed.add_session(connection, "s", 1)
    for number, length in enumerate((1, PAGE_BYTES + 1, PAGE_BYTES + 1, 1, 1)):
        parameters = psycopg.types.json.Json({"text": "x" * length})
        seed.add_tool_call(connection, "s", NOON + timedelta(seconds=number), parameters=parameters)

    # When they are read page by page, then each is there, and no page is empty
    sizes = []
    cursor: str | None = ""
    while cursor is not None:
        body = client.get(f"/api/tool-calls/session/s?limit=1000{cursor and f'&cursor={cursor}'}").json()
        sizes.append(len(body["items"]))
        cursor = body["next_cursor"]
    assert sizes == [1, 1, 1, 2]


def test_rows_beyond_the_page_are_not_read_into_memory(kept_client: TestClient, ids: set[str]) -> None:
    kept_client.get("/api/conversations?limit=1")
    tracemalloc.start()
    kept_client.get("/api/conversations?limit=1000")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # The texts, the answer, and its copy in the test's kept_client; 40 would be 120 and more.
    assert peak < 5 * PAGE_BYTES
