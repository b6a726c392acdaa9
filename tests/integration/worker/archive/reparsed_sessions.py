"""Sessions that are imported, archived and reparsed by tests, under old rules and new ones."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
import zstandard
from psycopg import Connection

from services.worker.importers.formats.transcript import transcript_reader, transcript_rows
from services.worker.importers.job import run_shard
from services.worker.importers.job.reparse import reparse_rows, run_reparse
from services.worker.persist.records import Record, ToolUse
from services.worker.persist.staging.staging_tables import prepare_connection
from services.worker.resources import Resources
from tests.integration.worker.imports import import_jobs
from tests.integration.worker.imports.files_of_sessions import bring, drift
from tests.integration.worker.statements import only_row
from tests.kept_connection import kept_transaction, lent
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, prompt, read_rows, result, text, use

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
def connection(database_url: str) -> Iterator[Connection[Any]]:
    """Beside the worker's, and committed at once."""
    with lent(database_url) as connection:
        prepare_connection(connection)
        yield connection


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a session takes several transactions."""
    monkeypatch.setattr(reparse_rows, "RECORDS_AT_ONCE", 3)
    monkeypatch.setattr(run_reparse, "ROWS_AT_ONCE", 2)


class Checked(Resources):
    """A worker each of whose transactions leaves aggregates that agree with the rows."""

    @contextmanager
    def transaction(self) -> Iterator[Connection[Any]]:
        with Resources.transaction(self) as connection:
            yield connection
        with kept_transaction(self.settings.database_url) as other:
            assert drift(other) == {}


@pytest.fixture
def checked(worker: Resources) -> Resources:
    return Checked(worker.settings, worker.engine, worker.redis, worker.consumer)


@contextmanager
def new_rules(*, tool_name: str | None = None, unread: str | None = None) -> Iterator[None]:
    """Notes are no prompts, and texts are cut at 12 characters. `tool_name`: what all calls are named. `unread`: lines whose uuid begins so."""
    said = transcript_reader.text_of_person

    def but_no_notes(row: transcript_rows.Row) -> str | None:
        found = said(row)
        return None if found is None or found.startswith("note:") else found

    read = transcript_reader.Transcript.read_part

    def renamed(self: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        for record in read(self, *args, **kwargs):
            if isinstance(record, ToolUse) and tool_name:
                record.tool_name = tool_name
            yield record

    of_row = transcript_reader.Transcript._row

    def but_some(self: Any, row: transcript_rows.Row, line: Any) -> Iterator[Any]:
        if not unread or not (row.uuid or "").startswith(unread):
            yield from of_row(self, row, line)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcript_reader.Transcript, "_row", but_some)
        patch.setattr(transcript_reader, "text_of_person", but_no_notes)
        patch.setattr(transcript_reader, "MAX_CONTENT_CHARACTERS", 12)
        patch.setattr(transcript_reader.Transcript, "read_part", renamed)
        yield


def add_job(connection: Connection[Any]) -> int:
    [(number,)] = connection.execute(
        "INSERT INTO import_jobs (id, files, user_name) VALUES (%s, '[]', 'ann') RETURNING number", [uuid4()]
    ).fetchall()
    return int(number)


def add_file(connection: Connection[Any], rows: list[Row], job_number: int, *, is_stored: bool = True) -> int:
    """Imports a file, and archives it. Its id."""
    content = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    session_id = rows[-1]["sessionId"]
    if is_stored:
        bring(connection, records_of(rows), job_number)
    [(file_id,)] = connection.execute(
        "INSERT INTO transcript_files (session_id, file_name, generation, stored_offset, parsed_offset, user_name, brought_by)"
        " VALUES (%s, %s, %s, %s, %s, 'ann', %s) RETURNING id",
        (session_id, f"{session_id}.jsonl", job_number, len(content), len(content), [job_number]),
    ).fetchall()
    add_range(connection, file_id, content)
    return int(file_id)


def add_range(connection: Connection[Any], file_id: int, content: bytes, start: int = 0) -> None:
    connection.execute(
        "INSERT INTO transcript_ranges VALUES (%s, %s, %s, %s, %s, now(), '')",
        (file_id, start, start + len(content), zstandard.compress(content), len(content)),
    )


def records_of(rows: list[Row]) -> list[Record]:
    return [record for record in read_rows(*rows) if not hasattr(record, "code") and not hasattr(record, "records")]  # type: ignore[misc]


def start_job(connection: Connection[Any], *, is_cancelled: bool = False, **selection: Any) -> UUID:
    job_id = uuid4()
    connection.execute(
        "INSERT INTO import_jobs (id, kind, files, has_files, selection, cancel_requested_at)"
        " VALUES (%s, 'reparse', '[]', false, %s, CASE WHEN %s THEN now() END)",
        (job_id, json.dumps(selection), is_cancelled),
    )
    connection.execute("INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", (job_id,))
    return job_id


def run(
    worker: Resources, connection: Connection[Any], status: str = "succeeded", codes: tuple[str, ...] = (), **selection: Any
) -> dict[str, int]:
    """Runs a reparse that ends so, with these errors. Gives what it changed."""
    job_id = start_job(connection, **selection)
    run_shard.run(worker, job_id, 0)
    [(ended, changes, errors)] = connection.execute("SELECT status, changes, errors FROM import_jobs WHERE id = %s", (job_id,)).fetchall()
    assert (ended, tuple(error["code"] for error in errors)) == (status, codes)
    return dict(changes)


def prompts(connection: Connection[Any]) -> set[str]:
    return {row[0] for row in connection.execute("SELECT content FROM messages WHERE role = 'user'")}


def reparse(worker: Resources) -> dict[str, Any]:
    """Reparses all. Gives the job's row."""
    job_id = import_jobs.add_job(worker, kind="reparse", has_files=False)
    run_shard.run(worker, job_id, 0)
    return only_row(worker, "SELECT status, changes, errors FROM import_jobs WHERE id = %s", [job_id])
