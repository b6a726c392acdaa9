"""A new table of sums is told once how it adds up (keep_sums): whatever changes rows then keeps it, and verify and rebuild know it.

The made-up one counts messages by role and failed tool calls by tool, so it has two tables of rows for sources.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection

from services.worker.importers.job import undo
from services.worker.maintenance.rebuild import rebuild
from services.worker.maintenance.verify import verify
from services.worker.persist.persist_batch import persist
from services.worker.persist.records import Message, Record, SessionFacts, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from shared.events.messages import Conversation, Event, SessionStart, ToolCall
from tests.integration.worker.imports.files_of_sessions import add_job

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GAP = timedelta(minutes=5)

TABLE = """
    CREATE TABLE speaker_sums (
        project_id bigint, user_id bigint, bucket_start timestamptz, speaker text,
        messages bigint NOT NULL DEFAULT 0, failures numeric NOT NULL DEFAULT 0,
        PRIMARY KEY (project_id, user_id, bucket_start, speaker))"""
KEPT = """
    SELECT keep_sums('messages', 'speaker_sums', ARRAY[['project_id', 'project_id'], ['user_id', 'user_id'], ['bucket_start', 'bucket_of(occurred_at, 1440)'],
        ['speaker', 'role']], ARRAY[['messages', 'sum', '1']]);
    SELECT keep_sums('tool_calls', 'speaker_sums', ARRAY[['project_id', 'project_id'], ['user_id', 'user_id'], ['bucket_start', 'bucket_of(occurred_at, 1440)'],
        ['speaker', 'tool_name']], ARRAY[['failures', 'sum', '1']], condition => $$status = 'error'$$)"""
FORGET = """
    DO $$ DECLARE counted text; event text; BEGIN
        FOREACH counted IN ARRAY ARRAY['messages', 'tool_calls'] LOOP
            FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete'] LOOP
                EXECUTE format('DROP FUNCTION speaker_sums_%s_%s() CASCADE', event, counted);
            END LOOP;
        END LOOP;
    END $$;
    DELETE FROM kept_sums WHERE sums = 'speaker_sums';
    DROP TABLE speaker_sums"""


@pytest.fixture
def connection(worker: Resources) -> Iterator[Connection[Any]]:
    """A database with the table of sums, which has been told how its numbers add up."""
    with worker.connection() as connection:
        with connection.transaction():
            connection.execute(TABLE)
            connection.execute(KEPT)
        yield connection
        with connection.transaction():
            connection.execute(FORGET)


def store(connection: Connection[Any], *events: Event | Record, job_number: int = 0) -> None:
    with connection.transaction():
        persist(connection, [ReceivedEvent(event, NOW, "r", "1-0") for event in events], idle_gap=GAP, job_number=job_number)


def said(session_id: str) -> Conversation:
    return Conversation(session_id=session_id, content="x", role="user", timestamp=NOW, id=uuid4())


def failed(session_id: str) -> ToolCall:
    return ToolCall(session_id=session_id, tool_name="Bash", result_status="error", timestamp=NOW, id=uuid4())


def cells(connection: Connection[Any]) -> list[tuple[Any, ...]]:
    """(project, speaker, messages, failures)."""
    with connection.transaction():
        found = connection.execute("""
            SELECT coalesce(p.path, r.project_id::text), speaker, messages, failures::int
            FROM speaker_sums AS r LEFT JOIN projects AS p ON p.id = r.project_id ORDER BY 1, 2""")
        return found.fetchall()


def is_right(connection: Connection[Any]) -> bool:
    found = verify(connection, GAP)
    return "speaker_sums" in found and not any(found.values())


def test_new_sums_include_new_rows(connection: Connection[Any]) -> None:
    store(connection, said("s"), said("s"), failed("s"))

    assert cells(connection) == [("0", "Bash", 0, 1), ("0", "user", 2, 0)]
    assert is_right(connection)


def test_new_sums_follow_a_session_to_its_project(connection: Connection[Any]) -> None:
    store(connection, said("s"), failed("s"))

    store(connection, SessionStart(project_path="/p", start_time=NOW, session_id="s", id=uuid4()))

    assert cells(connection) == [("/p", "Bash", 0, 1), ("/p", "user", 1, 0)]
    assert is_right(connection)


def test_a_better_version_of_a_row_replaces_its_contribution(connection: Connection[Any]) -> None:
    # Given a tool call of a file that was read before it had ended
    row_id = uuid4()
    pending = ToolUse(id=row_id, session_id="s", tool_name="Bash", status="error", timestamp=NOW, source="transcript")
    with connection.transaction():
        number = add_job(connection)
    store(connection, pending, job_number=number)
    assert ("0", "Bash", 0, 1) in cells(connection)

    # When the file is read again
    store(
        connection,
        ToolUse(id=row_id, session_id="s", tool_name="Bash", status="success", duration_ms=7, timestamp=NOW, source="transcript"),
        job_number=number,
    )

    assert cells(connection) == []
    assert is_right(connection)


def test_an_undo_subtracts_the_contributions_of_its_import(worker: Resources, connection: Connection[Any]) -> None:
    # Given a live session, and an import of another one, with a prompt without a session
    store(connection, said("live"))
    before = cells(connection)
    with connection.transaction():
        number = add_job(connection)
    store(
        connection,
        SessionFacts(id=uuid4(), session_id="s", source="transcript", project_path="/p", started_at=NOW, ended_at=NOW),
        Message(id=uuid4(), role="user", content="x", source="transcript", session_id="s", timestamp=NOW),
        Message(id=uuid4(), role="user", content="y", source="history.jsonl", project_path="/p"),
        job_number=number,
    )
    assert cells(connection) != before

    # When it is undone
    with connection.transaction():
        while undo.undo_some(worker, connection, number):
            continue

    # Then no cell of it is left, not even an empty one
    assert cells(connection) == before
    with connection.transaction():
        assert connection.execute("SELECT count(*) FROM speaker_sums WHERE (messages, failures) = (0, 0)").fetchone() == (0,)
    assert is_right(connection)


def test_verify_finds_wrong_cells_of_new_sums_and_rebuild_corrects_them(connection: Connection[Any]) -> None:
    store(connection, said("s"), failed("s"))
    before = cells(connection)
    with connection.transaction():
        connection.execute("UPDATE speaker_sums SET messages = messages + 1")
    assert verify(connection, GAP)["speaker_sums"] == 4

    assert rebuild(connection, GAP)["speaker_sums"] == 4

    assert cells(connection) == before
    assert is_right(connection)
