"""An export of everything, imported into an empty tracker, gives the same tracker. Into one with data it merges as any import, and its undo takes back
all that it changed."""

import json
import zipfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.worker.importers.job import run_shard
from services.worker.maintenance import join_projects
from services.worker.maintenance.verify import verify
from services.worker.resources import Resources
from shared.events.messages import SessionStart
from shared.sql_files import SqlFile
from tests.emptied import Emptier
from tests.example_counts import examples
from tests.integration.worker.imports.exported_world import (
    MACHINE,
    NOW,
    a_tracker_with_everything,
    bring,
    send,
    sent_by_clients,
    session,
    word,
)
from tests.integration.worker.imports.exporting import (
    add_export,
    everything,
    export_row,
    exported,
    imported,
    rewritten,
    undone,
)
from tests.integration.worker.random_transcripts import World, worlds
from tests.integration.worker.statements import execute, select


def test_an_export_into_an_empty_tracker_gives_the_same_tracker(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given a tracker with something of everything, and its export
    a_tracker_with_everything(worker, tmp_path)
    before = everything(worker)
    archive = exported(worker, tmp_path / "export.zip")

    # When it is imported into a tracker that has nothing
    emptier()
    ended = imported(worker, archive)

    # Then all is as it was: rows, sums, transcripts byte for byte, marks, and what is a client's word
    assert (ended["status"], ended["errors"], ended["skipped_records"]) == ("succeeded", [], {})
    assert everything(worker) == before
    assert len(before["transcripts"]) == 4
    assert len(before["clients_words"]) == 6
    with psycopg.connect(worker.settings.database_url) as connection:
        assert set(verify(connection, worker.idle_gap).values()) == {0}


@settings(max_examples=examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds(), sent=st.lists(st.sampled_from(["m-session", "a-fork", "of-clients"]), max_size=3))
def test_any_tracker_is_the_same_after_its_export_and_import(
    worker: Resources, emptier: Emptier, tmp_path_factory: pytest.TempPathFactory, world: World, sent: list[str]
) -> None:
    # Given any transcripts, forks and subagents, and events of clients in the same sessions
    emptier()
    folder = tmp_path_factory.mktemp("any")
    bring(worker, folder, {name: b"".join(lines) for (_, name), lines in world.items()})
    for number, session_id in enumerate(sent):
        send(worker, [word(number, session_id), *sent_by_clients(session_id)[1:]])
    before = everything(worker)
    archive = exported(worker, folder / "export.zip")

    # When it is imported into an empty tracker, and once more
    emptier()
    first = imported(worker, archive)
    once = everything(worker)
    second = imported(worker, archive)

    # Then it is the same, the second import has added nothing, and undoing both leaves nothing
    assert (first["status"], second["status"]) == ("succeeded", "succeeded")
    assert once == before
    assert everything(worker) == before
    assert (
        second["conversations_imported"] + second["tool_calls_imported"] + second["activities_imported"] + second["sessions_imported"] == 0
    )
    for ended in (first, second):
        undone(worker, ended["number"])
    left = everything(worker)
    assert {name: rows for name, rows in left.items() if rows and name not in ("names", "users")} == {}


def test_no_file_overrules_what_a_client_said_to_the_other_tracker(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given a message of a client's in an export
    send(worker, [SessionStart(project_path="/p", start_time=NOW, session_id="file-7", user="ann", id=uuid4())])
    bring(worker, tmp_path, {"file-7.jsonl": session(7)})
    execute(worker, "UPDATE messages SET brought_by = NULL, content = 'as the client said' WHERE role = 'user'")
    archive = exported(worker, tmp_path / "export.zip")

    # When it is imported where a file has a longer version of it, and the file comes again
    emptier()
    bring(worker, tmp_path, {"file-7.jsonl": session(7)})
    ended = imported(worker, archive)
    bring(worker, tmp_path, {"file-7.jsonl": session(7)})

    # Then it stays as the client said, until the import is undone
    def content() -> list[Any]:
        return select(worker, "SELECT content, brought_by FROM messages WHERE role = 'user'")

    [(said, brought_by)] = content()
    assert said == "as the client said"
    assert -ended["number"] in brought_by
    undone(worker, ended["number"])
    [(_, left)] = content()
    assert all(number > 0 for number in left)


def test_an_export_of_a_user_or_a_project_has_that_alone(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given sessions of two users
    a_tracker_with_everything(worker, tmp_path)
    [(project_id,)] = select(worker, "SELECT id FROM projects WHERE path = '/home/ann/shop'")

    # When one of them, and the project of it, are exported
    of_ann = exported(worker, tmp_path / "ann.zip", user="anna")
    of_shop = exported(worker, tmp_path / "shop.zip", project_id=project_id)
    of_carl = exported(worker, tmp_path / "carl.zip", user="carl")

    # Then each has its sessions, people and files alone, and no saved view
    for archive in (of_ann, of_shop):
        assert ids_in(archive, "sessions", "session_id") == ["wire"]
        assert ids_in(archive, "users", "name") == ["ann", "anna"]
        assert ids_in(archive, "projects", "path") == ["/home/ann/shop"]
        assert ids_in(archive, "saved_views", "name") == []
        assert ids_in(archive, "transcript_files", "session_id") == []
    assert ids_in(of_carl, "sessions", "session_id") == ["file-0", "file-1", "file-2"]
    assert len(ids_in(of_carl, "transcript_files", "session_id")) == 3
    emptier()
    assert imported(worker, of_carl)["sessions_imported"] == 3


def ids_in(archive: Path, table: str, name: str) -> list[Any]:
    with zipfile.ZipFile(archive) as opened:
        return sorted(json.loads(line)[name] for line in opened.read(f"rows/{table}.ndjson").splitlines())


def test_a_machine_goes_on_with_its_file_where_it_was(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given a live file that came with an export
    a_tracker_with_everything(worker, tmp_path)
    archive = exported(worker, tmp_path / "export.zip")
    emptier()
    imported(worker, archive)

    # When the machine sends more of it
    [(file_id, offset)] = select(
        worker, "SELECT id, stored_offset FROM transcript_files WHERE (machine_id, generation) = (%s, 2)", (MACHINE,)
    )
    going_on = SqlFile("services.worker.drain", "store_captured.sql").set_stored
    execute(worker, going_on, {"offset": offset + 5, "file_id": file_id, "user": "ann", "bound_user": None})

    # Then it is a live file again, which the reader of live files reads
    assert select(worker, "SELECT brought_by, parsed_offset < stored_offset FROM transcript_files WHERE id = %s", (file_id,)) == [
        (None, True)
    ]


def test_another_idle_gap_is_told(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    send(worker, sent_by_clients())

    def change(_: dict[str, bytes], manifest: dict[str, Any]) -> None:
        manifest["idle_gap_seconds"] = 600

    archive = rewritten(exported(worker, tmp_path / "export.zip"), tmp_path / "other.zip", change)
    emptier()
    ended = imported(worker, archive)
    assert (ended["status"], [error["code"] for error in ended["errors"]]) == ("succeeded", ["OTHER_IDLE_GAP"])


def test_a_lost_part_of_the_archive_is_told_and_the_rest_is_exported(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given a transcript of which the archive has lost the content
    a_tracker_with_everything(worker, tmp_path)
    [(name,)] = select(
        worker,
        "SELECT encode(sha256, 'hex') FROM transcript_segments AS s JOIN transcript_files AS f ON f.id = s.file_id WHERE session_id = 'file-1'",
    )
    worker.archive.delete(name)

    # When everything is exported, and imported elsewhere
    archive = exported(worker, tmp_path / "export.zip")
    with zipfile.ZipFile(archive) as opened:
        manifest = json.loads(opened.read("manifest.json"))
    emptier()
    ended = imported(worker, archive)

    # Then the manifest names it, its rows are there, and its content is an error of the import
    assert manifest["damaged"] == ["transcripts/file-1/imported.0/file-1.jsonl"]
    assert (ended["status"], [error["code"] for error in ended["errors"]]) == ("succeeded", ["CONTENT_DAMAGED"])
    assert (ended["sessions_imported"], ended["files_done"]) == (4, 3)


def test_a_cancelled_export_leaves_no_archive(worker: Resources, tmp_path: Path) -> None:
    a_tracker_with_everything(worker, tmp_path)
    job_id = add_export(worker)
    execute(worker, "UPDATE import_jobs SET cancel_requested_at = now() WHERE id = %s", (job_id,))

    run_shard.run(worker, job_id, 0)

    row = export_row(worker, job_id)
    assert (row["status"], row["bytes"], row["expires_at"]) == ("cancelled", None, None)


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
