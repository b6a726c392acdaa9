"""Imports of files that share rows: any order, batching and repetition gives the same tables, and an undo leaves no trace."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from services.worker.importers.job import undo
from services.worker.persist.records import (
    FileSummary,
    Record,
    RecordError,
    RowRecord,
)
from services.worker.resources import Resources
from services.worker.row_tables import for_all
from shared.events.messages import Conversation, SessionStart
from tests.example_counts import examples
from tests.integration.worker.all_tables import tables
from tests.integration.worker.imports.files_of_sessions import EPOCH, NAMESPACE, add_job, bring, drift, file_of
from tests.unit.worker.importers.transcript.rows_of_a_session import agent_progress, answer, prompt, read_rows, result, text, use

SESSIONS = ("s1", "s2", "s3")


def owners(read: list[Record]) -> dict[UUID, str]:
    """Whose each row is, said in plain Python: the session's that wrote it, else the first's that copied it."""
    claims = [(record.copied_at or EPOCH, record.session_id, record.id) for record in read if isinstance(record, RowRecord)]
    return {row_id: min(claim[:2] for claim in claims if claim[2] == row_id)[1] or "" for *_, row_id in claims}


def stored_owners(connection: Connection[Any]) -> dict[UUID, str]:
    return dict(connection.execute(for_all("SELECT id, session_id FROM $table").encode()).fetchall())


# Jobs of one or two files each; the same act in several files is a copy.
numbers = st.integers(0, 11)
files = st.tuples(st.sampled_from(SESSIONS), st.lists(numbers, min_size=1, max_size=6, unique=True), st.frozensets(numbers))
jobs = st.lists(st.lists(files, min_size=1, max_size=2), min_size=1, max_size=4)
live = [
    SessionStart(project_path="/p/live", start_time=EPOCH, user="bob", session_id="s2", id=uuid5(NAMESPACE, "start")),
    Conversation(session_id="s2", content="by hand", role="user", timestamp=EPOCH + timedelta(minutes=1), id=uuid5(NAMESPACE, "live")),
]


def take_back(worker: Resources, connection: Connection[Any], job_number: int) -> None:
    while undo.undo_some(worker, connection, job_number):
        # Each of its transactions could be the last for a while.
        assert drift(connection) == {}
    undo.clear_up(connection, job_number)


@pytest.fixture(autouse=True)
def small_undos(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an undo has several transactions."""
    monkeypatch.setattr(undo, "ROWS_AT_ONCE", 2)


@pytest.fixture
def connection(worker: Resources) -> Any:
    with worker.engine.connect() as pooled:
        yield pooled.connection.driver_connection


# A session with a subagent: its own file, and what the parent's file tells of it, which is cut short and has the result of an edit.
SAID = [
    answer(11, "s1", "msg_s1", text("Looking."), use("toolu_s1", "Edit", file_path="/p/b.py", old_string="x", new_string="y"), output=1),
    answer(12, "s2", "msg_s1", text("Still looking."), output=50),
    result(15, "s3", "toolu_s1", "edited"),
]
EDITED = {"filePath": "/p/b.py", "structuredPatch": [{"lines": ["-x", "+y", "+z"]}]}
PARENT = [
    prompt(0, "u1", "do it"),
    *(
        agent_progress(said | ({"toolUseResult": EDITED} if said["uuid"] == "s3" else {}), f"p{said['uuid']}")
        for said in SAID
        if said["uuid"] != "s2"
    ),
]
OWN_FILE = [said | {"isSidechain": True, "agentId": "a1b2c3d"} for said in SAID]


def records_of(*rows: dict[str, Any]) -> list[Record]:
    return [record for record in read_rows(*rows) if not isinstance(record, FileSummary | RecordError)]


