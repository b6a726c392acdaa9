"""A key that is bound to projects finds only what is in them, in every mode; keys for numbers find nothing."""

from datetime import UTC, datetime
from itertools import product

import psycopg
import pytest

from tests.integration.keys.conftest import Api
from tests.integration.query import seed

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
MODES = [
    "q=needle",
    "q=eedl&mode=literal",
    "q=n.{2}dle&mode=regex",
    "q=%3D%3E&mode=literal",
    "q=is:error",
    "q=nedle",
    "q=needle&group_by=session",
]


@pytest.fixture
def projects(database_url: str) -> list[int]:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        ids = []
        for name in ("mine", "also", "theirs"):
            ids.append(seed.add_project(connection, f"/{name}"))
            seed.add_session(connection, name, ids[-1])
            seed.add_document(connection, name, NOON, f"needle => of {name}", result="a needle", is_error=True)
        connection.execute("UPDATE search_words SET documents = 3 WHERE word = 'needle'")
        return ids


@pytest.mark.parametrize("seen", [["mine"], ["mine", "also"]])
def test_a_bound_key_finds_only_what_is_in_its_projects(api: Api, projects: list[int], seen: list[str], subtests: pytest.Subtests) -> None:
    key = api.key("read", projects=projects[: len(seen)])

    for asked, sort in product(MODES, ["best", "newest"]):
        with subtests.test(asked, sort=sort):
            answer = api.get(key, f"/api/search?{asked}&sort={sort}")

            assert answer.status_code == 200, answer.text
            found = answer.json().get("items") or answer.json().get("sessions") or []
            assert sorted(each["session_id"] for each in found) == ([] if asked == "q=nedle" else sorted(seen))
            assert "theirs" not in answer.text


def test_a_bound_key_finds_words_across_the_texts_of_its_sessions_only(api: Api, projects: list[int], database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        for name in ("mine", "theirs"):
            seed.add_document(connection, name, NOON, "haystack")
    key = api.key("read", projects=projects[:2])

    found = api.get(key, "/api/search?q=haystack+needle&group_by=session").json()
    nothing = api.get(key, "/api/search?q=haystack+needle+theirs").json()

    assert [(session["session_id"], session["match"]) for session in found["sessions"]] == [("mine", "session")]
    assert found["across"] == {"sessions": 1, "is_exact": True}
    assert [(offer["without"], offer["sessions"]) for offer in nothing["nearest"]] == [(["theirs"], 1)]


def test_a_bound_key_knows_no_other_project_by_name(api: Api, projects: list[int]) -> None:
    answer = api.get(api.key("read", projects=projects[:1]), "/api/search?q=needle+project:theirs")

    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("scope", ["numbers", "metrics", "ingest"])
def test_keys_for_numbers_find_nothing(api: Api, projects: list[int], scope: str) -> None:
    assert api.get(api.key(scope), "/api/search?q=needle").status_code == 403


@pytest.mark.parametrize("seen", [["mine"], ["mine", "also"]])
def test_a_bound_key_finds_what_was_just_said_in_its_projects_only(
    api: Api, projects: list[int], database_url: str, seen: list[str]
) -> None:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        for name in ("mine", "also", "theirs"):
            seed.add_message(connection, name, NOON, f"just said in {name}")
    key = api.key("read", projects=projects[: len(seen)])

    answer = api.get(key, "/api/conversations/search?q=said")

    assert sorted(item["session_id"] for item in answer.json()["items"]) == sorted(seen)
    assert (answer.json()["total"], answer.json()["total_is_exact"]) == (len(seen), True)
    assert "theirs" not in answer.text


def test_a_bound_role_reads_of_notes_only_ids_of_messages(api: Api, projects: list[int]) -> None:
    with psycopg.connect(api.database_url) as connection:
        connection.execute(
            "SELECT set_config('tracker.projects', %s, true), set_config('role', 'tracker_bound', true)", (f"{{{projects[0]}}}",)
        )

        connection.execute("SELECT newest, number, rows, keys FROM search_noted_messages")

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT keys FROM search_pending")
