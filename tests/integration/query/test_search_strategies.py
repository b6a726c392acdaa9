"""Every search strategy finds what a scan of all messages finds, and none reads more than its bound."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.queries.search import search_messages, search_strategy
from services.query.queries.search.search_strategy import Bounds
from tests.integration.query import seed

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/conversations/search"
WORDS = ("alpha", "alphabet", "beta", "betamax", "gamma", "of")
# What is tried: only a short walk and the index, only the index, all of them one after the other.
WAYS = (Bounds(10_000, -1, 0), Bounds(0, 10_000, 0), Bounds(2, 1, 3), Bounds(0, 0, 0))
FORMERLY = 1_200


def is_found(content: str, q: str) -> bool:
    """What a query means, for texts of plain words: a phrase, or groups of words of which the very last may be unfinished."""
    there = content.split()
    if q.startswith('"'):
        words = q.strip('"').split()
        return set(words) <= set(there) and (len(words) == 1 or " ".join(words) in content)

    def fits(word: str, unfinished: bool) -> bool:
        plain = word.removeprefix("-")
        found = any(token.startswith(plain) if unfinished and len(plain) >= 3 else token == plain for token in there)
        return found != word.startswith("-")

    *groups, last = (group.split() for group in q.split(" or "))
    return any(all(fits(word, False) for word in group) for group in groups) or (
        all(fits(word, False) for word in last[:-1]) and fits(last[-1], True)
    )


def pages_of(client: TestClient, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """All pages."""
    pages = [client.get(PATH, params=parameters).json()]
    while pages[-1]["next_cursor"]:
        pages.append(client.get(PATH, params=parameters | {"cursor": pages[-1]["next_cursor"]}).json())
    return pages


corpora = st.lists(
    st.tuples(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join),
        st.integers(0, 4),
        st.sampled_from(("user", "assistant")),
        st.sampled_from(("one", "two")),
    ),
    max_size=12,
)
queries = st.one_of(
    st.lists(st.sampled_from([*WORDS, "-beta", "-gamma"]), min_size=1, max_size=3).map(" ".join),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(lambda words: f'"{" ".join(words)}"'),
    st.tuples(st.sampled_from(WORDS), st.sampled_from(WORDS)).map(" or ".join),
)
filters = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(("user", "assistant")),
        "session_id": st.sampled_from(("one", "two")),
        "start_date": st.just("2024-01-15T12:02:00Z"),
        "end_date": st.just("2024-01-15T12:03:00Z"),
    },
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corpus=corpora, q=queries, filters=filters, way=st.sampled_from(WAYS))
def test_every_strategy_finds_what_a_full_scan_finds(
    client: TestClient,
    connection: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    corpus: list[tuple[str, int, str, str]],
    q: str,
    filters: dict[str, str],
    way: Bounds,
) -> None:
    """given some messages, some of the same instant, then newest first is a filter over all of them, and best first the same in another order."""
    for bounds in ("FOR_A_PAGE", "TO_RANK"):
        monkeypatch.setattr(search_strategy, bounds, way)
    monkeypatch.setattr(search_messages, "RANKED_MATCHES", 2)
    monkeypatch.setattr(search_messages, "RANKED_CANDIDATES", 3)
    connection.execute("TRUNCATE messages, sessions")
    for session_id in ("one", "two"):
        seed.add_session(connection, session_id, 0)
    for content, minute, role, session_id in corpus:
        seed.add_message(connection, session_id, NOON + timedelta(minutes=minute), content, role=role)
    everything = client.get("/api/conversations", params={"limit": 1000} | filters).json()["items"]
    expected = [item["id"] for item in everything if is_found(item["content"], q)]

    newest, best = (pages_of(client, {"q": q, "limit": 2, "sort": sort} | filters) for sort in ("newest", "best"))

    assert [item["id"] for page in newest for item in page["items"]] == expected
    assert sorted(item["id"] for page in best for item in page["items"]) == sorted(expected)
    assert {page["total"] for page in newest + best if page["total_is_exact"]} <= {len(expected)}


@contextmanager
def rows_read(connection: psycopg.Connection[Any]) -> Iterator[list[int]]:
    """Adds up, in its only item, the messages that the statements within read, by repeating them under EXPLAIN ANALYZE."""
    read = [0]

    def repeat(statement: str, parameters: Any) -> None:
        if "set_config" in statement:
            connection.execute(statement.replace(", true)", ", false)").encode(), parameters)
        elif "messages" in statement and not statement.startswith("EXPLAIN"):
            explained = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}".encode(), parameters).fetchone()
            read[0] += _rows_of(explained[0][0]["Plan"])  # type: ignore[index]

    execute = psycopg.Cursor.execute

    def execute_and_repeat(cursor: psycopg.Cursor[Any], query: Any, params: Any = None, **options: Any) -> psycopg.Cursor[Any]:
        executed = execute(cursor, query, params, **options)
        if cursor.connection is not connection and isinstance(query, bytes):
            repeat(query.decode(), params)
        return executed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", execute_and_repeat)
        yield read


def _rows_of(plan: dict[str, Any]) -> int:
    of_this = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if plan.get("Relation Name") == "messages" else 0
    return int(of_this * plan["Actual Loops"]) + sum(_rows_of(each) for each in plan.get("Plans", []))


@pytest.fixture
def years(connection: psycopg.Connection[Any]) -> None:
    """1,500 messages: the older ones with words that the newest 300 do not have; two frequent words that meet seldom; a rare one."""
    seed.add_session(connection, "big", seed.add_project(connection, "/big"))
    seed.add_session(connection, "small", seed.add_project(connection, "/small"))
    with connection.transaction():
        for number in range(1_500):
            words = ["every day", "left" if number % 2 else "right", "former" if number < FORMERLY else "recent"]
            words += ["left right"] * (number % 500 == 7) + ["needle"] * (number % 700 == 3) + ["day every"] * (number % 600 == 5)
            session_id = "small" if number % 50 == 0 else "big"
            role = "user" if number % 10 == 0 else "assistant"
            seed.add_message(connection, session_id, NOON + timedelta(minutes=number), " ".join(words), role=role)
    connection.execute("ANALYZE messages")


@pytest.fixture
def bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many times fewer rows than of the real volume."""
    monkeypatch.setattr(search_strategy, "FOR_A_PAGE", Bounds(walked_first=50, by_index=40, walked_then=200))


