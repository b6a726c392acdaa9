"""Answers that tell sessions, branches or machines apart, after retention: what cannot be told any more is marked, and no number becomes 0."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid5

import pytest
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.settings import Settings
from services.worker.resources import Resources
from shared.events.messages import Activity, Conversation, Event, SessionStart, ToolCall, Usage
from tests.conftest import LOCAL
from tests.integration.worker.maintenance.random_sessions import BEGIN, NAMESPACE
from tests.integration.worker.maintenance.retaining import drop, set_rule
from tests.integration.worker.maintenance.sessions_of_users import store
from tests.integration.worker.statements import execute
from tests.json_answers import json_of

DAYS = "start_date=2026-02-28&end_date=2026-03-03"
# Kept for good, since it is bob's.
KEPT = "kept"
Json = dict[str, Any]


@pytest.fixture
def client(worker: Resources) -> Iterator[TestClient]:
    query = Settings(database_url=worker.settings.database_url, redis_url=worker.settings.redis_url, log_level="CRITICAL")
    with TestClient(create_app(query), LOCAL) as client:
        yield client


def session(session_id: str, user: str, project: str) -> list[Event]:
    common: dict[str, Any] = {"session_id": session_id, "timestamp": BEGIN + timedelta(minutes=5)}
    usage = Usage(input_tokens=1000, output_tokens=500)
    return [
        SessionStart(
            project_path=project, user=user, start_time=BEGIN, session_id=session_id, git_branch="main", id=uuid5(NAMESPACE, session_id)
        ),
        Conversation(
            content="answer", role="assistant", model="claude-opus-4-6", usage=usage, id=uuid5(NAMESPACE, f"{session_id} m"), **common
        ),
        ToolCall(tool_name="Bash", result_status="error", execution_time_ms=7, id=uuid5(NAMESPACE, f"{session_id} c"), **common),
        Activity(file_path="/p/a.py", action="modified", lines_added=3, lines_removed=1, id=uuid5(NAMESPACE, f"{session_id} a"), **common),
    ]


@pytest.fixture
def world(worker: Resources, client: TestClient) -> Resources:
    """Two sessions of ann, which a rule drops, and one of bob, all on one machine and branch."""
    for session_id, user in (("s1", "ann"), ("s2", "ann"), (KEPT, "bob")):
        store(worker, session(session_id, user, "/p/one"))
        execute(worker, "INSERT INTO session_machines VALUES (%(id)s, 'laptop')", {"id": session_id})
    execute(worker, "UPDATE projects SET group_name = 'ours'")
    set_rule(worker, "sessions", 30, user="ann")
    return worker


MEASURES = ("sessions", "active_minutes", "messages", "tool_calls", "tool_errors", "lines_added", "total_tokens", "api_calls", "cost_usd")


def measured(item: Json) -> dict[str, Any]:
    return {name: pytest.approx(item[name]) for name in MEASURES if name in item}


def test_dropped_sessions_are_a_group_of_their_own(world: Resources, client: TestClient, subtests: pytest.Subtests) -> None:
    asked = [(by, f"/api/usage?group_by={by}{days}") for by in ("branch", "session", "machine") for days in ("", f"&{DAYS}")]
    answered = {route: json_of(client, route) for _, route in asked}

    assert drop(world)["sessions"][0] == 2

    # Then the sums stay, and say that nobody knows the branch of a part of them
    for by, route in asked:
        with subtests.test(route):
            before, after = answered[route], json_of(client, route)
            assert {name: after["totals"][name] for name in MEASURES} == measured(before["totals"])
            named = [(item["is_kept"], item[by] if by != "session" else item["session_id"], item["sessions"]) for item in after["items"]]
            assert named == [(False, None, 2), (True, {"session": KEPT, "branch": "main", "machine": None}[by], 1)]
            assert sum(item["cost_usd"] for item in after["items"]) == pytest.approx(before["totals"]["cost_usd"])
            assert (before["dropped_sessions"], after["dropped_sessions"]) == (0, 2)


def test_groups_of_projects_count_dropped_sessions_too(world: Resources, client: TestClient, subtests: pytest.Subtests) -> None:
    routes = [f"/api/usage?group_by={by}&{DAYS}" for by in ("group", "repository", "group,user", "day,group", "group,model")]
    answered = {route: json_of(client, route) for route in (*routes, f"/api/usage?group_by=day&group=ours&{DAYS}")}

    drop(world)

    for route, before in answered.items():
        with subtests.test(route):
            after = json_of(client, route)
            kept = [{name: item[name] for name in MEASURES if name in item} for item in after["items"]]
            assert [measured(item) for item in before["items"]] == kept
            assert {name: after["totals"][name] for name in MEASURES if name in after["totals"]} == measured(before["totals"])


def test_a_comparison_by_branch_has_the_dropped_sessions_apart(world: Resources, client: TestClient) -> None:
    route = f"/api/compare?{DAYS}&compare=2026-02-20..2026-02-27&group_by=branch"
    before = json_of(client, route)

    drop(world)

    after = json_of(client, route)
    assert [change["value"] for change in after["totals"]] == [pytest.approx(change["value"]) for change in before["totals"]]
    costs = {(change["is_kept"], change["branch"]): change["value"] for change in after["items"] if change["measure"] == "cost_usd"}
    assert costs == {(False, None): pytest.approx(2 * costs[True, "main"]), (True, "main"): costs[True, "main"]}
    assert (after["dropped_sessions"], after["dropped_sessions_before"]) == (2, 0)


def test_a_block_says_that_its_sessions_are_not_known_any_more(world: Resources, client: TestClient) -> None:
    [before] = json_of(client, "/api/usage/blocks")["items"]

    drop(world)

    [after] = json_of(client, "/api/usage/blocks")["items"]
    assert (before["sessions"], before["dropped_calls"]) == (3, 0)
    changed = {"sessions": None, "models": None, "last_at": None, "dropped_calls": 2}
    assert after == before | changed | {"cost_usd": pytest.approx(before["cost_usd"])}
    # And of one model it has what is kept, and says so
    [of_model] = json_of(client, "/api/usage/blocks?model=claude-opus-4-6")["items"]
    assert (of_model["api_calls"], of_model["dropped_calls"]) == (1, 2)


def test_files_keep_the_changes_of_dropped_sessions(world: Resources, client: TestClient, subtests: pytest.Subtests) -> None:
    queries = ("", "sort=sessions", "sort=last_change", DAYS, "group=ours")
    answered = {query: json_of(client, f"/api/files?{query}")["items"] for query in queries}

    drop(world)

    for query, [before] in answered.items():
        with subtests.test(query):
            assert (before["sessions"], before["changes"]) == (3, 3)
            assert json_of(client, f"/api/files?{query}")["items"] == [before | {"sessions": None}]


def test_of_a_machine_only_what_is_kept_is_known(world: Resources, client: TestClient) -> None:
    drop(world)

    found = json_of(client, f"/api/usage?group_by=day&machine=laptop&{DAYS}")

    assert (found["totals"]["sessions"], found["dropped_sessions"]) == (1, 2)
