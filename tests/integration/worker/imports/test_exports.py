"""An export of everything, imported into an empty tracker, gives the same tracker. Into one with data it merges as any import, and can be undone."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from services.worker.importers.formats.export_manifest import VERSION
from services.worker.importers.job import run_shard
from services.worker.maintenance.verify import verify
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from shared.events.messages import Activity, Conversation, SessionEnd, SessionStart, ToolCall, Usage
from shared.sql_files import statement
from tests.emptied import Emptier
from tests.example_counts import examples
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
from tests.stored_transcripts import add_file
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, jsonl, prompt, result, text, use

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAMESPACE = UUID(int=88)
MACHINE = "m-1"


def word(number: int, session_id: str, **more: Any) -> Conversation:
    return Conversation(
        session_id=session_id,
        content=f"word {number}",
        role="user" if number % 2 else "assistant",
        timestamp=NOW + timedelta(minutes=number),
        id=uuid5(NAMESPACE, f"word {session_id} {number}"),
        **more,
    )


def sent_by_clients(session_id: str = "wire") -> list[Any]:
    """Of each kind of event one or more, also without a session."""
    usage = Usage(input_tokens=10, output_tokens=20, cache_creation_input_tokens=3, cache_read_input_tokens=4)
    return [
        SessionStart(project_path="/home/ann/shop", start_time=NOW, session_id=session_id, user="ann", git_branch="main", id=uuid4()),
        word(1, session_id),
        word(2, session_id, model="claude-opus-4-6", usage=usage),
        ToolCall(
            tool_name="Bash",
            result_status="error",
            timestamp=NOW + timedelta(minutes=3),
            session_id=session_id,
            parameters={"command": "x" * 9},
            result="Exit code 1",
            execution_time_ms=900,
            source="hook",
            id=uuid4(),
        ),
        ToolCall(tool_name="Read", result_status="success", timestamp=NOW, user="bob", execution_time_ms=7000, id=uuid4()),
        Activity(
            session_id=session_id,
            file_path="/home/ann/shop/a.py",
            action="created",
            timestamp=NOW + timedelta(minutes=5),
            lines_added=7,
            id=uuid4(),
        ),
        SessionEnd(session_id=session_id, end_time=NOW + timedelta(hours=1), id=uuid4()),
    ]


def send(worker: Resources, events: list[Any]) -> None:
    with worker.transaction() as connection:
        outcome = persist_isolating(connection, [ReceivedEvent(event, NOW, "r", "1-0") for event in events], idle_gap=worker.idle_gap)
    assert outcome.dead == []


def bring(worker: Resources, folder: Path, files: dict[str, bytes], user: str = "ann") -> None:
    """An import of transcripts, as of ~/.claude."""
    job_id, path = uuid4(), folder / f"{uuid4()}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"projects/p/{name}", content)
    listed = [{"name": path.name, "blob_url": path.as_uri(), "bytes": path.stat().st_size, "kind": "zip"}]
    with psycopg.connect(worker.settings.database_url) as connection:
        connection.execute("INSERT INTO import_jobs (id, files, user_name) VALUES (%s, %s, %s)", (job_id, Jsonb(listed), user))
        connection.execute("INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", (job_id,))
    run_shard.run(worker, job_id, 0)


def session(number: int) -> bytes:
    rows = [
        prompt(0, f"u{number}", f"question {number}"),
        answer(9, f"a{number}", f"msg_{number}", text("sure"), use(f"toolu_{number}", command="ls")),
    ]
    return jsonl(*(row | {"sessionId": f"file-{number}"} for row in (*rows, result(12, f"r{number}", f"toolu_{number}", "a file"))))


LIVE = (
    b'{"type":"user","uuid":"u-live","sessionId":"live","timestamp":"2026-05-01T12:00:00.000Z","cwd":"/p","message":{"role":"user","content":"x"}}\n'
    * 3
)


def a_tracker_with_everything(worker: Resources, folder: Path) -> None:
    """What clients sent, what files brought, a live file of a machine, and what people noted."""
    send(worker, sent_by_clients())
    bring(worker, folder, {f"file-{number}.jsonl": session(number) for number in range(3)}, user="carl")
    with psycopg.connect(worker.settings.database_url) as connection:
        add_file(
            connection,
            worker.archive,
            "live",
            LIVE,
            machine_id=MACHINE,
            generation=2,
            user_name="ann",
            archived=len(LIVE) // 3,
            range_bytes=1,
        )
        connection.execute(
            "INSERT INTO machines (machine_id, name, user_name, report, last_heard_at) VALUES (%s, 'laptop', 'ann', '{\"a\": 1}', %s)",
            (MACHINE, NOW),
        )
        connection.execute("INSERT INTO session_machines VALUES ('wire', %s)", (MACHINE,))
        connection.execute("INSERT INTO session_marks VALUES ('wire', true, '{Élan}', '{élan}', 'a note', 'My title', %s)", (NOW,))
        # Who reads what is a person's word too: a session that was private must not come back as the other tracker's default says.
        connection.execute("UPDATE session_marks SET visibility = 'private'")
        connection.execute("UPDATE projects SET visibility = 'shared' WHERE path = '/home/ann/shop'")
        connection.execute("INSERT INTO saved_views (name, address) VALUES ('shop', '/usage?project_id=1&range=7d')")
        connection.execute("INSERT INTO users (name, alias_of) SELECT 'anna', id FROM users WHERE name = 'ann'")


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
    with psycopg.connect(worker.settings.database_url) as connection:
        connection.execute("UPDATE messages SET brought_by = NULL, content = 'as the client said' WHERE role = 'user'")
    archive = exported(worker, tmp_path / "export.zip")

    # When it is imported where a file has a longer version of it, and the file comes again
    emptier()
    bring(worker, tmp_path, {"file-7.jsonl": session(7)})
    ended = imported(worker, archive)
    bring(worker, tmp_path, {"file-7.jsonl": session(7)})

    # Then it stays as the client said, until the import is undone
    def content() -> list[Any]:
        with psycopg.connect(worker.settings.database_url) as connection:
            return connection.execute("SELECT content, brought_by FROM messages WHERE role = 'user'").fetchall()

    [(said, brought_by)] = content()
    assert said == "as the client said"
    assert -ended["number"] in brought_by
    undone(worker, ended["number"])
    [(_, left)] = content()
    assert all(number > 0 for number in left)


def test_an_export_of_a_user_or_a_project_has_that_alone(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given sessions of two users
    a_tracker_with_everything(worker, tmp_path)
    with psycopg.connect(worker.settings.database_url) as connection:
        [(project_id,)] = connection.execute("SELECT id FROM projects WHERE path = '/home/ann/shop'").fetchall()

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
    with psycopg.connect(worker.settings.database_url) as connection:
        [(file_id, offset)] = connection.execute(
            "SELECT id, stored_offset FROM transcript_files WHERE (machine_id, generation) = (%s, 2)", (MACHINE,)
        ).fetchall()
        going_on = statement("services.worker.drain", "store_captured.sql", "set_stored")
        connection.execute(going_on.encode(), {"offset": offset + 5, "file_id": file_id, "user": "ann", "bound_user": None})

    # Then it is a live file again, which the reader of live files reads
    with psycopg.connect(worker.settings.database_url) as connection:
        assert connection.execute(
            "SELECT brought_by, parsed_offset < stored_offset FROM transcript_files WHERE id = %s", (file_id,)
        ).fetchall() == [(None, True)]


Change = Callable[[dict[str, bytes], dict[str, Any]], None]


def cut_off(content: bytes) -> bytes:
    return content[: len(content) * 2 // 3]


def flipped(content: bytes) -> bytes:
    """A byte in the middle of a transcript, which is the last large member."""
    at = content.index(b"transcripts/") + 200
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize("damage", [cut_off, flipped, lambda content: content[:-30]], ids=["cut off", "a flipped byte", "without its end"])
def test_nothing_of_a_damaged_export_is_imported(
    worker: Resources, emptier: Emptier, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    a_tracker_with_everything(worker, tmp_path)
    archive = exported(worker, tmp_path / "export.zip")
    archive.write_bytes(damage(archive.read_bytes()))

    emptier()
    empty = everything(worker)
    ended = imported(worker, archive)

    assert ended["status"] == "failed"
    assert [error["code"] for error in ended["errors"]] == ["DAMAGED"]
    assert "nothing of it was imported" in ended["errors"][0]["message"]
    assert everything(worker) == empty


def newer(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["version"] = VERSION + 1


def of_another_program(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest["format"] = "something else"


def wrong_hash(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    # The members stay as the manifest had them listed.
    members["rows/messages.ndjson"] += b"\n"
    manifest["listed"], manifest["members"] = manifest["members"], None


def name_that_leads_out(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    members["transcripts/../../etc/passwd"] = b"x"


def absolute_name(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    members["/etc/passwd"] = b"x"


def no_manifest(members: dict[str, bytes], manifest: dict[str, Any]) -> None:
    manifest.clear()
    manifest["members"] = None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (newer, "UNKNOWN_EXPORT"),
        (of_another_program, "UNKNOWN_EXPORT"),
        (wrong_hash, "DAMAGED"),
        (name_that_leads_out, "DAMAGED"),
        (absolute_name, "DAMAGED"),
        (no_manifest, "DAMAGED"),
    ],
)
def test_an_export_that_is_not_what_it_says_is_refused(
    worker: Resources, emptier: Emptier, tmp_path: Path, change: Change, code: str
) -> None:
    a_tracker_with_everything(worker, tmp_path)
    foreign = rewritten(exported(worker, tmp_path / "export.zip"), tmp_path / "foreign.zip", change)

    emptier()
    empty = everything(worker)
    ended = imported(worker, foreign)

    assert (ended["status"], [error["code"] for error in ended["errors"]]) == ("failed", [code])
    assert everything(worker) == empty


def test_rows_that_cannot_be_true_are_left_out_and_the_others_are_imported(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given an export to whose rows somebody has added absurd ones
    a_tracker_with_everything(worker, tmp_path)
    absurd = [
        {"session_id": "wire"},
        {"id": str(uuid4()), "received_at": "2026-05-01T12:00:00", "session_id": "wire", "role": "user", "content": "no offset"},
        {"id": str(uuid4()), "received_at": NOW.isoformat(), "session_id": "wire", "role": "emperor", "content": "x"},
    ]
    far = {"id": str(uuid4()), "received_at": NOW.isoformat(), "session_id": "wire", "tool_name": "Bash", "status": "success"}

    def add(members: dict[str, bytes], _: dict[str, Any]) -> None:
        members["rows/messages.ndjson"] += b"".join(json.dumps(row).encode() + b"\n" for row in absurd) + b"no JSON\n"
        members["rows/tool_calls.ndjson"] += json.dumps(far | {"occurred_at": "9999-01-01T00:00:00+00:00"}).encode() + b"\n"
        members["rows/api_calls.ndjson"] += json.dumps(
            {"id": str(uuid4()), "received_at": NOW.isoformat(), "session_id": "wire", "occurred_at": NOW.isoformat(), "output_tokens": -5}
        ).encode()
        listed = members["rows/transcript_files.ndjson"].splitlines()
        changed = json.loads(listed[0]) | {"member": "transcripts/not/there"}
        members["rows/transcript_files.ndjson"] = b"\n".join([json.dumps(changed).encode(), *listed[1:]])
        members["rows/an_unknown_table.ndjson"] = b'{"a": 1}\n'

    before = everything(worker)
    foreign = rewritten(exported(worker, tmp_path / "export.zip"), tmp_path / "foreign.zip", add)

    # When it is imported
    emptier()
    ended = imported(worker, foreign)

    # Then each is an error of the job that quotes nothing of it, and the rest is there
    codes = sorted(error["code"] for error in ended["errors"])
    assert (ended["status"], codes) == ("succeeded", ["INVALID_ROW"] * 6 + ["NOT_BELIEVED"])
    assert "emperor" not in str(ended["errors"])
    after = everything(worker)
    assert len(after.pop("transcripts")) == len(before.pop("transcripts")) - 1
    assert after == before


def test_a_bound_key_brings_its_own_users_sessions_alone(worker: Resources, emptier: Emptier, tmp_path: Path) -> None:
    # Given an export of all users, and a tracker that knows carl's sessions
    a_tracker_with_everything(worker, tmp_path)
    archive = exported(worker, tmp_path / "export.zip")
    emptier()
    bring(worker, tmp_path, {"file-1.jsonl": session(1)}, user="carl")
    mine = everything(worker)

    # When ann's key brings the export
    ended = imported(worker, archive, user="ann")

    # Then carl's session is as it was, whatever is new is ann's, and neither users, machines nor views came
    assert "SESSION_OF_ANOTHER_USER" in {error["code"] for error in ended["errors"]}
    after = everything(worker)
    assert [row for row in after["messages"] if '"file-1"' in row] == [row for row in mine["messages"] if '"file-1"' in row]
    assert after["names"] == [("ann", None), ("carl", None)]
    assert after["machines"] == after["saved_views"] == []
    assert {json.loads(row)["u"] for row in after["sessions"] if '"file-1"' not in row} == {"ann"}


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
    with psycopg.connect(worker.settings.database_url) as connection:
        [(name,)] = connection.execute(
            "SELECT encode(sha256, 'hex') FROM transcript_segments AS s JOIN transcript_files AS f ON f.id = s.file_id WHERE session_id = 'file-1'"
        ).fetchall()
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
    with psycopg.connect(worker.settings.database_url) as connection:
        connection.execute("UPDATE import_jobs SET cancel_requested_at = now() WHERE id = %s", (job_id,))

    run_shard.run(worker, job_id, 0)

    row = export_row(worker, job_id)
    assert (row["status"], row["bytes"], row["expires_at"]) == ("cancelled", None, None)
