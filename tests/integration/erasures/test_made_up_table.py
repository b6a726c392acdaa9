"""A made-up table: an entry in the catalogue is all that the product has of it. It is granted, scrubbed, erased, dropped, moved, exported and
brought back as any other."""

import importlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import msgspec
import pytest

from deploy.migrations.grants import INGEST, QUERY, WORKER, grant
from services.worker.importers.formats.exported_besides import type_of_rows
from services.worker.maintenance import merge_users
from services.worker.maintenance.jobs import JOBS, run_job
from services.worker.maintenance.scrub import scrub
from shared.events.messages import SessionStart
from shared.jobs import SCRUB
from shared.tables.catalogue import TABLES
from shared.tables.table import EXPORTED, KEEP, LOOK_UP, READ, WITH_OWNER, Owner, Table
from tests.integration.erasures.erasing import erased
from tests.integration.keys.ownership.owners import AT, World
from tests.integration.worker.imports.exporting import exported, imported, undone
from tests.integration.worker.maintenance.projects_world import decide, move_all
from tests.integration.worker.maintenance.retaining import drop, set_rule
from tests.integration.worker.maintenance.sessions_of_users import request_merge
from tests.integration.worker.statements import execute, select

MADE_UP: Final = Table(
    "made_up", Owner.SESSION, LOOK_UP, KEEP, READ, EXPORTED, WITH_OWNER,
    "ID id session_id -project_id -brought_by USER -user_id USER_NAME user_name TIME occurred_at TEXT words", alone="occurred_at",
)  # fmt: skip
CREATE: Final = """CREATE TABLE made_up (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), session_id text NOT NULL, project_id bigint, user_id bigint, user_name text,
    occurred_at timestamptz NOT NULL, words text NOT NULL, brought_by integer[])"""
HOUR: Final = timedelta(hours=1)
RANGE: Final = {"session_id": "s", "from": (AT + HOUR).isoformat(), "to": (AT + 2 * HOUR).isoformat()}


def _begin_anew() -> None:
    """The stages of a scrub are those of a process that begins with the tables that there are."""
    JOBS[SCRUB] = importlib.reload(scrub).JOB


@pytest.fixture
def filled(world: World) -> Iterator[World]:
    """Rows of sessions of ann and bob, in a project each; one of bob's by a key of ann; one of a session of which nothing else came."""
    TABLES[MADE_UP.name] = MADE_UP
    _begin_anew()
    execute(world.worker, CREATE)
    grant(world.worker.settings.database_url)
    for session_id, user in (("s", "ann"), ("t", "bob")):
        world.append(events=[SessionStart(id=uuid4(), session_id=session_id, project_path=f"/{user}", user=user, start_time=AT)])
    world.settle()
    execute(
        world.worker,
        """INSERT INTO made_up (session_id, words, occurred_at, user_name)
               VALUES ('s', 'of ann', %(at)s, NULL), ('s', 'an hour later', %(later)s, NULL), ('t', 'of bob', %(at)s, NULL),
                      ('t', 'by ann', %(at)s, 'ann'), ('nothing else', 'alone', %(at)s, NULL)""",
        {"at": AT, "later": AT + HOUR},
    )
    yield world
    del TABLES[MADE_UP.name]
    _begin_anew()
    execute(world.worker, "DROP TABLE made_up")


def words_of(world: World) -> set[str]:
    return {words for (words,) in select(world.worker, "SELECT words FROM made_up")}


def test_it_is_granted(filled: World) -> None:
    may = "SELECT has_column_privilege(%(role)s, 'made_up', %(column)s, %(right)s)"
    rights = [(INGEST, "session_id", "SELECT"), (INGEST, "words", "SELECT"), (QUERY, "words", "SELECT"), (QUERY, "words", "UPDATE")]
    found = [
        select(filled.worker, may, {"role": role, "column": column, "right": right})
        for role, column, right in (*rights, (WORKER, "words", "UPDATE"))
    ]
    assert found == [[(True,)], [(False,)], [(True,)], [(False,)], [(True,)]]


def test_a_bound_key_reads_the_rows_of_its_sessions(filled: World) -> None:
    def read(*, user: str = "*", project: str = "*") -> set[str]:
        with filled.worker.transaction() as connection:
            connection.execute(
                """SELECT set_config('tracker.projects', coalesce((SELECT '{' || id || '}' FROM projects WHERE path = %(project)s), '*'), true),
                          set_config('tracker.users', coalesce((SELECT '{' || id || '}' FROM users WHERE name = %(user)s), '*'), true),
                          set_config('role', 'tracker_bound', true)""",
                {"user": user, "project": project},
            )
            return {words for (words,) in connection.execute("SELECT words FROM made_up").fetchall()}

    assert read(user="ann") == read(project="/ann") == {"of ann", "an hour later"}
    assert read(user="bob") == read(project="/bob") == {"of bob", "by ann"}
    # Migrating once more changes nothing.
    grant(filled.worker.settings.database_url)
    assert read(user="ann", project="/bob") == set()


