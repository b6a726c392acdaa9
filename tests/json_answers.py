"""Answers that must be 200, as JSON."""

from typing import Any

import httpx2 as httpx


def json_of(client: httpx.Client, path: str, **options: Any) -> Any:
    """Options are those of the client's `get`."""
    answer = client.get(path, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()
