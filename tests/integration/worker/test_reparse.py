"""A reparse after a rule of the reader changed gives the tables that an import under the new rule gives. A second one changes nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from psycopg import Connection

from services.worker.importers.formats.transcript import transcript_reader, transcript_rows
from services.worker.importers.job import reparse, run_shard
from services.worker.persist.persist_batch import persist
from services.worker.persist.records import Record, ToolUse
from services.worker.persist.staging import ReceivedEvent, clear
from services.worker.resources import Resources
from shared.messages import Conversation
from shared.upload_kinds import READER_VERSION
from tests.integration.worker.all_tables import tables
from tests.integration.worker.test_imports_in_any_order import EPOCH, GAP, add_job, drift, relaxed
from tests.unit.worker.importers.rows_of_a_session import SESSION, answer, prompt, read_rows, result, text, use

Row = dict[str, Any]

ROWS: list[Row] = [
    prompt(0, "u1", "please look at it"),
    answer(1, "a1", "msg_1", text("Looking at it now."), use("toolu_1", "Bash", command="rm /p/a.py"), output=9),
    result(2, "r1", "toolu_1", "done"),
    prompt(9, "u2", "note: nobody has to answer this"),
    answer(10, "a2", "msg_2", use("toolu_2", "Edit", file_path="/p/b.py", old_string="x", new_string="y\nz"), output=5),
    result(11, "r2", "toolu_2", "edited"),
    answer(30, "a3", "msg_3", text("All done, have a look.")),
]


def of_session(rows: list[Row], session_id: str) -> list[Row]:
    return [row | {"sessionId": session_id} for row in rows]


# A fork has copies of the first rows, and goes on by itself.
FORK = of_session(ROWS[:4], "s2") + of_session([prompt(40, "u9", "go on by yourself")], "s2")


@pytest.fixture
def connection(worker: Resources) -> Iterator[Connection[Any]]:
    with worker.engine.connect() as pooled:
        driver = pooled.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        yield driver


@pytest.fixture
def new_rules(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Notes are no prompts, and texts are cut at 12 characters."""

    def apply() -> None:
        said = transcript_reader.text_of_person

        def but_no_notes(row: transcript_rows.Row) -> str | None:
            found = said(row)
            return None if found is None or found.startswith("note:") else found

        monkeypatch.setattr(transcript_reader, "text_of_person", but_no_notes)
        monkeypatch.setattr(transcript_reader, "MAX_CONTENT_CHARACTERS", 12)

    return apply


def add_file(connection: Connection[Any], rows: list[Row], job_number: int | None) -> None:
    """Imports a file, and archives it."""
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    session_id = rows[-1]["sessionId"]
    store(connection, records_of(rows), job_number or 0)
    [(file_id,)] = connection.execute(
        "INSERT INTO transcript_files (session_id, file_name, stored_offset, parsed_offset, user_name, brought_by)"
        " VALUES (%s, %s, %s, %s, 'ann', %s) RETURNING id",
        (session_id, f"{session_id}.jsonl", len(content), len(content), [job_number]),
    ).fetchall()
    connection.execute(
        "INSERT INTO transcript_ranges VALUES (%s, 0, %s, %s, %s, now(), '')",
        (file_id, len(content), zstandard.compress(content), len(content)),
    )


def records_of(rows: list[Row]) -> list[Record]:
    return [record for record in read_rows(*rows) if not hasattr(record, "code") and not hasattr(record, "records")]  # type: ignore[misc]


def store(connection: Connection[Any], events: list[Any], job_number: int = 0) -> None:
    persist(connection, [ReceivedEvent(event, EPOCH, "test", "1-1") for event in events], idle_gap=GAP, job_number=job_number)
    clear(connection)


def add_reparse(connection: Connection[Any], selection: str = "{}") -> int:
    [(number,)] = connection.execute(
        "INSERT INTO import_jobs (id, kind, files, selection) VALUES (%s, 'reparse', '[]', %s) RETURNING number", (uuid4(), selection)
    ).fetchall()
    return int(number)


