"""The cost of work: each call counts for one commit, pull request, branch or issue, or for none, and together they are the cost of the range."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Json
from starlette.testclient import TestClient

from services.query.queries.stats.work_pieces import divided, issues_in, pieces_of
from tests.example_counts import examples
from tests.integration.query import seed
from tests.json_answers import json_of
from tests.kept_connection import Connection

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MEASURES = ("turns", "active_minutes", "api_calls", "unpriced_calls")
GROUPS = ("commit", "pull_request", "branch", "issue")

minutes = st.integers(0, 40)
a_session = st.fixed_dictionaries(
    {
        "asks": st.lists(minutes, max_size=6, unique=True).map(sorted),
        "commits": st.lists(minutes, max_size=5, unique=True).map(sorted),
        "requests": st.lists(minutes, max_size=2, unique=True).map(sorted),
        "calls": st.lists(st.tuples(minutes, st.none() | st.integers(0, 10**9)), max_size=12),
        "branch": st.sampled_from([None, "main", "12-retry", "feature"]),
    }
)


def at(minute: int) -> datetime:
    return NOON + minute * MINUTE


def empty(connection: Connection) -> None:
    """Row by row, so that the sums follow."""
    for table in ("messages", "tool_calls", "api_calls", "sessions", "projects"):
        connection.execute(f"DELETE FROM {table}".encode())


def add(connection: Connection, name: str, project: int, told: dict[str, Any]) -> None:
    seed.add_session(connection, name, project, git_branch=told["branch"], started_at=NOON)
    for minute in told["asks"]:
        seed.add_message(connection, name, at(minute))
    for number, minute in enumerate(told["commits"]):
        commit(connection, name, at(minute), f"Fix #{number % 2}" if number % 3 else f"Part {number}", f"{name}{number:07x}")
    for number, minute in enumerate(told["requests"]):
        parameters = Json({"command": "gh pr create"})
        seed.add_tool_call(connection, name, at(minute), parameters=parameters, result=f"https://github.com/ann/shop/pull/{name}{number}\n")
    for minute, cost in told["calls"]:
        seed.add_api_call(connection, name, at(minute), model="claude-opus", cost_nano_usd=cost)


def commit(connection: Connection, name: str, when: datetime, subject: str, made: str, *, amends: bool = False) -> None:
    command = f'git commit {"--amend " if amends else ""}-am "{subject}"'
    seed.add_tool_call(connection, name, when, parameters=Json({"command": command}), result=f"[main {made}] {subject}\n 1 file changed")


def work(client: TestClient, group: str, **asked: Any) -> dict[str, Any]:
    return json_of(client, "/api/work?" + "&".join(f"{name}={value}" for name, value in ({"group_by": group} | asked).items()))


def costs(found: dict[str, Any], *names: str) -> dict[Any, int]:
    """In nano dollars, by what tells the items apart; None: what led to none."""
    items = {tuple(item[name] for name in names) if len(names) > 1 else item[names[0]]: nano(item) for item in found["items"]}
    return {key: value for key, value in (items | {None: nano(found["without"])}).items() if value}


def nano(of: dict[str, Any]) -> int:
    return round((of["cost_usd"] or 0) * 1e9)


@given(st.lists(a_session, min_size=1, max_size=3), st.integers(1, 3), st.booleans())
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_parts_of_work_add_up_to_the_cost_of_the_range(
    client: TestClient, connection: Connection, told: list[dict[str, Any]], limit: int, is_cut: bool
) -> None:
    empty(connection)
    project = seed.add_project(connection, "/home/ann/shop")
    for number, each in enumerate(told):
        add(connection, "abc"[number], project, each)
    seed.add_api_call(connection, None, NOON, model="claude-opus", cost_nano_usd=7)
    seed.compute_totals(connection)
    # The quarters of an hour that the range is widened to cut sessions in two.
    dates = {"start_date": "2026-03-06T12:15:00Z", "end_date": "2026-03-06T12:30:00Z"} if is_cut else {}
    usage = json_of(client, "/api/usage?group_by=project&" + "&".join(f"{name}={value}" for name, value in dates.items()))["totals"]

    for group in GROUPS:
        found = work(client, group, limit=limit, **dates)

        parts = [*found["items"], found["others"], found["without"]]
        assert sum(map(nano, parts)) == nano(found["totals"]) == nano(usage), group
        assert found["totals"]["api_calls"] == usage["api_calls"]
        for name in MEASURES:
            assert sum(part[name] for part in parts) == pytest.approx(found["totals"][name]), (group, name)
        assert len(found["items"]) == min(limit, len(found["items"]) + found["left_out"])


@given(a_session)
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_call_counts_for_the_commit_of_its_turn_or_for_the_next(
    client: TestClient, connection: Connection, told: dict[str, Any]
) -> None:
    empty(connection)
    add(connection, "a", seed.add_project(connection, "/home/ann/shop"), told)
    seed.compute_totals(connection)
    turn_of = {minute: sum(ask <= minute for ask in told["asks"]) for minute in range(41)}
    expected: Counter[str | None] = Counter()
    for minute, cost in told["calls"]:
        later = [made for made in told["commits"] if made >= minute]
        of_turn = [made for made in told["commits"] if turn_of[made] == turn_of[minute]]
        same_turn = [made for made in of_turn if made >= minute] or of_turn[-1:]
        chosen = (same_turn or later or [None])[0]
        expected[None if chosen is None else f"a{told['commits'].index(chosen):07x}"] += cost or 0

    assert costs(work(client, "commit"), "commit") == {key: value for key, value in expected.items() if value}


@given(st.lists(st.tuples(minutes, st.integers(0, 9)), max_size=8).map(sorted), st.lists(minutes, max_size=8).map(sorted))
def test_pieces_of_a_session_follow_each_other_without_a_gap(made: list[tuple[int, int]], asks: list[int]) -> None:
    pieces = pieces_of([(at(minute), thing) for minute, thing in made], [at(minute) for minute in asks])

    assert pieces[0].since is None
    assert pieces[-1].until is None
    assert all(one.until == other.since and one.until is not None for one, other in pairwise(pieces))
    assert [thing for piece in pieces for thing in piece.made] == [thing for _, thing in made]
    assert all(piece.made for piece in pieces[:-1])


@given(st.integers(0, 10**15), st.integers(1, 20))
def test_a_number_is_divided_without_a_rest(number: int, parts: int) -> None:
    of_each = divided(number, parts)

    assert sum(of_each) == number
    assert max(of_each) - min(of_each) <= 1


@pytest.fixture
def shop(connection: Connection) -> int:
    return seed.add_project(connection, "/home/ann/shop")


def test_commits_of_one_call_share_equally_and_an_amended_one_is_replaced(client: TestClient, connection: Connection, shop: int) -> None:
    seed.add_session(connection, "s", shop, started_at=NOON)
    for minute in (0, 10, 20):
        seed.add_message(connection, "s", at(minute))
        seed.add_api_call(connection, "s", at(minute), model="claude-opus", cost_nano_usd=101)
    commit(connection, "s", at(1), "First", "aaaaaaa")
    commit(connection, "s", at(11), "First, again", "bbbbbbb", amends=True)
    two = "[main ccccccc] Second\n 1 file changed\n[main ddddddd] Third\n 1 file changed"
    seed.add_tool_call(connection, "s", at(21), parameters=Json({"command": 'git commit -m "Second" && git commit -m "Third"'}), result=two)
    seed.compute_totals(connection)

    found = work(client, "commit")

    assert costs(found, "commit") == {"bbbbbbb": 202, "ccccccc": 51, "ddddddd": 50}
    first = next(item for item in found["items"] if item["commit"] == "bbbbbbb")
    assert (first["subject"], first["turns"], first["session_id"], first["project_name"]) == ("First, again", 2, "s", "shop")
    assert datetime.fromisoformat(first["timestamp"]) == at(11)


def test_an_issue_has_what_its_commits_and_its_branches_cost(client: TestClient, connection: Connection, shop: int) -> None:
    for name, branch in (("s", "12-retry-uploads"), ("t", "main"), ("u", "ann/SHOP-7-cart")):
        seed.add_session(connection, name, shop, git_branch=branch, started_at=NOON)
        for minute in (0, 10):
            seed.add_message(connection, name, at(minute))
            seed.add_api_call(connection, name, at(minute), model="claude-opus", cost_nano_usd=10)
    commit(connection, "s", at(1), "Close #3 and SHOP-7", "aaaaaaa")
    commit(connection, "t", at(1), "Tidy up", "bbbbbbb")
    seed.compute_totals(connection)

    assert costs(work(client, "issue"), "issue") == {"#3": 5, "SHOP-7": 25, "#12": 10, None: 20}


def test_a_session_counts_for_the_pull_request_of_its_branch(client: TestClient, connection: Connection, shop: int) -> None:
    other = seed.add_project(connection, "/home/ann/other")
    told = {
        "before": (shop, "feature"),
        "opens": (shop, "feature"),
        "after": (shop, "feature"),
        "trunk": (shop, "main"),
        "else": (other, "feature"),
    }
    for number, (name, (project, branch)) in enumerate(told.items()):
        seed.add_session(connection, name, project, git_branch=branch, started_at=at(number * 10))
        seed.add_message(connection, name, at(number * 10))
        seed.add_api_call(connection, name, at(number * 10), model="claude-opus", cost_nano_usd=10**number)
    url = "https://github.com/ann/shop/pull/7"
    seed.add_tool_call(connection, "opens", at(11), parameters=Json({"command": "gh pr create --fill"}), result=f"{url}\n")
    seed.compute_totals(connection)

    found = work(client, "pull_request")

    assert costs(found, "pull_request") == {url: 111, None: 11_000}
    assert found["items"][0]["sessions"] == 3
    assert costs(work(client, "branch"), "project_name", "branch") == {
        ("shop", "feature"): 111,
        ("shop", "main"): 1_000,
        ("other", "feature"): 10_000,
    }


def test_work_as_csv_has_every_item(client: TestClient, connection: Connection, shop: int) -> None:
    seed.add_session(connection, "s", shop, started_at=NOON)
    for number in range(130):
        seed.add_api_call(connection, "s", at(number), model="claude-opus", cost_nano_usd=10)
        commit(connection, "s", at(number), f"Part {number}", f"{number:07x}")
    seed.compute_totals(connection)

    lines = client.get("/api/work?format=csv").text.splitlines()

    assert lines[0].startswith("commit,subject,")
    assert len(lines) == 131
    assert (len(work(client, "commit")["items"]), work(client, "commit")["left_out"]) == (100, 30)


def test_too_many_sessions_are_refused_in_words(client: TestClient, connection: Connection, shop: int) -> None:
    connection.execute(
        "INSERT INTO sessions (session_id, counted, project_id, dated_at, first_event_at, last_event_at)"
        " SELECT n, true, %s, now(), now(), now() FROM generate_series(1, 5001) AS n",
        (shop,),
    )

    answer = client.get("/api/work")

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("More than 5,000 sessions were active in this range")


@pytest.mark.parametrize(
    ("text", "is_branch", "expected"),
    [
        ("Fix #12: retry (#34)", False, ["#12", "#34"]),
        ("SHOP-7, SHOP-7 and UTF-8 by RFC-3339", False, ["SHOP-7"]),
        ("Read page#2 of &#39;", False, []),
        ("12-retry-uploads", True, ["#12"]),
        ("ann/issue-12", True, ["#12"]),
        ("ann/SHOP-7-cart", True, ["SHOP-7"]),
        ("release/2026-01-31", True, []),
        ("main", True, []),
    ],
)
def test_issues_are_found_as_people_write_them(text: str, is_branch: bool, expected: list[str]) -> None:
    assert issues_in(text, is_branch=is_branch) == expected
