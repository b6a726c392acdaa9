"""A search finds what is stored, whether the index has it, does not have it yet, or has it as it was."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.queries.search import document_pages
from services.query.search_index import reader
from services.query.settings import Settings
from tests.conftest import LOCAL
from tests.example_counts import examples
from tests.integration.caught_up import catch_up
from tests.integration.query import seed
from tests.integration.query.pages import pages_of
from tests.kept_connection import Connection

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/conversations/search"
WORDS = ("alpha", "alphabet", "beta", "betamax", "gamma", "of", "café")
STATES = ("indexed", "just stored", "changed", "gone")
# Each message's state, text, minute, role and session.
Corpus = list[tuple[str, str, int, str, str]]


def is_found(content: str, q: str) -> bool:
    """The meaning of a query, for texts of plain words: a phrase, or groups of words of which the very last may be unfinished."""
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


def store(connection: Connection, client: TestClient, corpus: Corpus) -> None:
    """Messages of which the index has those that are not just stored, as they were."""
    made: list[tuple[str, UUID, str]] = []
    for is_first in (True, False):
        for state, content, minute, role, session_id in corpus:
            if is_first != (state == "just stored"):
                at = NOON + timedelta(minutes=minute) if minute else seed.UNDATED
                before = "alpha beta gamma of" if state == "changed" else content
                made.append((state, seed.add_message(connection, session_id, at, before, role=role), content))
        if is_first:
            catch_up(client)
    for state, message_id, content in made:
        if state == "changed":
            connection.execute("UPDATE messages SET content = %s WHERE id = %s", (content, message_id))
        elif state == "gone":
            connection.execute("DELETE FROM messages WHERE id = %s", (message_id,))


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


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(corpus=corpora, q=queries, filters=filters)
def test_a_search_finds_what_a_look_at_each_message_finds(
    client: TestClient,
    connection: Connection,
    monkeypatch: pytest.MonkeyPatch,
    corpus: Corpus,
    q: str,
    filters: dict[str, str],
) -> None:
    """given messages of which the index is behind, then newest first is a filter over all of them, and best first the same in another order."""
    monkeypatch.setattr(document_pages, "RANKED_MATCHES", 2)
    # Else a look of the background that a busy machine holds up gives the index as it was seen last, and says so.
    monkeypatch.setattr(reader, "PATIENCE_SECONDS", 30.0)
    for table in ("messages", "sessions"):
        connection.execute(f"DELETE FROM {table}".encode())
    for session_id in ("one", "two"):
        seed.add_session(connection, session_id, 0)
    store(connection, client, corpus)
    everything = client.get("/api/conversations", params={"limit": 1000} | filters).json()["items"]
    expected = [item["id"] for item in everything if is_found(item["content"], q)]

    newest, best = (list(pages_of(client, PATH, q=q, limit=2, sort=sort, **filters)) for sort in ("newest", "best"))

    assert [item["id"] for page in newest for item in page["items"]] == expected
    assert sorted(item["id"] for page in best for item in page["items"]) == sorted(expected)
    assert {page["total"] for page in newest + best if page["total_is_exact"]} <= {len(expected)}
    assert {page["pending_documents"] for page in newest + best} == {0}


def test_what_is_just_stored_is_found_at_once(client: TestClient, connection: Connection) -> None:
    """given an index that has heard of nothing of it, then a message, a call, a path and a title are found as soon as they are stored."""
    catch_up(client)
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    for kind in ("message", "tool_call", "timeline_entry", "file", "session"):
        seed.add_document(connection, "s", NOON, f"needle {kind}", kind=kind)

        answer = client.get("/api/search", params={"q": f"needle {kind}", "kind": kind}).json()

        assert [item["kind"] for item in answer["items"]] == [kind]
        assert (answer["total"], answer["total_is_exact"], answer["is_complete"], answer["pending_documents"]) == (1, True, True, 0)


def test_an_answer_without_what_was_stored_last_says_so(query_settings: Settings, connection: Connection) -> None:
    """given that Postgres does not tell what changed, then a search answers with what was seen before, and says that something may be missing."""
    seed.add_message(connection, None, NOON, "needle")
    with TestClient(create_app(query_settings), LOCAL) as client:
        catch_up(client)
        before = client.get(PATH, params={"q": "needle"}).json()

        with connection.transaction():
            connection.execute("LOCK TABLE search_changes")
            meanwhile = client.get(PATH, params={"q": "needle"}).json()

    assert (before["is_complete"], before["incomplete_because"]) == (True, None)
    assert [item["id"] for item in meanwhile["items"]] == [item["id"] for item in before["items"]]
    assert (meanwhile["is_complete"], "may be missing" in meanwhile["incomplete_because"]) == (False, True)


def test_a_service_that_has_no_index_yet_says_so(query_settings: Settings, connection: Connection, tmp_path: Path) -> None:
    """given a folder that is a file, then every search is empty and says why, and ranks nothing; the list without a query has all."""
    seed.add_message(connection, None, NOON, "needle")
    folder = tmp_path / "file"
    folder.touch()

    with TestClient(create_app(query_settings.model_copy(update={"search_folder": folder})), LOCAL) as client:
        answers = [client.get(path, params={"q": "needle"}).json() for path in (PATH, "/api/search")]
        listed = client.get(PATH).json()

    for searched in answers:
        assert (searched["items"], searched["total"], searched["total_is_exact"], searched["is_complete"]) == ([], 0, False, False)
        assert "no search index yet" in searched["incomplete_because"]
    assert (answers[1]["ranked"]["sessions"], answers[1]["ranked"]["is_ready"]) == ([], False)
    assert (listed["total"], listed["is_complete"]) == (1, True)
