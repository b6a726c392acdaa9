"""GET /api/search: where little is found, other forms of the words are found too, behind the words as they were typed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from services.query.queries.search.word_forms import FEW
from tests.integration.query import seed

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/search"


def sessions_with(connection: psycopg.Connection[Any], texts: dict[str, list[str]], **columns: Any) -> None:
    """Sessions with these prompts. The first was last: newer texts do not come first for being new."""
    for number, (session, said) in enumerate(texts.items()):
        seed.add_session(connection, session, seed.add_project(connection, f"/{session}"))
        for minute, text in enumerate(said):
            seed.add_document(connection, session, NOON - timedelta(hours=number, minutes=minute), text, **columns)


def asked(client: TestClient, q: str, **parameters: Any) -> dict[str, Any]:
    answer = client.get(PATH, params={"q": q} | parameters)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def snippets(answer: dict[str, Any]) -> list[str]:
    return [item["snippet"] for item in answer["items"]]


def by_session(client: TestClient, q: str, **parameters: Any) -> list[tuple[str, str]]:
    return [(session["session_id"], session["match"]) for session in asked(client, q, group_by="session", **parameters)["sessions"]]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("charged", "charge"),
        ("charge", "charging"),
        ("migrations", "migration"),
        ("migrate", "migration"),
        ("queries", "query"),
        ("query", "queries"),
        ("dropping", "dropped"),
        ("Deletes", "Deletion"),
    ],
)
def test_a_word_finds_its_other_form_and_says_so(client: TestClient, connection: psycopg.Connection[Any], typed: str, stored: str) -> None:
    sessions_with(connection, {"s": [f"the {stored} failed"]})

    answer = asked(client, f"{typed} failed")

    assert snippets(answer) == [f"the <mark>{stored}</mark> <mark>failed</mark>"]
    assert (answer["forms"], answer["corrected"]) == ({typed: [stored.lower()]}, None)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ('"charged twice"', "a charge twice"),
        ('"charged" twice', "a charge twice"),
        ("twice -charged", "a charge once"),
        ("user twice", "use twice"),
        ("charge() twice", "charged twice"),
        ("news twice", "new twice"),
    ],
)
def test_only_plain_words_have_forms(client: TestClient, connection: psycopg.Connection[Any], typed: str, stored: str) -> None:
    """given phrases, excluded words, words with signs, and words that only look alike, then each is what it is."""
    sessions_with(connection, {"s": [stored]})

    answer = asked(client, typed)

    assert (answer["total"], answer["forms"]) == (0, None)


def test_an_excluded_word_excludes_itself_alone(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    sessions_with(connection, {"s": ["a charge twice", "charged twice"]})

    assert snippets(asked(client, "twice -charged")) == ["a charge <mark>twice</mark>"]


def test_words_as_they_were_typed_come_first(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    # Given the word as it was typed in an old output, and another form of it in a title and often in newer prompts
    sessions_with(connection, {"forms": ["migrations migrations", "migrations"]})
    seed.add_document(connection, "forms", NOON, "migrations", kind="session")
    seed.add_session(connection, "typed", seed.add_project(connection, "/typed"))
    seed.add_document(connection, "typed", NOON - timedelta(days=9), "cat notes", result="a very long list with one migration in it")

    # When it is not the last word, which may be unfinished
    answer = asked(client, "migration or nothing")

    assert [item["session_id"] for item in answer["items"]] == ["typed", "forms", "forms", "forms"]
    assert by_session(client, "migration or nothing") == [("typed", "one_text"), ("forms", "one_text")]


def test_enough_matches_are_left_alone(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    sessions_with(connection, {"many": ["a charge of it"] * (FEW + 1), "other": ["charged for it"]})

    assert (asked(client, "charge it")["total"], asked(client, "charge it")["forms"]) == (FEW + 1, None)
    # By session, these are few.
    assert by_session(client, "charge it") == [("many", "one_text"), ("other", "one_text")]


def test_forms_may_be_in_different_texts_of_a_session(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    sessions_with(connection, {"forms": ["it was charging", "a refund"], "typed": ["it was charged", "refunds"]})

    assert by_session(client, "charged refunds") == [("typed", "session"), ("forms", "session")]
    assert by_session(client, "charged refunds", correct=False) == [("typed", "session")]


@pytest.mark.parametrize("kind", ["input", "result", "command"])
def test_forms_are_found_in_a_part_of_a_call(client: TestClient, connection: psycopg.Connection[Any], kind: str) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    seed.add_document(connection, "s", NOON, "run the migration", result="each migration ran")

    answer = asked(client, "migrations", kind=kind)

    assert [item["matched_in"] for item in answer["items"]] == [["result" if kind == "result" else "input"]]


def test_a_word_with_forms_is_not_taken_for_a_misspelt_one(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    # Given a word that nobody wrote in this form, a near one that many wrote, and a misspelt one
    sessions_with(connection, {"s": ["a charge for the gateway", "changed the gateway"]})
    connection.execute("UPDATE search_words SET documents = found_in")

    answer = asked(client, "charged gatewya")

    assert (answer["forms"], answer["corrected"]) == ({"charged": ["charge"]}, {"gatewya": "gateway"})
    assert snippets(answer) == ["a <mark>charge</mark> for the <mark>gateway</mark>"]


@pytest.mark.parametrize("group_by", [{}, {"group_by": "session"}])
def test_the_next_page_goes_on_with_the_forms(client: TestClient, connection: psycopg.Connection[Any], group_by: dict[str, str]) -> None:
    sessions_with(connection, {f"s{number}": ["charges made", "a charge made"] for number in range(4)})

    first = asked(client, "charged made", limit=3, **group_by)
    rest = asked(client, "charged made", limit=3, cursor=first["next_cursor"], **group_by)

    assert first["forms"] == rest["forms"] == {"charged": ["charge", "charges"]}
    name = "sessions" if group_by else "items"
    assert (len(first[name]), len(rest[name])) == ((3, 1) if group_by else (3, 3))


def test_what_is_offered_without_a_word_is_counted_as_it_is_asked(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    # Given no session with all words, few with another form of them, and of other words more than are asked for forms
    few = {f"few{number}": ["a charge", "twice"] for number in range(3)}
    many = {f"many{number}": ["an invoice", "paid"] for number in range(FEW + 1)} | {"form": ["invoices", "paid"]}
    sessions_with(connection, few | many)

    for q in ("charged twice zebra", "zebra invoice paid"):
        [offer] = asked(client, q, group_by="session")["nearest"]

        assert offer["is_exact"]
        assert offer["sessions"] == len(by_session(client, offer["q"], limit=100))


def test_a_search_as_typed_has_no_forms(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    sessions_with(connection, {"s": ["the migration failed"]})

    assert asked(client, "migrations failed", correct=False)["items"] == []
