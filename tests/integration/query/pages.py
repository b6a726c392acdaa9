"""All pages of a list."""

from datetime import UTC, datetime
from typing import Any

from starlette.testclient import TestClient

from tests.json_answers import json_of

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def pages(client: TestClient, path: str, limit: int) -> list[dict[str, Any]]:
    """All items, page by page."""
    items: list[dict[str, Any]] = []
    joined = path + ("&" if "?" in path else "?") + f"limit={limit}"
    cursor = ""
    while True:
        body = json_of(client, joined + (f"&cursor={cursor}" if cursor else ""))
        items += body["items"]
        assert len(body["items"]) <= limit
        if body["next_cursor"] is None:
            return items
        cursor = body["next_cursor"]
