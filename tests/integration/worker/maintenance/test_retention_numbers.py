"""Answers about numbers are the same before and after retention, for random sessions: what they counted is in the base."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.search_index import host
from services.query.settings import Settings
from services.worker.resources import Resources
from shared.events.messages import Activity, Conversation, Event, SessionStart, ToolCall, Usage
from shared.tables.acts import ACTS
from shared.tables.sums import SUMS
from tests.conftest import LOCAL
from tests.example_counts import examples
from tests.integration.worker.maintenance.retaining import differences, drop, set_rule
from tests.integration.worker.maintenance.test_merge_users import store

NAMESPACE = UUID(int=43)
# A Saturday, so that weeks are cut.
BEGIN = datetime(2026, 2, 28, 20, tzinfo=UTC)
DAYS = "start_date=2026-02-28&end_date=2026-03-03"
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

PROJECTS = ("/p/one", "/p/two")
minutes = st.integers(0, 6_000)


@st.composite
def sessions(draw: st.DrawFn) -> list[list[Event]]:
    return [draw(session(f"s{number}")) for number in range(draw(st.integers(1, 6)))]


@st.composite
def session(draw: st.DrawFn, session_id: str) -> list[Event]:
    begin = BEGIN + timedelta(minutes=draw(minutes))
    user = draw(st.sampled_from(("ann", "bob", None)))
    project = draw(st.sampled_from(PROJECTS))
    events: list[Event] = [
        SessionStart(project_path=project, start_time=begin, user=user, session_id=session_id, id=uuid5(NAMESPACE, session_id))
    ]
    for number, kind in enumerate(draw(st.lists(st.sampled_from("umacf"), max_size=12))):
        at, event_id = begin + timedelta(minutes=draw(st.integers(0, 400))), uuid5(NAMESPACE, f"{session_id} {number}")
        events.append(draw(event(kind, session_id, at, event_id)))
    return events


@st.composite
def event(draw: st.DrawFn, kind: str, session_id: str, at: datetime, event_id: UUID) -> Event:
    common: dict[str, Any] = {"session_id": session_id, "timestamp": at, "id": event_id}
    number = draw(st.integers(0, 5_000))
    match kind:
        case "u":
            return Conversation(content="ask", role="user", **common)
        case "m":
            usage = Usage(input_tokens=number, output_tokens=7, cache_read_input_tokens=3)
            return Conversation(
                content="answer", role="assistant", model=draw(st.sampled_from(("claude-opus-4-6", "own"))), usage=usage, **common
            )
        case "a":
            return Activity(file_path=f"/f/{number % 3}.py", action="modified", lines_added=number, lines_removed=1, **common)
        case _:
            status: Any = "success" if kind == "c" else draw(st.sampled_from(("error", "rejected", "timeout")))
            return ToolCall(tool_name=draw(st.sampled_from(("Bash", "Read"))), result_status=status, execution_time_ms=number, **common)


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
        rows = (table.name for table in (*ACTS, *SUMS))
        for table in (*rows, "sessions", "tombstones", "dropped_texts", "retention_rules", "retention_runs"):
            connection.execute(f"DELETE FROM {table}".encode())
        connection.execute("UPDATE projects SET last_session_at = NULL")


def answers(client: TestClient) -> dict[str, str]:
    found = {}
    for route in ROUTES:
        answer = client.get(route)
        assert answer.status_code in (200, 404), (route, answer.text)
        found[route] = json.dumps(without_rows(answer.json(), names_from_rows(route)), sort_keys=True)
    return found


def names_from_rows(route: str) -> set[str]:
    """What of an answer is read from rows: price lists of stored calls, when a file was touched last, examples of errors, the files of one user,
    and tools at the ends of a range within a UTC day, as those of a zone's days. And how many sessions were dropped."""
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