@pytest.mark.usefixtures("years", "bounded")
@pytest.mark.parametrize(
    ("asked", "total", "most"),
    [
        ({"q": "every"}, None, 60),
        ({"q": "left"}, None, 60),
        ({"q": "needle"}, 3, 20),
        ({"q": "needle every"}, 3, 20),
        ({"q": "left right -former"}, 0, 80),
        ({"q": "left right -recent"}, 3, 80),
        ({"q": '"every day"'}, None, 60),
        ({"q": "left", "session_id": "small"}, 0, 60),
        ({"q": "right", "session_id": "small"}, 30, 80),
        ({"q": '"day every"', "session_id": "small"}, 0, 130),
        ({"q": "needle", "role": "user"}, 0, 60),
        ({"q": "needle", "start_date": NOON.isoformat(), "end_date": (NOON + timedelta(hours=1)).isoformat()}, 1, 70),
    ],
)
def test_worst_case_queries_read_no_more_rows_than_their_bounds(
    client: TestClient, connection: psycopg.Connection[Any], asked: dict[str, str], total: int | None, most: int
) -> None:
    with rows_read(connection) as read:
        answer = client.get(PATH, params={"sort": "newest", "limit": 5} | asked).json()
    assert read[0] <= most
    assert answer["total_is_exact"] is (total is not None)
    if total is not None:
        assert (answer["total"], len(answer["items"])) == (total, min(total, 5))


@pytest.mark.usefixtures("years", "bounded")
def test_a_word_frequent_only_long_ago_is_found_by_the_index(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    """given 1,200 matches and none among the newest 300, then two bounded walks find none, and the index all."""
    with rows_read(connection) as read:
        answer = client.get(PATH, params={"q": "former", "sort": "newest", "limit": 5}).json()
    assert len(answer["items"]) == 5
    assert read[0] <= 50 + 41 + 200 + FORMERLY + 6
    assert (answer["total"], answer["total_is_exact"]) == (FORMERLY, True)
