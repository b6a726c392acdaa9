"""All pages of a list."""

from datetime import UTC, datetime
from typing import Any

from starlette.testclient import TestClient

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def pages(client: TestClient, path: str, limit: int) -> list[dict[str, Any]]:
    """All items, page by page."""
    items: list[dict[str, Any]] = []
    joined = path + ("&" if "?" in path else "?") + f"limit={limit}"
    cursor = ""
    while True:
        answer = client.get(joined + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, answer.text
        body = answer.json()
        items += body["items"]
        assert len(body["items"]) <= limit
        if body["next_cursor"] is None:
            return items
        cursor = body["next_cursor"]
