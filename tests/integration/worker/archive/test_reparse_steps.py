"""A reparse goes in short steps: what happens between two of them, a cancel or a death, leaves nothing half done."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from psycopg import Connection

from services.worker.importers.job import run_shard, undo
from services.worker.importers.job.reparse import reparse_rows
from services.worker.persist.records import Message, Record
from services.worker.resources import Resources
from tests.integration.worker.all_tables import tables
from tests.integration.worker.archive.reparsed_sessions import (
    ROWS,
    add_file,
    add_job,
    add_range,
    checked,
    connection,
    new_rules,
    prompts,
    records_of,
    run,
    small_steps,
    start_job,
)
from tests.integration.worker.imports.files_of_sessions import bring
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, prompt, result, text, use

__all__ = ["checked", "connection", "small_steps"]


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