def run(worker: Resources, connection: Connection[Any], selection: str = "{}") -> dict[str, int]:
    number = add_reparse(connection, selection)
    reparse.choose_sessions(connection, number)
    while reparse.reparse_some(worker, connection, number).is_more:
        assert drift(connection) == {}
    [(changes,)] = connection.execute("SELECT changes FROM import_jobs WHERE number = %s", (number,)).fetchall()
    return dict(changes)


def test_a_reparse_gives_old_sessions_their_results(worker: Resources, connection: Connection[Any]) -> None:
    """given rows of a reader that knew no results, then they get them, and with a smaller setting less of them."""

    def results() -> list[Any]:
        found = connection.execute('SELECT result, result_left_out, result_cut_at FROM tool_calls ORDER BY result COLLATE "C"')
        return found.fetchall()

    with connection.transaction(force_rollback=True):
        long = prompt(0, "u0", "go"), answer(1, "a0", "msg_0", use("toolu_0", "Bash")), result(2, "r0", "toolu_0", "x" * 1500)
        add_file(connection, of_session(list(long), "s0"), add_job(connection))
        add_file(connection, ROWS, add_job(connection))
        connection.execute("UPDATE tool_calls SET result = NULL")

        changes = run(worker, connection)

        assert changes == {"tool_calls_changed": 3}
        assert results() == [("done", None, None), ("edited", None, None), ("x" * 1500, None, None)]

        settings = worker.settings.model_copy(update={"tool_result_kib": 1})
        assert run(replace(worker, settings=settings), connection) == {"tool_calls_changed": 1}
        assert results()[-1] == ("x" * 1024, 476, 768)


def test_a_reparse_gives_what_an_import_under_the_new_rules_gives(worker: Resources, connection: Connection[Any], new_rules: Any) -> None:
    """given forked sessions in the archive, when rules change and all is reparsed, then all tables are those of an import under the new rules."""
    with connection.transaction(force_rollback=True):
        add_file(connection, ROWS, add_job(connection))
        add_file(connection, FORK, add_job(connection))
        before = tables(connection)
        assert run(worker, connection) == {}
        assert tables(connection) == before
        new_rules()
        changes = run(worker, connection)
        reparsed = tables(connection)
        again = run(worker, connection)
        versions = {row[0] for row in connection.execute("SELECT parser_version FROM transcript_files")}
    with connection.transaction(force_rollback=True):
        add_file(connection, ROWS, add_job(connection))
        add_file(connection, FORK, add_job(connection))
        expected = tables(connection)

    assert reparsed == expected != before
    assert changes["messages_removed"] == 1
    assert changes["messages_changed"] == 2
    assert again == {}
    assert versions == {READER_VERSION}


def test_rows_of_other_sources_stay(worker: Resources, connection: Connection[Any], new_rules: Any) -> None:
    """given a note by hand and an import whose file is not in the archive, when all is reparsed, then their rows are as before."""
    with connection.transaction(force_rollback=True):
        add_file(connection, ROWS, add_job(connection))
        store(connection, records_of(of_session(ROWS[3:4], "s9")), add_job(connection))
        note = Conversation(session_id=SESSION, content="note: by hand", role="user", timestamp=EPOCH, id=uuid4())
        store(connection, [note])
        new_rules()
        run(worker, connection)
        kept = {row[0] for row in connection.execute("SELECT content FROM messages WHERE content LIKE 'note:%'")}

    assert kept == {"note: by hand", "note: nobody has to answer this"}


def test_a_duration_that_a_hook_reported_stays(worker: Resources, connection: Connection[Any], new_rules: Any) -> None:
    """given a call whose duration came from a hook, when it is reparsed under new rules, then the duration is the hook's."""
    with connection.transaction(force_rollback=True):
        number = add_job(connection)
        add_file(connection, ROWS, number)
        [call] = [record for record in records_of(ROWS) if isinstance(record, ToolUse) and record.tool_name == "Bash"]
        call.duration_ms, call.duration_source, call.source = 7, "reported", "hook"
        store(connection, [call], number)
        new_rules()
        run(worker, connection)
        durations = connection.execute("SELECT duration_ms, duration_source FROM tool_calls WHERE id = %s", (call.id,)).fetchall()
        assert drift(connection) == {}

    assert durations == [(7, "reported")]


