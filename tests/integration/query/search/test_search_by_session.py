"""GET /api/search?group_by=session: sessions with their matches, those that show the same folded."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.queries.search import document_pages
from tests.example_counts import examples
from tests.integration.query import seed
from tests.integration.query.pages import pages_of
from tests.integration.query.search_index.indexed import texts_in
from tests.json_answers import json_of
from tests.kept_connection import Connection

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/search"


def asked(client: TestClient, q: str, **parameters: Any) -> dict[str, Any]:
    return json_of(client, PATH, params={"q": q, "group_by": "session"} | parameters)


@pytest.mark.parametrize("sort", ["best", "newest"])
@pytest.mark.parametrize("limit", [1, 2, 200])
def test_pages_of_sessions_fit_together(client: TestClient, connection: Connection, sort: str, limit: int) -> None:
    """given sessions with both words in one text, and others with each in another text, then the first are on one page each."""
    one = {f"one {number}": ["alpha and beta"] for number in range(3)}
    texts_in(connection, one | {f"two {number}": ["alpha", "beta"] for number in range(3)})

    pages = list(pages_of(client, PATH, q="alpha beta", group_by="session", sort=sort, limit=limit))

    assert sorted(session["session_id"] for page in pages for session in page["sessions"]) == sorted(one)
    assert {(page["total"], page["total_is_exact"], page["is_complete"]) for page in pages} == {(3, True, True)}
    assert [page["ranked"] is None for page in pages] == [False] + [True] * (len(pages) - 1)


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sessions=st.lists(
        st.lists(st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta"]), min_size=1, max_size=3), min_size=1, max_size=5), max_size=6
    ),
    q=st.sampled_from(["alpha beta", "alpha beta gamma", "alpha beta -gamma", "alpha beta or gamma delta", "alpha or beta gamma"]),
    limit=st.sampled_from([1, 2, 50]),
)
def test_a_session_is_found_if_a_text_has_the_words(
    client: TestClient, connection: Connection, sessions: list[list[list[str]]], q: str, limit: int
) -> None:
    connection.execute("DELETE FROM messages")
    connection.execute("DELETE FROM sessions")
    for number, texts in enumerate(sessions):
        seed.add_session(connection, f"s{number}", 0)
        for minute, words in enumerate(texts):
            seed.add_document(connection, f"s{number}", NOON + timedelta(minutes=minute), " ".join(words))
    expected = {f"s{number}": hits for number, texts in enumerate(sessions) if (hits := sum(is_asked_for(q, text) for text in texts))}

    found = [session for page in pages_of(client, PATH, q=q, group_by="session", limit=limit) for session in page["sessions"]]

    assert len(found) == len(expected)
    assert {session["session_id"]: session["hits"] for session in found} == expected


def is_asked_for(q: str, text: list[str]) -> bool:
    """A query of words, `or` and `-`."""
    for alternative in q.split(" or "):
        wanted = {word for word in alternative.split() if not word.startswith("-")}
        unwanted = {word[1:] for word in alternative.split() if word.startswith("-")}
        if wanted <= set(text) and not unwanted & set(text):
            return True
    return False


def test_outputs_that_show_the_same_are_one_hit(client: TestClient, connection: Connection) -> None:
    # Given a command that ran three times, and a prompt
    texts_in(connection, {"s": ["why does the upload fail"]})
    for number in range(3):
        result = f"upload 41{number} failed at 12:0{number}:11, commit ab{number}cd0"
        seed.add_document(connection, "s", NOON + timedelta(minutes=number), "make test", result=result)

    [session] = asked(client, "upload")["sessions"]

    assert session["hits"] == 4
    assert [(item["kind"], item["similar"]) for item in session["items"]] == [("message", 0), ("tool_call", 2)]


def test_a_title_comes_before_any_output(client: TestClient, connection: Connection) -> None:
    """given a long title with the word, and an output that has it a hundred times, then the title is first."""
    texts_in(connection, {"titled": ["hello"], "output": ["hello"]})
    title = "retry " + " ".join(f"word{number}" for number in range(60))
    seed.add_document(connection, "titled", NOON, title, kind="session")
    seed.add_document(connection, "output", NOON, "x", result="retry " * 100)

    items = client.get(PATH, params={"q": "retry"}).json()["items"]

    assert [item["kind"] for item in items] == ["session", "tool_call"]


def test_a_session_comes_again_with_its_older_matches(client: TestClient, connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """given more matches than are grouped at a time, then each window has its sessions, and all hits together are the matches."""
    monkeypatch.setattr(document_pages, "GROUPED_MATCHES", 2)
    texts_in(connection, {f"s{number}": ["alpha beta"] * (1 + number) for number in range(4)})

    pages = list(pages_of(client, PATH, q="alpha beta", group_by="session", limit=10))

    hits = Counter[str]()
    for page in pages:
        hits.update({session["session_id"]: session["hits"] for session in page["sessions"]})
    assert hits == {f"s{number}": 1 + number for number in range(4)}