relaxed = settings(
    max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@relaxed
@given(made=jobs, data=st.data())
def test_rows_shared_by_files_are_stored_once_in_any_order(connection: Connection[Any], made: Any, data: st.DataObject) -> None:
    # Given the files of some jobs, and the same in another order, cut anywhere, some twice
    read = [record for job in made for file in job for record in file_of(*file)]
    shuffled = data.draw(st.permutations(read + data.draw(st.lists(st.sampled_from(read), max_size=4))))
    cut = data.draw(st.integers(0, len(shuffled)))

    with connection.transaction(force_rollback=True):
        bring(connection, read, 1)
        together = tables(connection)
        # Then each row is the session's that had it first, and the aggregates are what the rows say
        assert stored_owners(connection) == owners(read)
        assert drift(connection) == {}
    with connection.transaction(force_rollback=True):
        for batch in (shuffled[:cut], shuffled[cut:]):
            bring(connection, batch, 1)
        apart = tables(connection)

    # And the tables are the same
    assert apart == together


@relaxed
@given(data=st.data())
def test_a_subagents_file_and_its_parents_records_merge_in_any_order(connection: Connection[Any], data: st.DataObject) -> None:
    # Given both files, their records in any order, cut anywhere, some twice
    read = records_of(*PARENT) + records_of(*OWN_FILE)
    shuffled = data.draw(st.permutations(read + data.draw(st.lists(st.sampled_from(read), max_size=6))))
    cut = data.draw(st.integers(0, len(shuffled)))

    with connection.transaction(force_rollback=True):
        bring(connection, read, 1)
        together = tables(connection)
        counted = connection.execute(
            "SELECT sum(output_tokens), count(*), (SELECT sum(lines_added) FROM activities) FROM api_calls"
        ).fetchone()
    with connection.transaction(force_rollback=True):
        for batch in (shuffled[:cut], shuffled[cut:]):
            bring(connection, batch, 1)
        apart = tables(connection)
        assert drift(connection) == {}

    # Then each API call is there once, by its last reading, and the edit as the patch tells
    assert counted == (50, 1, 2)
    assert apart == together


@relaxed
@given(made=jobs, with_live=st.booleans(), data=st.data())
def test_an_undo_leaves_the_tables_as_without_the_job(
    worker: Resources, connection: Connection[Any], made: Any, with_live: bool, data: st.DataObject
) -> None:
    # Given jobs, of which one is to be undone, between live events
    undone = data.draw(st.integers(0, len(made) - 1))

    def bring_all(leave_out: int | None) -> list[int]:
        numbers = []
        if with_live:
            bring(connection, live, 0)
        for place, job in enumerate(made):
            numbers.append(add_job(connection))
            if place != leave_out:
                for file in job:
                    bring(connection, file_of(*file), numbers[-1])
        return numbers

    with connection.transaction(force_rollback=True):
        bring_all(leave_out=undone)
        without = tables(connection)
    with connection.transaction(force_rollback=True):
        numbers = bring_all(leave_out=None)
        # When it is undone
        take_back(worker, connection, numbers[undone])

        # Then all is as if it had never been, and the aggregates are what the rows say
        assert tables(connection) == without
        assert drift(connection) == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([("s3", "wrote"), ("s3", "copied"), ("s1", "copied")], []),
        ([("s1", "wrote"), ("s1", "copied"), ("s3", "wrote")], [("s3", "copied")]),
        ([("s1", "wrote"), ("s3", "wrote"), ("s1", "copied")], [("s3", "copied")]),
    ],
)
@pytest.mark.parametrize("undone", [1, 2])
def test_a_row_stays_its_writers_when_a_job_with_a_copy_is_undone(
    worker: Resources, connection: Connection[Any], before: list[tuple[str, str]], after: list[tuple[str, str]], undone: int
) -> None:
    def bring_all(jobs: list[tuple[str, str]]) -> list[int]:
        numbers = []
        for session, how in jobs:
            numbers.append(add_job(connection))
            bring(connection, file_of(session, [9], frozenset([9] if how == "copied" else [])), numbers[-1])
        return numbers

    with connection.transaction(force_rollback=True):
        bring_all(before[:undone] + before[undone + 1 :] + after)
        without = tables(connection)
    with connection.transaction(force_rollback=True):
        # Given a row that one session wrote, and others claim; when a claim is undone, and another comes then
        take_back(worker, connection, bring_all(before)[undone])
        bring_all(after)
        # Then the row is whose it would be without what was undone
        assert tables(connection) == without
