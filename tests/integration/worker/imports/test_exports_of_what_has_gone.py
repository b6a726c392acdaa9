"""An export of everything takes along what dropped sessions counted, which projects are one, and that texts are gone; and nothing that was erased
comes in by it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from services.worker.persist.tombstones import Kind, write_tombstones
from services.worker.resources import Resources
from tests.emptied import Emptier
from tests.integration.worker.all_tables import differences
from tests.integration.worker.imports.exported_world import a_tracker_that_has_dropped_some, a_tracker_with_everything
from tests.integration.worker.imports.exporting import everything, exported, imported, transcripts, undone
from tests.integration.worker.maintenance.projects_world import decide, move_all, one, sums
from tests.integration.worker.statements import execute, select

LATER = datetime(2030, 1, 1, tzinfo=UTC)


VECTORS = """
    SELECT p.path, r.grain_minutes, r.bucket_start::text, r.tool_name, r.times, r.measured_times, r.calls_by_quarter, r.errors_by_quarter, r.max_ms
    FROM tool_rollups AS r LEFT JOIN projects AS p ON p.id = r.project_id LEFT JOIN users AS u ON u.id = r.user_id
    WHERE r.calls > 0 ORDER BY p.path, u.name, r.user_id = -1, r.grain_minutes, r.bucket_start, r.tool_name"""


def test_numbers_of_dropped_sessions_move_to_another_tracker(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given a tracker with a base and a merge, and its export
    a_tracker_that_has_dropped_some(worker)
    before, vectors = sums(worker), select(worker, VECTORS)
    archive = exported(worker, tmp_path / "export.zip")

    # When it is imported into a tracker that has nothing
    emptier()
    ended = imported(worker, archive)

    # Then all sums are the same, by the rows and the base
    assert (ended["status"], ended["errors"], ended["skipped_records"]) == ("succeeded", [], {})
    assert sums(worker) == before
    assert select(worker, VECTORS) == vectors
    assert differences(worker) == {}

    # And the merge can be taken out there, which gives each path its own
    decide(worker, "/w/shop-fix", None)
    move_all(worker)
    assert differences(worker) == {}
    apart = sums(worker)
    assert apart != before
    decide(worker, "/w/shop-fix", "/w/shop")
    move_all(worker)
    assert sums(worker) == before


def test_a_base_comes_into_an_empty_tracker_alone_and_an_undo_takes_it_back(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    a_tracker_that_has_dropped_some(worker)
    archive = exported(worker, tmp_path / "export.zip")
    emptier()
    first = imported(worker, archive)
    once = sums(worker)

    # When it is imported once more
    second = imported(worker, archive)

    # Then nothing counts twice, and the job says so
    assert sums(worker) == once
    assert [error["code"] for error in second["errors"]] == ["BASE_LEFT_OUT"]
    assert second["skipped_records"]["BASE_LEFT_OUT"] > 0

    # And an undo of both leaves nothing that counts
    for ended in (second, first):
        undone(worker, ended["number"])
    assert {table: found for table, found in sums(worker).items() if found and table != "projects"} == {}
    assert one(worker, "SELECT count(*) FROM base_sessions") == 0
    assert differences(worker) == {}


def test_a_project_keeps_what_people_said_of_it(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    """given names, groups, visibility, places and rules, when all is imported elsewhere, then they are there, and marks say who may read."""
    a_tracker_with_everything(worker, tmp_path)
    execute(worker, "UPDATE projects SET group_name = 'team', is_archived = true, visibility = 'private' WHERE path = '/home/ann/shop'")
    execute(worker, "UPDATE session_marks SET visibility = 'shared'")
    execute(
        worker, "INSERT INTO project_places (told_by, path, remote, is_main) VALUES ('m-1', '/home/ann/shop', 'github.com/acme/shop', true)"
    )
    execute(worker, "INSERT INTO project_rules (pattern, project_id) SELECT '/x/*', id FROM projects WHERE path = '/home/ann/shop'")
    asked = """SELECT p.path, group_name, is_archived, p.visibility, (SELECT count(*) FROM project_rules WHERE project_id = p.id), t.told_by, t.remote,
        t.is_main, m.visibility FROM projects AS p JOIN project_places AS t ON t.path = p.path, session_marks AS m"""
    before = select(worker, asked)
    archive = exported(worker, tmp_path / "export.zip")

    emptier()
    imported(worker, archive)

    assert len(before) == 1
    assert select(worker, asked) == before


def test_texts_that_are_gone_stay_gone_elsewhere(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given an export, and one of the same tracker after the texts of two sessions were dropped
    a_tracker_with_everything(worker, tmp_path)
    with_texts = exported(worker, tmp_path / "with.zip")
    execute(
        worker, "INSERT INTO dropped_texts (session_id, before, is_done) VALUES ('wire', %s, true), ('file-1', %s, true)", (LATER, LATER)
    )
    without = exported(worker, tmp_path / "without.zip")

    # When the later one is imported elsewhere, and then the earlier one
    emptier()
    imported(worker, without)
    imported(worker, with_texts)

    # Then rows of these sessions have no texts, and the archive has none of their files
    assert select(worker, "SELECT session_id FROM dropped_texts WHERE is_done ORDER BY 1") == [("file-1",), ("wire",)]
    assert select(worker, "SELECT DISTINCT content FROM messages WHERE session_id IN ('wire', 'file-1')") == [("",)]
    assert select(worker, "SELECT count(*) > 0 FROM messages WHERE content <> ''") == [(True,)]
    with psycopg.connect(worker.settings.database_url) as connection:
        assert {file[0] for file in transcripts(worker, connection)} == {"file-0", "file-2", "live"}


def test_nothing_of_what_was_erased_comes_in_by_an_export(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given an export with a session, its marks and machine; a person with a machine; a live file; and tombstones of them
    a_tracker_with_everything(worker, tmp_path)
    archive = exported(worker, tmp_path / "export.zip")
    emptier()
    named: dict[Kind, list[str]] = {"session": ["wire", "live", "file-0"], "user": ["ann", "anna"], "project": ["/home/ann/shop"]}
    with worker.transaction() as connection:
        for kind, names in named.items():
            write_tombstones(connection, kind, names, reason="erased")

    # When it is imported
    ended = imported(worker, archive)

    # Then the rest comes, and no table and no transcript has any of it
    assert ended["status"] == "succeeded"
    found = everything(worker)
    text = json.dumps({name: kept for name, kept in found.items() if name != "transcripts"}, default=str)
    for name in ("wire", "file-0", "/home/ann/shop", '"ann"', "anna", "a note"):
        assert name not in text, name
    assert [file[0] for file in found["transcripts"]] == ["file-1", "file-2"]
    assert (found["session_marks"], found["machines"]) == ([], [])
    assert select(worker, "SELECT count(*) FROM projects WHERE path = '/home/ann/shop'") == [(0,)]


def test_a_base_leaves_out_who_was_erased_here(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    a_tracker_that_has_dropped_some(worker)
    archive = exported(worker, tmp_path / "export.zip")
    emptier()
    with worker.transaction() as connection:
        write_tombstones(connection, "user", ["ann"], reason="erased")

    imported(worker, archive)

    assert select(worker, "SELECT DISTINCT u.name FROM base_sessions AS b JOIN users AS u ON u.id = b.user_id") == [("bob",)]
    assert differences(worker) == {}
