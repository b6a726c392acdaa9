"""Answers about numbers are the same before and after retention, for random sessions: what they counted is in the base."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.search_index import host
from services.query.settings import Settings
from services.worker.resources import Resources
from shared.events.messages import Event, SessionStart
from shared.tables.acts import ACTS
from shared.tables.sums import SUMS
from tests.conftest import LOCAL
from tests.example_counts import examples
from tests.integration.worker.all_tables import differences
from tests.integration.worker.maintenance.random_sessions import BEGIN, DAYS, NAMESPACE, PROJECTS, session, sessions
from tests.integration.worker.maintenance.retaining import drop, set_rule
from tests.integration.worker.maintenance.sessions_of_users import store

OF_ALL = ("", f"?{DAYS}", f"?{DAYS}&tz=Asia/Kathmandu", f"?{DAYS}&interval=hour", "?user=ann", f"?user=ann&{DAYS}")
ROUTES = (
    *(f"/api/stats{query}" for query in OF_ALL),
    *(f"/api/projects/1/stats{query}" for query in ("", f"?{DAYS}")),
    *(f"/api/tool-calls/stats{query}" for query in ("", f"?{DAYS}", "?user=ann", f"?project_id=1&{DAYS}")),
    *(f"/api/tool-calls/errors{query}" for query in ("", f"?{DAYS}")),
    *(f"/api/usage?group_by={by}{days}" for by in ("project", "user", "model", "day") for days in ("", f"&{DAYS}")),
    f"/api/compare?{DAYS}&compare=2026-02-20..2026-02-27",
    "/api/projects",
    "/api/users",
)


@pytest.fixture
def client(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    # A run waits until this host has purged.
    monkeypatch.setattr(host, "LOOK_SECONDS", 0.1)
    query = Settings(database_url=worker.settings.database_url, redis_url=worker.settings.redis_url, log_level="CRITICAL")
    with TestClient(create_app(query), LOCAL) as client:
        yield client


def clear(worker: Resources) -> None:
    """Projects and users stay, and are the same in each example."""
    with worker.transaction() as connection:
        connection.execute("SET LOCAL tracker.sums_stay = 'on'")
        rows = (table.name for table in (*ACTS, *SUMS) if table.name != "kept_sums")
        for table in (*rows, "sessions", "tombstones", "dropped_texts", "retention_rules", "jobs"):
            connection.execute(f"DELETE FROM {table}".encode())


def answers(client: TestClient) -> dict[str, str]:
    found = {}
    for route in ROUTES:
        answer = client.get(route)
        assert answer.status_code in (200, 404), (route, answer.text)
        found[route] = json.dumps(without_rows(answer.json(), names_from_rows(route)), sort_keys=True)
    return found


def names_from_rows(route: str) -> set[str]:
    """Fields of an answer that are read from rows: price lists of calls, the last touch of a file, examples of errors, the files of one user.
    Tools are, too, at ends of a range within a UTC day, as of a zone's days. The number of dropped sessions is among the fields."""
    names = {"price_versions", "last_touched", "examples", "dropped_sessions", "dropped_sessions_before"}
    if "user=" in route:
        names |= {"files_modified", "top_files"}
    if "tz=" in route:
        names |= {"tools"}
    if "/errors" in route:
        names |= {"last_seen"}
    return names


def without_rows(body: Any, left_out: set[str]) -> Any:
    """An answer without what is read from rows."""
    if isinstance(body, list):
        return [without_rows(each, left_out) for each in body]
    if not isinstance(body, dict):
        return body
    return {name: without_rows(value, left_out) for name, value in body.items() if name not in left_out}


@pytest.mark.parametrize("what", ["texts", "sessions"])
def test_every_answer_about_numbers_stays(worker: Resources, client: TestClient, what: str) -> None:
    store(
        worker,
        [SessionStart(project_path=path, user="ann", start_time=BEGIN, session_id=path, id=uuid5(NAMESPACE, path)) for path in PROJECTS],
    )

    @settings(max_examples=examples(9), suppress_health_check=list(HealthCheck))
    @given(found=sessions(), later=session("later"))
    def stays(found: list[list[Event]], later: list[Event]) -> None:
        clear(worker)
        for each in found:
            store(worker, each)
        before = answers(client)
        set_rule(worker, what, 30)

        assert drop(worker)[what][0] == len(found)

        assert answers(client) == before
        assert differences(worker) == {}
        store(worker, later)
        assert differences(worker) == {}

    stays()
