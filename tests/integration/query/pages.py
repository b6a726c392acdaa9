"""All pages of a list."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from starlette.testclient import TestClient

from tests.json_answers import json_of

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def pages_of(client: TestClient, path: str, /, **parameters: Any) -> Iterator[dict[str, Any]]:
    """The answers page by page."""
    cursor: dict[str, str] = {}
    while True:
        page = json_of(client, path, params=parameters | cursor)
        yield page
        if page["next_cursor"] is None:
            return
        cursor = {"cursor": page["next_cursor"]}


def pages(client: TestClient, path: str, limit: int) -> list[dict[str, Any]]:
    """All items of a list, whose path may have a query, so many a page."""
    path, _, query = path.partition("?")
    found = [page["items"] for page in pages_of(client, path, **dict(parse_qsl(query, keep_blank_values=True)), limit=limit)]
    assert all(len(items) <= limit for items in found)
    return [item for items in found for item in items]
