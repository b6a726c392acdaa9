"""The undo of an import of an export takes back all that it changed besides rows: marks, machines, views, rules, names, merges."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from services.worker.maintenance import join_projects
from services.worker.resources import Resources
from shared.events.messages import SessionStart
from shared.sql_files import SqlFile
from tests.emptied import Emptier
from tests.integration.worker.imports.exported_world import NOW, a_tracker_with_everything, send
from tests.integration.worker.imports.exporting import exported, imported, undone
from tests.integration.worker.statements import select

SHOP, FIX = "/home/ann/shop", "/home/ann/shop-fix"
BESIDES = {
    "users": "SELECT u.name, a.name FROM users AS u JOIN users AS a ON a.id = u.alias_of",
    "merges": "SELECT p.path, w.path, p.merged_by, p.is_kept_apart FROM projects AS p JOIN projects AS w ON w.id = p.part_of",
    "wholes": "SELECT p.path, w.path FROM projects AS p JOIN projects AS w ON w.id = p.merged_into",
    "places": "SELECT told_by, path, common_dir, remote FROM project_places",
    "rules": "SELECT r.pattern, p.path FROM project_rules AS r JOIN projects AS p ON p.id = r.project_id",
    "machines": "SELECT machine_id, name, user_name, report::text FROM machines",
    "session_machines": "SELECT session_id, machine_id FROM session_machines",
    "session_marks": "SELECT session_id, is_starred, tags, note, title, visibility FROM session_marks",
    "saved_views": "SELECT name, address FROM saved_views",
    "dropped_texts": "SELECT session_id, before FROM dropped_texts",
}


def besides(worker: Resources) -> dict[str, list[Any]]:
    return {name: sorted(select(worker, rows)) for name, rows in BESIDES.items()}


def run(worker: Resources, *statements: str) -> None:
    with psycopg.connect(worker.settings.database_url) as connection:
        for each in statements:
            connection.execute(each.encode())


def start(session_id: str, path: str, user: str = "ann") -> SessionStart:
    return SessionStart(project_path=path, start_time=NOW, session_id=session_id, user=user, id=uuid4())


@pytest.fixture
def archive(worker: Resources, emptier: Emptier, tmp_path: Path) -> Path:
    """An export of a tracker in which two projects are one by hand, a rule names a third, and a machine has told of a fourth."""
    a_tracker_with_everything(worker, tmp_path)
    send(worker, [start("fix", FIX)])
    run(
        worker,
        f"UPDATE projects SET (part_of, merged_into, merged_by, merged_at) = ((SELECT id FROM projects WHERE path = '{SHOP}'),"
        f" (SELECT id FROM projects WHERE path = '{SHOP}'), 'hand', now()) WHERE path = '{FIX}'",
        f"INSERT INTO project_rules (pattern, project_id) SELECT '/builds/*', id FROM projects WHERE path = '{SHOP}'",
        f"INSERT INTO project_places (told_by, path, common_dir, is_main) VALUES ('m-1', '{SHOP}', '/g', true), ('m-1', '/tree', '/g', false)",
        "INSERT INTO dropped_texts (session_id, before, is_done) VALUES ('wire', '2026-05-01', true)",
    )
    made = exported(worker, tmp_path / "export.zip")
    emptier()
    return made


def test_an_undo_takes_back_all_that_an_import_changed(worker: Resources, archive: Path) -> None:
    # Given a tracker in which people have noted, named and decided other things of the same sessions and projects
    send(worker, [start("wire", SHOP), start("fix", FIX), start("b", "/builds/1"), start("t", "/tree"), start("v", "/elsewhere")])
    run(
        worker,
        "INSERT INTO session_marks (session_id, note, changed_at) VALUES ('wire', 'mine', '2020-01-01')",
        "INSERT INTO machines (machine_id, name) VALUES ('m-2', 'desk')",
        "INSERT INTO saved_views (name, address) VALUES ('mine', '/')",
        "INSERT INTO project_rules (pattern, project_id) SELECT '/mine/*', id FROM projects WHERE path = '/elsewhere'",
    )
    join_projects.run(worker)
    before = besides(worker)

    # When an export is imported, and its rules are applied
    ended = imported(worker, archive)
    join_projects.run(worker)
    brought = besides(worker)

    # Then what people had noted here is as it was, all else came, and after the undo nothing of it is left
    assert brought["session_marks"] == before["session_marks"]
    assert [merge[:2] for merge in brought["merges"]] == [("/builds/1", SHOP), (FIX, SHOP), ("/tree", SHOP)]
    assert {name for name in BESIDES if brought[name] == before[name]} == {"session_marks", "dropped_texts"}
    undone(worker, ended["number"])
    assert besides(worker) == before


def test_of_two_imports_the_undo_of_one_leaves_what_the_other_brought(worker: Resources, archive: Path) -> None:
    empty = besides(worker)
    first, second = imported(worker, archive), imported(worker, archive)
    both = besides(worker)

    undone(worker, first["number"])
    one = besides(worker)
    undone(worker, second["number"])

    merged = ("merges", "wholes")
    assert {name: rows for name, rows in one.items() if name not in merged} == {
        name: rows for name, rows in both.items() if name not in merged
    }
    assert besides(worker) == empty


def test_whatever_somebody_changed_since_stays(worker: Resources, archive: Path) -> None:
    # Given an export that was imported, after which its note was changed, its machine reported, its session was seen there, and its view was renamed
    ended = imported(worker, archive)
    marks = {"is_starred": False, "tags": [], "tag_keys": [], "note": "mine", "title": None, "visibility": None, "session_id": "wire"}
    report = {"machine_id": "m-1", "name": "laptop", "user": "ann", "report": "{}", "is_bound": False}
    with psycopg.connect(worker.settings.database_url) as connection:
        connection.execute(SqlFile("services.ingest.postgres.admin", "session_marks.sql").store.encode(), marks)
        connection.execute(SqlFile("services.ingest.postgres.admin", "machines.sql").report.encode(), report)
        noted = {"session_ids": ["wire"], "machine_ids": ["m-1"]}
        connection.execute(SqlFile("services.worker.drain", "store_captured.sql").note_machines.encode(), noted)
        [(view_id,)] = connection.execute("SELECT id FROM saved_views").fetchall()
        renamed = {"id": view_id, "name": "mine", "address": "/"}
        connection.execute(SqlFile("services.ingest.postgres.admin", "saved_views.sql").change.encode(), renamed)

    undone(worker, ended["number"])

    left = besides(worker)
    assert [row[3] for row in left["session_marks"]] == ["mine"]
    assert (left["machines"][0][0], left["session_machines"], left["saved_views"]) == ("m-1", [("wire", "m-1")], [("mine", "/")])
