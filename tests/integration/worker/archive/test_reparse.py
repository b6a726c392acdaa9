"""A reparse after a rule of the reader changed gives the tables of an import under the new rule, in short steps that may be cut anywhere."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from services.worker.importers.job import run_shard, undo
from services.worker.importers.job.reparse import reparse_rows
from services.worker.persist.records import Message, Record, ToolUse
from services.worker.resources import Resources
from shared.claude_formats.upload_kinds import READER_VERSION
from shared.events.messages import Conversation
from tests.integration.worker.all_tables import tables
from tests.integration.worker.archive.reparsed_sessions import (
    FORK,
    ROWS,
    add_file,
    add_job,
    add_range,
    checked,
    connection,
    new_rules,
    of_session,
    prompts,
    records_of,
    run,
    small_steps,
    start_job,
)
from tests.integration.worker.imports.files_of_sessions import EPOCH, bring
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, answer, prompt, result, text, use

__all__ = ["checked", "connection", "small_steps"]


def test_a_reparse_gives_old_sessions_their_results(worker: Resources, connection: Connection[Any]) -> None:
    """given rows of a reader that knew no results, then they get them, and with a smaller setting less of them."""

    def results() -> list[Any]:
        found = connection.execute('SELECT result, result_left_out, result_cut_at FROM tool_calls ORDER BY result COLLATE "C"')
        return found.fetchall()

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


@pytest.mark.parametrize("tool_name", [None, "Shell"])
def test_a_reparse_gives_what_an_import_under_the_new_rules_gives(
    checked: Resources, connection: Connection[Any], tool_name: str | None
) -> None:
    """given forked sessions in the archive, when rules change and all is reparsed, then all tables are those of an import under the new rules."""
    with new_rules(tool_name=tool_name), connection.transaction(force_rollback=True):
        for rows in (ROWS, FORK):
            add_file(connection, rows, add_job(connection))
        expected = tables(connection)
    for rows in (ROWS, FORK):
        add_file(connection, rows, add_job(connection))
    before = tables(connection)

    unchanged = run(checked, connection)
    unchanged_tables = tables(connection)
    with new_rules(tool_name=tool_name):
        changes = run(checked, connection)
        reparsed = tables(connection)
        again = run(checked, connection)

    assert (unchanged, unchanged_tables) == ({}, before)
    assert reparsed == expected != before
    assert (changes["messages_removed"], changes["messages_changed"]) == (1, 2)
    assert again == {}
    assert connection.execute("SELECT DISTINCT parser_version FROM transcript_files").fetchall() == [(READER_VERSION,)]
    assert connection.execute("SELECT count(*) FROM reparse_rows").fetchall() == [(0,)]


def test_rows_of_other_sources_stay(worker: Resources, connection: Connection[Any]) -> None:
    """given a note by hand and an import whose file is not in the archive, when all is reparsed, then their rows are as before."""
    add_file(connection, ROWS, add_job(connection))
    bring(connection, records_of(of_session(ROWS[3:4], "s9")), add_job(connection))
    note = Conversation(session_id=SESSION, content="note: by hand", role="user", timestamp=EPOCH, id=uuid4())
    bring(connection, [note])

    with new_rules():
        run(worker, connection)

    assert {said for said in prompts(connection) if said.startswith("note:")} == {"note: by hand", "note: nobody has to answer this"}


def test_rows_that_no_archived_content_names_stay(checked: Resources, connection: Connection[Any]) -> None:
    """given a job one of whose files is not in the archive, as it was cancelled or the file's days are over, then that file's rows stay."""
    number = add_job(connection)
    add_file(connection, ROWS, number)
    bring(connection, records_of([prompt(50, "lost1", "note: of a lost file"), prompt(51, "lost2", "also of a lost file")]), number)

    with new_rules():
        changes = run(checked, connection, codes=("ROWS_WITHOUT_CONTENT",))

    assert changes["messages_removed"] == 1
    assert {"note: of a lost file", "also of a lost file"} <= prompts(connection)


def test_a_dry_run_says_what_would_go_and_changes_nothing(worker: Resources, connection: Connection[Any]) -> None:
    add_file(connection, ROWS, add_job(connection))
    before = tables(connection)

    with new_rules():
        said = run(worker, connection, dry_run=True)
        unchanged = tables(connection)
        done = run(worker, connection)

    assert unchanged == before
    assert said == done == {"messages_changed": 1, "messages_removed": 1}


def test_a_reparse_stops_before_it_removes_more_than_it_may(worker: Resources, connection: Connection[Any]) -> None:
    add_file(connection, ROWS, add_job(connection))

    with new_rules():
        run(worker, connection, status="failed", codes=("TOO_MANY_REMOVED",), max_removed=0)
        stopped = prompts(connection)
        run(worker, connection, max_removed=1)

    assert "note: nobod" in {said[:11] for said in stopped}
    assert not any(said.startswith("note:") for said in prompts(connection))


def test_a_duration_that_a_hook_reported_stays(checked: Resources, connection: Connection[Any]) -> None:
    """given a call whose duration came from a hook, when it is reparsed under new rules, then the duration is the hook's."""
    number = add_job(connection)
    add_file(connection, ROWS, number)
    [call] = [record for record in records_of(ROWS) if isinstance(record, ToolUse) and record.tool_name == "Bash"]
    call.duration_ms, call.duration_source, call.source = 7, "reported", "hook"
    bring(connection, [call], number)

    with new_rules():
        run(checked, connection)

    assert connection.execute("SELECT duration_ms, duration_source FROM tool_calls WHERE id = %s", (call.id,)).fetchall() == [
        (7, "reported")
    ]


