"""A search in conversations finds what is stored, whether the index has it, does not have it yet, or has it as it was."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.queries.search import document_finder, document_pages, noted_messages
from tests.example_counts import examples
from tests.integration.query import seed
from tests.integration.query.search.finder_ways import WAYS, Way, take

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/conversations/search"
WORDS = ("alpha", "alphabet", "beta", "betamax", "gamma", "of", "café")
STATES = ("indexed", "just stored", "changed", "gone")


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


def store(connection: psycopg.Connection[Any], state: str, session_id: str, at: datetime | str, content: str, role: str) -> None:
    """A message that the index knows as it is, or not, or as it was."""
    before = "alpha beta gamma of" if state == "changed" else content
    message_id = seed.add_message(connection, session_id, at, before, role=role)
    if state != "just stored":
        seed.add_document(connection, session_id, at, before, id=message_id, role=role)
    if state == "changed":
        connection.execute("UPDATE messages SET content = %s WHERE id = %s", (content, message_id))
    elif state == "gone":
        connection.execute("DELETE FROM messages WHERE id = %s", (message_id,))
    elif state == "indexed":
        connection.execute("DELETE FROM search_pending WHERE keys = ARRAY[%s::text]", (message_id,))


corpora = st.lists(
    st.tuples(
        st.sampled_from(STATES),
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


@settings(max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corpus=corpora, q=queries, filters=filters, way=st.sampled_from(WAYS))
def test_a_search_finds_what_a_look_at_each_message_finds(
    client: TestClient,
    connection: psycopg.Connection[Any],
    monkeypatch: pytest.MonkeyPatch,
    corpus: list[tuple[str, str, int, str, str]],
    q: str,
    filters: dict[str, str],
    way: Way,
) -> None:
    """given messages of which the index is behind, then newest first is a filter over all of them, and best first the same in another order."""
    take(monkeypatch, way)
    monkeypatch.setattr(document_pages, "RANKED_MATCHES", 2)
    connection.execute("TRUNCATE messages, sessions, search_documents, search_pending")
    for session_id in ("one", "two"):
        seed.add_session(connection, session_id, 0)
    for state, content, minute, role, session_id in corpus:
        store(connection, state, session_id, NOON + timedelta(minutes=minute) if minute else "-infinity", content, role)
    everything = client.get("/api/conversations", params={"limit": 1000} | filters).json()["items"]
    expected = [item["id"] for item in everything if is_found(item["content"], q)]

    newest, best = (pages_of(client, {"q": q, "limit": 2, "sort": sort} | filters) for sort in ("newest", "best"))

    assert [item["id"] for page in newest for item in page["items"]] == expected
    assert sorted(item["id"] for page in best for item in page["items"]) == sorted(expected)
    assert {page["total"] for page in newest + best if page["total_is_exact"]} <= {len(expected)}
    assert {page["pending_documents"] for page in newest + best} == {0}


def test_the_newest_are_looked_at_and_the_others_counted(
    client: TestClient, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given five messages that wait, of which two may be looked at
    monkeypatch.setattr(noted_messages, "MOST_MESSAGES", 2)
    seed.add_session(connection, "s", 0)
    for number in range(5):
        seed.add_message(connection, "s", NOON + timedelta(minutes=number), f"needle {number}")

    answer = client.get(PATH, params={"q": "needle"}).json()

    assert [item["content"] for item in answer["items"]] == ["needle 4", "needle 3"]
    assert (answer["total"], answer["pending_documents"]) == (2, 3)


def test_the_texts_that_are_looked_at_are_bounded(
    client: TestClient, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noted_messages, "MOST_BYTES", 20)
    seed.add_session(connection, "s", 0)
    for number in range(5):
        seed.add_message(connection, "s", NOON + timedelta(minutes=number), f"needle {number}")

    answer = client.get(PATH, params={"q": "needle"}).json()

    assert [item["content"] for item in answer["items"]] == ["needle 4", "needle 3"]
    assert (answer["total"], answer["pending_documents"]) == (2, 3)


def test_messages_of_a_table_that_is_indexed_as_a_whole_are_counted(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    """given an index that is made again, then a search says how many messages it does not know."""
    seed.add_message(connection, None, NOON, "needle")
    connection.execute("TRUNCATE search_pending")
    for table, rows in (("messages", 700), ("tool_calls", 80)):
        connection.execute(
            "INSERT INTO search_pending (kind, keys, rows, newest) VALUES ('backfill', ARRAY[%s], %s, '-infinity')", (table, rows)
        )

    answer = client.get(PATH, params={"q": "needle"}).json()

    assert (answer["total"], answer["pending_documents"]) == (0, 700)


def test_a_search_out_of_time_shows_what_waits_with_its_page(
    client: TestClient, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given every other message waits, and time for the first windows only
    seed.add_session(connection, "s", 0)
    ids = []
    for number in range(40):
        add = seed.add_message if number % 2 else seed.add_indexed_message
        ids.append(str(add(connection, "s", NOON + timedelta(minutes=number), "a needle")))
    connection.execute("TRUNCATE search_pending")
    for message_id in ids[1::2]:
        noted = "INSERT INTO search_pending (kind, keys, rows, newest) VALUES ('message', ARRAY[%s], 1, now())"
        connection.execute(noted, (message_id,))
    steps = iter([1_000] * 3)
    monkeypatch.setattr(document_finder, "LEAST_WINDOW", 5)
    monkeypatch.setattr(document_finder, "MOST_WINDOW", 5)
    monkeypatch.setattr(document_finder.Deadline, "left_ms", lambda _: next(steps, 0))
    asked = {"q": '-"no where"', "sort": "newest"}

    # When the time is over
    first = client.get(PATH, params=asked).json()
    monkeypatch.undo()

    # Then the page is incomplete, and the next one goes on from there
    assert (first["is_complete"], first["total_is_exact"]) == (False, False)
    assert first["incomplete_because"]
    rest = client.get(PATH, params=asked | {"cursor": first["next_cursor"]}).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == ids[::-1]
    assert rest["is_complete"]
