"""A prompt in both history.jsonl and a transcript is one message, in either import order."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from psycopg import Connection

from services.worker.persist.persist_batch import persist
from services.worker.persist.records import Message, Record, SessionFacts
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear
from services.worker.resources import Resources
from shared.events.messages import Conversation
from tests.integration.worker.all_tables import tables
from tests.integration.worker.imports.files_of_sessions import drift

GAP = timedelta(minutes=5)
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMESPACE = UUID(int=11)


def facts(source: str) -> SessionFacts:
    return SessionFacts(id=uuid5(NAMESPACE, source), session_id="s1", source=source, project_path="/p", user="ann", started_at=AT)


def prompt(source: str, seconds: int, session_id: str | None = "s1") -> Message:
    at = AT + timedelta(seconds=seconds)
    return Message(
        id=uuid5(NAMESPACE, f"{source} {seconds} {session_id}"), role="user", content="fix it", source=source, session_id=session_id,
        project_path="/p", user="ann", timestamp=at,
    )  # fmt: skip


HISTORY: list[Record] = [facts("history.jsonl"), prompt("history.jsonl", 1), prompt("history.jsonl", 600), prompt("history.jsonl", 5, None)]
TRANSCRIPT: list[Record] = [facts("transcript"), prompt("transcript", 0), prompt("transcript", 601)]


@pytest.fixture
def connection(worker: Resources) -> Iterator[Connection[Any]]:
    """A connection that persists; what a test stores in a transaction of it is rolled back."""
    with worker.engine.connect() as pooled:
        connection = pooled.connection.driver_connection
        assert isinstance(connection, Connection)
        yield connection


@pytest.mark.parametrize(
    "batches", [[HISTORY, TRANSCRIPT], [TRANSCRIPT, HISTORY], [HISTORY + TRANSCRIPT]], ids=["first", "last", "together"]
)
def test_transcript_prompts_take_precedence_over_history(connection: Connection[Any], batches: list[list[Record]]) -> None:
    with connection.transaction(force_rollback=True):
        for batch in batches:
            store(connection, batch)
        # Then the session has the transcript's prompts alone; the one without a session stays
        rows = connection.execute("SELECT session_id, source, count(*) FROM messages GROUP BY 1, 2 ORDER BY 1").fetchall()
        assert rows == [("s1", "transcript", 2), (None, "history.jsonl", 1)]
        assert drift(connection) == {}
        in_this_order = tables(connection)
    with connection.transaction(force_rollback=True):
        for batch in (TRANSCRIPT, HISTORY):
            store(connection, batch)
        assert tables(connection) == in_this_order


def test_history_prompts_are_stored_without_a_transcript(connection: Connection[Any]) -> None:
    with connection.transaction(force_rollback=True):
        store(connection, HISTORY)
        assert connection.execute("SELECT user_messages FROM sessions").fetchall() == [(2,)]


def test_api_messages_are_stored_beside_a_transcript(connection: Connection[Any]) -> None:
    # Given a session whose transcript was imported
    with connection.transaction(force_rollback=True):
        store(connection, TRANSCRIPT)
        # When a message comes that does not say where it is from
        live = Conversation(id=uuid5(NAMESPACE, "live"), session_id="s1", role="user", content="and this", timestamp=AT + GAP)
        persisted = persist(connection, [ReceivedEvent(live, AT, "test", "1-1")], idle_gap=GAP)
        # Then it is a message more, and no duplicate
        assert (persisted.messages, persisted.duplicates) == (1, 0)
        assert connection.execute("SELECT count(*) FROM messages").fetchall() == [(3,)]


def store(connection: Connection[Any], records: list[Record]) -> None:
    persist(connection, [ReceivedEvent(record, AT, "test", "1-1") for record in records], idle_gap=GAP, job_number=1)
    clear(connection)


def test_a_folder_named_only_by_a_subagents_transcript_is_not_a_project(connection: Connection[Any]) -> None:
    # Given a session whose subagent worked in another folder, and a project that is named by a person's prompt
    elsewhere = SessionFacts(id=uuid5(NAMESPACE, "agent"), session_id="s1", source="transcript", project_path="/p/src", started_at=AT + GAP)
    with connection.transaction(force_rollback=True):
        store(connection, [facts("transcript"), elsewhere])
        named = "SELECT path, is_named, EXISTS (SELECT FROM sessions AS s WHERE s.project_id = p.id) FROM projects AS p ORDER BY path"
        assert connection.execute(named).fetchall() == [("/p", False, True), ("/p/src", False, False)]

        # When somebody names the folder, then it is a project
        store(connection, [Message(id=uuid5(NAMESPACE, "named"), role="user", content="x", source="claude.json", project_path="/p/src")])
        assert connection.execute(named).fetchall() == [("/p", False, True), ("/p/src", True, False)]
