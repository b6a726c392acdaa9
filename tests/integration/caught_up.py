"""Waits until a service's search index has what is stored."""

import time

from starlette.testclient import TestClient

from services.query.search_index.reader import SearchIndex

_PATIENCE_SECONDS = 30.0


def catch_up(client: TestClient) -> None:
    """Returns when nothing waits."""
    index: SearchIndex = client.app.state.search_index  # type: ignore[attr-defined]
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        index.look()
        if index.is_settled():
            return
        assert time.monotonic() < until, "the index does not catch up"
        time.sleep(0.01)
