"""Searches with a regular expression: few at a time, and no other read waits for them."""

from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from services.query import database
from services.query.app import create_app
from services.query.settings import Settings
from shared.database import make_engine
from shared.http.concurrency import PATTERN_SEARCHES
from tests.conftest import LOCAL
from tests.integration.caught_up import catch_up
from tests.integration.query import seed

SEARCHES = 24
PATTERN = {"mode": "regex", "q": "n.edle"}


@pytest.fixture
def slow_client(query_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A service whose searches can be held by a lock for as long as a statement may take."""
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT_MS", 60_000)
    monkeypatch.setattr(database, "make_engine", partial(make_engine, lock_timeout_ms=60_000))
    return TestClient(create_app(query_settings), LOCAL)


def test_a_list_does_not_wait_for_searches_with_patterns(slow_client: TestClient, connection: psycopg.Connection[Any]) -> None:
    seed.add_message(connection, None, "2024-01-15T12:00:00Z", "a needle")
    with slow_client as client, ThreadPoolExecutor(SEARCHES) as people, connection.transaction():
        catch_up(client)
        # Given more searches than there are threads for reads, none of which ends
        connection.execute("LOCK TABLE messages")
        searches = [people.submit(client.get, "/api/search", params=PATTERN) for _ in range(SEARCHES)]
        refused: set[Any] = set()
        while len(refused) < SEARCHES - PATTERN_SEARCHES:
            refused |= wait(set(searches) - refused, return_when=FIRST_COMPLETED).done

        sessions = client.get("/api/sessions")

        # Then the list is answered before any of those that were admitted
        assert sum(not search.done() for search in searches) == PATTERN_SEARCHES
        assert sessions.status_code == 200
        assert {search.result().status_code for search in refused} == {503}


def test_one_search_too_many_is_told_to_come_back(slow_client: TestClient, connection: psycopg.Connection[Any]) -> None:
    seed.add_message(connection, None, "2024-01-15T12:00:00Z", "a needle")
    with slow_client as client, ThreadPoolExecutor(PATTERN_SEARCHES + 1) as people:
        catch_up(client)
        with connection.transaction():
            connection.execute("LOCK TABLE messages")
            searches = [people.submit(client.get, "/api/search", params=PATTERN) for _ in range(PATTERN_SEARCHES + 1)]
            refused = next(iter(wait(searches, return_when=FIRST_COMPLETED).done)).result()
        statuses = sorted(search.result().status_code for search in searches)

        # When those that waited are answered, there is room again
        again = client.get("/api/search", params=PATTERN)

    assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
    assert int(refused.headers["Retry-After"]) >= 1
    assert statuses == [200] * PATTERN_SEARCHES + [503]
    assert again.status_code == 200