def test_it_is_scrubbed(filled: World) -> None:
    execute(filled.worker, "UPDATE made_up SET words = 'ghp_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6' WHERE words = 'of bob'")
    [(scrub_id,)] = select(filled.worker, "INSERT INTO jobs (kind, id, is_dry_run) VALUES ('scrub', gen_random_uuid(), false) RETURNING id")

    while run_job(filled.worker, SCRUB, scrub_id):
        pass

    assert "ghp_" not in " ".join(words_of(filled))
    assert select(filled.worker, "SELECT status, counts -> 'changed_in' FROM jobs WHERE kind = 'scrub'") == [("succeeded", {"made_up": 1})]


@pytest.mark.parametrize(
    ("what", "confirm", "gone"),
    [
        ({"session_id": "s"}, "s", {"of ann", "an hour later"}),
        ({"user": "ann"}, "ann", {"of ann", "an hour later", "by ann"}),
        ({"project_id": 1}, "/ann", {"of ann", "an hour later"}),
        (RANGE, "s", {"an hour later"}),
    ],
)
def test_it_is_erased(filled: World, what: dict[str, Any], confirm: str, gone: set[str]) -> None:
    before = words_of(filled)

    assert erased(filled, what, confirm)["counts"]["made_up"] == len(gone)

    assert before - words_of(filled) == gone


def test_all_that_there_is_of_a_session_goes_with_the_person_or_project_that_one_row_names(filled: World) -> None:
    execute(
        filled.worker,
        """INSERT INTO made_up (session_id, words, occurred_at, user_id, user_name, project_id)
           VALUES ('by her', 'named', now(), NULL, 'ann', NULL), ('by her', 'unnamed', now(), NULL, NULL, NULL),
                  ('hers', 'of her id', now(), (SELECT id FROM users WHERE name = 'ann'), NULL, NULL),
                  ('there', 'of his project', now(), NULL, NULL, (SELECT id FROM projects WHERE path = '/bob'))""",
    )

    erased(filled, {"user": "ann"}, "ann")

    assert words_of(filled) == {"of bob", "alone", "of his project"}
    erased(filled, {"project_id": 2}, "/bob")
    assert words_of(filled) == {"alone"}


def test_it_is_dropped_with_its_session_and_when_it_is_alone(filled: World) -> None:
    set_rule(filled.worker, "sessions", 30, user="ann")
    set_rule(filled.worker, "live_payloads", 30)
    drop(filled.worker)

    assert words_of(filled) == {"of bob", "by ann"}


def test_it_is_moved_to_another_user(filled: World) -> None:
    ids = dict(select(filled.worker, "SELECT name, id FROM users"))
    execute(filled.worker, "UPDATE made_up SET user_id = %(id)s", {"id": ids["bob"]})

    merge_users.run(filled.worker, request_merge(filled.worker, "bob", "ann"))

    assert select(filled.worker, "SELECT DISTINCT user_id FROM made_up") == [(ids["ann"],)]


def test_it_is_rekeyed_with_its_session(filled: World) -> None:
    ids = dict(select(filled.worker, "SELECT path, id FROM projects"))
    execute(filled.worker, "UPDATE made_up SET project_id = (SELECT id FROM projects WHERE path = '/' || right(words, 3))")
    of_projects = "SELECT words, project_id FROM made_up WHERE project_id IS NOT NULL ORDER BY words"
    assert select(filled.worker, of_projects) == [("by ann", ids["/ann"]), ("of ann", ids["/ann"]), ("of bob", ids["/bob"])]

    decide(filled.worker, "/ann", "/bob")
    move_all(filled.worker)
    assert dict(select(filled.worker, of_projects))["of ann"] == ids["/bob"]

    decide(filled.worker, "/ann", None)
    move_all(filled.worker)
    assert dict(select(filled.worker, of_projects))["of ann"] == ids["/ann"]


def test_it_is_exported_and_brought_back(filled: World, tmp_path: Path) -> None:
    worker, before = filled.worker, words_of(filled)
    archive = exported(worker, tmp_path / "everything.zip")
    execute(worker, "DELETE FROM made_up WHERE words IN ('of ann', 'by ann')")

    job = imported(worker, archive)

    assert (job["status"], job["errors"], words_of(filled)) == ("succeeded", [], before)
    brought = "SELECT words, user_name FROM made_up WHERE brought_by IS NOT NULL ORDER BY words"
    assert select(worker, brought) == [("by ann", "ann"), ("of ann", None)]
    undone(worker, job["number"])
    assert words_of(filled) == before - {"of ann", "by ann"}


def test_what_an_erased_person_brought_stays_out(filled: World, tmp_path: Path) -> None:
    archive = exported(filled.worker, tmp_path / "everything.zip")
    erased(filled, {"user": "ann"}, "ann")
    left = words_of(filled)
    assert "by ann" not in left

    imported(filled.worker, archive)

    assert words_of(filled) == left


@pytest.mark.parametrize(
    "value",
    [{"occurred_at": "tomorrow"}, {"occurred_at": "0001-01-01T00:00:00Z"}, {"user_name": "a\nb"}, {"words": 5}, {"session_id": "s" * 300}],
)
def test_what_is_brought_is_held_to_what_its_columns_hold(filled: World, value: dict[str, Any]) -> None:
    row = {"id": str(uuid4()), "session_id": "s", "occurred_at": "2026-05-02T12:00:00Z", "user_name": "ann", "words": "of ann"}
    of_rows = type_of_rows("made_up")
    msgspec.convert(row, of_rows)

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(row | value, of_rows)