def test_only_the_selected_session_is_read(worker: Resources, connection: Connection[Any]) -> None:
    """given two sessions that share nothing, when one is reparsed, then the other keeps what the old rules gave."""
    other = [row | {"uuid": f"o{row['uuid']}"} for row in of_session(ROWS[:1], "s5")]
    add_file(connection, ROWS, add_job(connection))
    add_file(connection, other, add_job(connection))

    with new_rules():
        run(worker, connection, session_id=SESSION)

    contents = dict(connection.execute("SELECT session_id, max(content) FROM messages WHERE role = 'user' GROUP BY 1").fetchall())
    assert len(contents[SESSION]) <= 13 < len(contents["s5"])


def test_a_job_shows_progress_and_can_be_cancelled(worker: Resources, connection: Connection[Any]) -> None:
    """given three archived sessions, when a reparse is cancelled before it begins, it ends cancelled; one that runs ends with all bytes done."""
    for index in range(3):
        rows = [row | {"uuid": f"{index}{row['uuid']}"} for row in of_session(ROWS[:1], f"j{index}")]
        add_file(connection, rows, add_job(connection))
    cancelled, whole = (start_job(connection, is_cancelled=flag) for flag in (True, False))

    for job_id in (cancelled, whole):
        run_shard.run(worker, job_id, 0)

    statement = "SELECT status, bytes_total > 0, bytes_done = bytes_total, rows_done, changes FROM import_jobs WHERE id = %s"
    ends = [connection.execute(statement, (job_id,)).fetchone() for job_id in (cancelled, whole)]
    assert ends == [("cancelled", False, True, 0, {}), ("succeeded", True, True, 9, {})]


def test_a_session_whose_content_is_lost_keeps_its_rows(worker: Resources, connection: Connection[Any]) -> None:
    """given a session whose segment is not in the store, when it is reparsed, then the job names it and the rows are as before."""
    file_id = add_file(connection, ROWS, add_job(connection))
    connection.execute("DELETE FROM transcript_ranges")
    connection.execute(
        "INSERT INTO transcript_segments (file_id, number, end_offset, sha256, raw_bytes, stored_bytes)"
        " SELECT id, 0, 10, decode(repeat('ab', 32), 'hex'), 10, 10 FROM transcript_files"
    )
    before = tables(connection)

    with new_rules():
        changes = run(worker, connection, codes=("CONTENT_MISSING",))

    assert (changes, tables(connection)) == ({}, before)
    assert connection.execute("SELECT file_id, reason FROM damaged_segments").fetchall() == [(file_id, "missing")]


def before_chunk(patch: pytest.MonkeyPatch, number: int, act: Callable[[], None]) -> None:
    """Lets something happen before the n-th chunk is stored, between two transactions."""
    chunks = reparse_rows.ContentReading.chunks
    seen: list[int] = []

    def interrupted(self: reparse_rows.ContentReading) -> Iterator[list[Record]]:
        for chunk in chunks(self):
            seen.append(1)
            if len(seen) == number:
                act()
            yield chunk

    patch.setattr(reparse_rows.ContentReading, "chunks", interrupted)


