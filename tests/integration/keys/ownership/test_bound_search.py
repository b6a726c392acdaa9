"""A key that is bound to projects finds only what is in them, in every mode."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from services.query.queries.search import ranked_sessions
from tests.integration.keys.conftest import Api, running
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
        return ids


@pytest.mark.parametrize("seen", [["mine"], ["mine", "also"]])
def test_a_bound_key_finds_only_what_is_in_its_projects(api: Api, projects: list[int], seen: list[str], subtests: pytest.Subtests) -> None:
    key = api.key("read", projects=projects[: len(seen)])
    api.catch_up()

    for asked, sort in product(MODES, ["best", "newest"]):
        with subtests.test(asked, sort=sort):
            answer = api.get(key, f"/api/search?{asked}&sort={sort}")

            assert answer.status_code == 200, answer.text
            found = answer.json().get("items") or answer.json().get("sessions") or []
            assert sorted(each["session_id"] for each in found) == ([] if asked == "q=nedle" else sorted(seen))
            ranked = answer.json()["ranked"]
            assert ranked is None or {each["session_id"] for each in ranked["sessions"]} == (
                {*seen} if asked.startswith("q=needle") else set()
            )
            assert "theirs" not in answer.text


# Words that anyone may write, and words that only others do.
WORDS = [f"{name}{number}" for name in ("apple", "plum", "cherry") for number in range(6)]
THEIRS = [f"{name}secret" for name in ("apple", "plum", "cherry", "quince")]


def write(connection: psycopg.Connection[Any], random: Random, sessions: Iterable[str], project: int, user: int, words: list[str]) -> None:
    """Sessions with some texts of these words."""
    for session_id in sessions:
        seed.add_session(connection, session_id, project, user, last_event_at=NOON)
        for minute in range(random.randint(1, 4)):
            text = " ".join(random.choices(words, k=random.randint(1, 6)))
            kind = random.choice(["message", "session", "file"])
            seed.add_document(connection, session_id, NOON + timedelta(minutes=minute), text, kind=kind)


@pytest.mark.parametrize(
    ("bound_to", "sessions", "candidates"), [("user", "private", (200,)), ("project", "private", (3, 12)), ("user", "shared", (1, 20))]
)
def test_what_others_write_changes_nothing_of_what_is_ranked(
    database_url: str,
    redis_url: str,
    tmp_path: Path,
    admin: str,
    monkeypatch: pytest.MonkeyPatch,
    bound_to: str,
    sessions: str,
    candidates: tuple[int, ...],
) -> None:
    """given searches of a bound key, when others write the same words and words of their own, then each answer is the same byte for byte."""
    monkeypatch.setattr(ranked_sessions, "CANDIDATES", candidates)
    # However busy the machine is.
    monkeypatch.setattr(ranked_sessions, "BUDGET_SECONDS", 60.0)
    random = Random(f"{bound_to} {sessions}")
    probes = [" ".join(random.choices([*WORDS, *THEIRS, "aple1", "quincesecrte"], k=random.randint(1, 4))) for _ in range(70)]
    with (
        psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection,
        running(database_url, redis_url, tmp_path / "blobs", "keys", sessions=sessions) as api,
    ):
        ann, bob = seed.add_user(connection, "ann"), seed.add_user(connection, "bob")
        mine, theirs = seed.add_project(connection, "/mine"), seed.add_project(connection, "/theirs")
        # The others' sessions that the key sees in the project, or since they are shared.
        write(connection, random, [f"anns {number}" for number in range(25)], mine, ann, WORDS)
        write(connection, random, [f"bobs {number}" for number in range(10)], mine, bob, WORDS)
        key = api.key("read", user="ann") if bound_to == "user" else api.key("read", projects=[mine])
        before = ranked(api, key, probes)

        kept = [f"kept {number}" for number in range(60)]
        write(connection, random, kept, theirs, bob, [*WORDS, *THEIRS])
        hide = "INSERT INTO session_marks (session_id, visibility) SELECT unnest(%s::text[]), 'private'"
        connection.execute(hide, (kept,))
        assert ranked(api, key, probes) == before
        assert any(answer["sessions"] for answer in before)
        # To a key that sees all, it is another answer.
        assert "kept" in str(ranked(api, admin, THEIRS))


def ranked(api: Api, key: str, probes: list[str]) -> list[dict[str, Any]]:
    """The sessions that each search ranks, once all is indexed."""
    api.catch_up()
    found = []
    for q in probes:
        answer = api.get(key, f"/api/search?q={quote(q)}&limit=1").json()
        assert answer["is_complete"], answer["incomplete_because"]
        assert answer["ranked"]["is_ready"]
        found.append(answer["ranked"])
    return found


def test_a_bound_key_knows_no_other_project_by_name(api: Api, projects: list[int]) -> None:
    api.catch_up()

    answer = api.get(api.key("read", projects=projects[:1]), "/api/search?q=needle+project:theirs")

    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("seen", [["mine"], ["mine", "also"]])
def test_a_bound_key_finds_what_was_just_said_in_its_projects_only(
    api: Api, projects: list[int], database_url: str, seen: list[str]
) -> None:
    api.catch_up()
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        for name in ("mine", "also", "theirs"):
            seed.add_message(connection, name, NOON, f"just said in {name}")
    key = api.key("read", projects=projects[: len(seen)])

    answer = api.get(key, "/api/conversations/search?q=said")

    assert sorted(item["session_id"] for item in answer.json()["items"]) == sorted(seen)
    assert (answer.json()["total"], answer.json()["total_is_exact"]) == (len(seen), True)
    assert "theirs" not in answer.text


def test_a_bound_role_reads_no_notes(api: Api, projects: list[int]) -> None:
    with psycopg.connect(api.database_url) as connection:
        connection.execute(
            "SELECT set_config('tracker.projects', %s, true), set_config('role', 'tracker_bound', true)", (f"{{{projects[0]}}}",)
        )

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM search_changes")


def test_a_file_that_another_changed_later_is_found(api: Api, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        project = seed.add_project(connection, "/shop")
        for minute, name in enumerate(("ann", "bob")):
            seed.add_session(connection, f"{name}s", project, seed.add_user(connection, name))
            seed.add_activity(connection, f"{name}s", NOON + timedelta(minutes=minute), "/shop/needle.py")
    api.catch_up()

    answer = api.get(api.key("read", user="ann"), "/api/search?q=needle&kind=file").json()

    assert [(item["path"], item["session_id"]) for item in answer["items"]] == [("/shop/needle.py", "anns")]