def test_only_the_selected_session_is_read(worker: Resources, connection: Connection[Any], new_rules: Any) -> None:
    """given two sessions that share nothing, when one is reparsed, then the other keeps what the old rules gave."""
    other = [row | {"uuid": f"o{row['uuid']}"} for row in of_session(ROWS[:1], "s5")]
    with connection.transaction(force_rollback=True):
        add_file(connection, ROWS, add_job(connection))
        add_file(connection, other, add_job(connection))
        new_rules()
        run(worker, connection, json.dumps({"session_id": SESSION}))
        contents = dict(connection.execute("SELECT session_id, max(content) FROM messages WHERE role = 'user' GROUP BY 1").fetchall())

    assert len(contents[SESSION]) <= 13 < len(contents["s5"])


@given(cuts=st.lists(st.integers(1, len(ROWS)), min_size=1, max_size=3), stop=st.integers(0, 3))
@relaxed
def test_stopped_anywhere_and_started_again_it_ends_the_same(
    worker: Resources, connection: Connection[Any], cuts: list[int], stop: int
) -> None:
    """given sessions with more or fewer rows, when a reparse is cancelled after any of them and another runs, then nothing differs."""
    with connection.transaction(force_rollback=True):
        for index, cut in enumerate(cuts):
            add_file(connection, of_session(ROWS[:cut], f"s{index}"), add_job(connection))
        before = tables(connection)
        number = add_reparse(connection)
        reparse.choose_sessions(connection, number)
        for _ in range(stop):
            reparse.reparse_some(worker, connection, number)
        assert run(worker, connection) == {}
        assert tables(connection) == before
        assert drift(connection) == {}


def test_a_job_shows_progress_and_can_be_cancelled(worker: Resources) -> None:
    """given three archived sessions, when a reparse is cancelled before it begins, it ends cancelled; one that runs ends with all bytes done."""
    with worker.connection() as connection:
        with connection.transaction():
            for index in range(3):
                rows = [row | {"uuid": f"{index}{row['uuid']}"} for row in of_session(ROWS[:1], f"j{index}")]
                add_file(connection, rows, add_job(connection))
        cancelled, whole = (start_job(connection, is_cancelled=flag) for flag in (True, False))

    for job_id in (cancelled, whole):
        run_shard.run(worker, job_id, 0)

    statement = "SELECT status, bytes_total > 0, bytes_done = bytes_total, rows_done, changes FROM import_jobs WHERE id = %s"
    with worker.connection() as connection:
        ends = [connection.execute(statement, (job_id,)).fetchone() for job_id in (cancelled, whole)]
    assert ends == [("cancelled", False, True, 0, {}), ("succeeded", True, True, 9, {})]


def start_job(connection: Connection[Any], *, is_cancelled: bool) -> UUID:
    job_id = uuid4()
    with connection.transaction():
        connection.execute(
            "INSERT INTO import_jobs (id, kind, files, has_files, cancel_requested_at)"
            " VALUES (%s, 'reparse', '[]', false, CASE WHEN %s THEN now() END)",
            (job_id, is_cancelled),
        )
        connection.execute("INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", (job_id,))
    return job_id


def test_a_session_whose_content_is_lost_keeps_its_rows(worker: Resources, connection: Connection[Any], new_rules: Any) -> None:
    """given a session whose segment is not in the store, when it is reparsed, then the step has an error and the rows are as before."""
    with connection.transaction(force_rollback=True):
        add_file(connection, ROWS, add_job(connection))
        connection.execute("DELETE FROM transcript_ranges")
        connection.execute(
            "INSERT INTO transcript_segments (file_id, number, end_offset, sha256, raw_bytes, stored_bytes)"
            " SELECT id, 0, 10, decode(repeat('ab', 32), 'hex'), 10, 10 FROM transcript_files"
        )
        before = tables(connection)
        new_rules()
        number = add_reparse(connection)
        reparse.choose_sessions(connection, number)
        step = reparse.reparse_some(worker, connection, number)
        after = tables(connection)

    assert [error["code"] for error in step.errors] == ["CONTENT_MISSING"]
    assert after == before