@pytest.mark.parametrize("stop", [1, 2])
def test_cancelled_between_any_steps_and_started_again_it_ends_the_same(
    checked: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    """given a reparse that is cancelled while it stores, then it ends with that step, and another one ends as if it had never been."""
    with new_rules(), connection.transaction(force_rollback=True):
        add_file(connection, ROWS, add_job(connection))
        expected = tables(connection)
    add_file(connection, ROWS, add_job(connection))

    def cancel() -> None:
        connection.execute("UPDATE import_jobs SET cancel_requested_at = now() WHERE kind = 'reparse'")

    with new_rules():
        with monkeypatch.context() as patch:
            before_chunk(patch, stop, cancel)
            run(checked, connection, status="cancelled")
        run(checked, connection)

    assert tables(connection) == expected


def test_sessions_become_what_is_left_of_them_while_rows_are_removed(checked: Resources, connection: Connection[Any]) -> None:
    """given lines at both ends and in a pause that are read no more, then after each step sessions, times and aggregates are those of what is left."""
    lines = [
        prompt(-4000, "n1", "before it"),
        *ROWS,
        answer(2000, "n2", "msg_n", text("in a pause"), use("toolu_n", "Edit", file_path="/p/n.py", old_string="x", new_string="y\nz")),
        result(2001, "n3", "toolu_n", "edited"),
        prompt(4000, "u6", "and on"),
        *(prompt(9000 + n, f"n9{n}", f"behind it {n}") for n in range(5)),
    ]
    with new_rules(unread="n"), connection.transaction(force_rollback=True):
        add_file(connection, lines, add_job(connection))
        expected = tables(connection)
    add_file(connection, lines, add_job(connection))

    with new_rules(unread="n"):
        changes = run(checked, connection)

    assert tables(connection) == expected
    assert {name: count for name, count in changes.items() if name.endswith("_removed")} == {
        "messages_removed": 8, "api_calls_removed": 1, "tool_calls_removed": 1, "activities_removed": 1,
    }  # fmt: skip


def test_a_worker_that_dies_is_followed_by_one_that_goes_on(
    checked: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_file(connection, ROWS, add_job(connection))
    job_id = start_job(connection)

    def die() -> None:
        raise ZeroDivisionError

    with new_rules():
        with monkeypatch.context() as patch:
            before_chunk(patch, 2, die)
            with pytest.raises(ZeroDivisionError):
                run_shard.run(checked, job_id, 0)
        connection.execute("UPDATE import_shares SET lease_expires_at = now() - interval '1 second'")
        run_shard.run(checked, job_id, 0)

    [(status, changes)] = connection.execute("SELECT status, changes FROM import_jobs WHERE id = %s", (job_id,)).fetchall()
    assert (status, changes["messages_removed"], changes["messages_changed"]) == ("succeeded", 1, 1)


def test_a_content_that_is_undone_while_it_is_read_does_not_come_back(
    checked: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """given imports of one session on two machines, when one is undone in the middle of a reparse, then its rows are gone after it."""
    kept, undone = add_job(connection), add_job(connection)
    add_file(connection, ROWS, kept)
    expected = tables(connection)
    add_file(connection, [*ROWS, prompt(90, "x1", "of the other machine")], undone)

    def take_back() -> None:
        # An undo's first step, and its last.
        connection.execute("DELETE FROM transcript_files WHERE brought_by = ARRAY[%s]::integer[]", (undone,))

    before_chunk(monkeypatch, 2, take_back)
    job_id = start_job(connection)
    run_shard.run(checked, job_id, 0)
    with checked.transaction() as own:
        while undo.undo_some(checked, own, undone):
            pass
        undo.clear_up(own, undone)

    assert connection.execute("SELECT status FROM import_jobs WHERE id = %s", (job_id,)).fetchone() == ("succeeded",)
    assert tables(connection) == expected


def test_what_live_capture_adds_while_a_session_is_read_is_read_too(
    checked: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = add_job(connection)
    file_id = add_file(connection, ROWS, number)
    more = json.dumps(prompt(95, "u7", "one thing more")).encode() + b"\n"

    def append() -> None:
        [(end,)] = connection.execute("SELECT stored_offset FROM transcript_files WHERE id = %s", (file_id,)).fetchall()
        add_range(connection, file_id, more, end)
        connection.execute("UPDATE transcript_files SET stored_offset = %s, parsed_offset = %s", (end + len(more), end + len(more)))

    before_chunk(monkeypatch, 2, append)
    run(checked, connection)

    assert "one thing more" in prompts(connection)


def test_a_row_that_comes_meanwhile_stays(checked: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """given a row of the same import that another of its shards stores while the session is reparsed, then it is there after it."""
    number = add_job(connection)
    add_file(connection, ROWS, number)
    late = [record for record in records_of([prompt(96, "u8", "note: it came late")]) if isinstance(record, Message)]

    before_chunk(monkeypatch, 2, lambda: bring(connection, late, number))
    run(checked, connection)

    assert "note: it came late" in prompts(connection)
