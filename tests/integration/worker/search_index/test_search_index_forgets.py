"""What is scrubbed, undone or read again differently is not found any longer, even before the indexer has run. Then the index is right again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from deploy.embedded.supervision.processes import wait_until
from services.worker.importers.job import undo
from services.worker.maintenance import merge_users
from services.worker.maintenance.scrub import scrub
from services.worker.persist.persist_batch import persist
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources, open_resources
from services.worker.search_index import index_pending as indexer
from services.worker.search_index.check_documents import differing_documents
from services.worker.search_index.index_pending import index_pending
from shared.events.messages import Activity, Conversation, SessionStart, ToolCall
from shared.sessions.session_tags import tag_key
from tests.integration.worker.archive.reparsed_sessions import ROWS, add_file
from tests.integration.worker.archive.reparsed_sessions import run as reparse
from tests.integration.worker.imports.test_imports_in_any_order import EPOCH, GAP, add_job, file_of
from tests.integration.worker.maintenance.test_merge_users import request_merge
from tests.integration.worker.maintenance.test_scrub import BLOCKED, HANG_SECONDS, NOW, SECRET, WORD, asked_for, message, select, stored

# Of each document all that can be found, and what documents were made of.
DOCUMENTS = """
    SELECT d::text || t.content || coalesce((SELECT string_agg(word, ' ') FROM search_words), '')
    FROM search_documents AS d JOIN search_texts AS t USING (id) UNION ALL SELECT result FROM search_former_results"""
CONTENTS = "SELECT content FROM search_texts ORDER BY content"
FORMER = "SELECT result FROM search_former_results"
# In a path and in titles a secret has letters only, as a word of search_words has.
SECRET_LETTERS = "password=correcthorsebatterystaple"


@pytest.fixture
def connection(worker: Resources) -> Iterator[Connection[Any]]:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        yield connection


def store(worker: Resources, events: list[Any], job_number: int = 0) -> None:
    with worker.transaction() as connection:
        persist(connection, [ReceivedEvent(event, EPOCH, "test", "1-1") for event in events], idle_gap=GAP, job_number=job_number)


def contents(worker: Resources) -> list[str]:
    return [content for (content,) in select(worker, CONTENTS)]


def with_secret(worker: Resources) -> list[str]:
    return [text for (text,) in select(worker, DOCUMENTS) if SECRET.lower() in text.lower() or "correcthorse" in text]


def assert_up_to_date(worker: Resources, connection: Connection[Any]) -> None:
    assert index_pending(worker, seconds=60) is False
    assert select(worker, FORMER) == []
    assert differing_documents(connection) == 0


@pytest.fixture
def old_rows(worker: Resources, connection: Connection[Any]) -> None:
    """Rows with secrets in all that can be found, as a version without redaction has indexed them."""
    call = {"tool_name": "Bash", "result_status": "success", "session_id": "s", "timestamp": NOW}
    stored(
        worker,
        SessionStart(project_path="/p", start_time=NOW, session_id="s", git_branch=f"fix/{SECRET}", id=uuid4()),
        message(f"use {SECRET} now"),
        # The session is called by the first.
        message(f"and {SECRET_LETTERS}", 1),
        message("nothing here", 2),
        ToolCall(**call, parameters={"command": f"login {SECRET}"}, result=f"told {SECRET}", id=uuid4()),
        Activity(session_id="s", file_path=f"/p/{SECRET}.txt", action="created", timestamp=NOW, id=uuid4()),
    )
    tags = ["shop", f"x {SECRET}"]
    connection.execute(
        "INSERT INTO session_marks (session_id, tags, tag_keys, note, title) VALUES ('s', %s, %s, %s, %s)",
        (tags, [tag_key(tag) for tag in tags], SECRET, SECRET),
    )
    index_pending(worker)
    assert len(with_secret(worker)) == 6


@pytest.mark.usefixtures("old_rows")
def test_a_scrub_that_has_succeeded_leaves_no_secret_to_be_found(worker: Resources, connection: Connection[Any]) -> None:
    assert scrub.run(worker, asked_for(worker)) is False

    assert select(worker, "SELECT status FROM scrubs") == [("succeeded",)]
    assert with_secret(worker) == []
    assert contents(worker) == ["nothing here"]
    assert_up_to_date(worker, connection)
    assert with_secret(worker) == []
    assert [content for content in contents(worker) if WORD in content] == [
        f"/p/{WORD}.txt",
        f"Bash\nlogin {WORD}\ntold {WORD}",
        f"{WORD}\nuse {WORD} now\n{WORD}\nshop x {WORD}\nfix/{WORD}",
        f"use {WORD} now",
    ]
    assert select(worker, "SELECT tags, tag_keys FROM session_marks") == [(["shop", f"x {WORD}"], ["shop", tag_key(f"x {WORD}")])]


@pytest.mark.usefixtures("old_rows")
def test_a_dry_run_leaves_what_is_found(worker: Resources) -> None:
    before = select(worker, DOCUMENTS)

    assert scrub.run(worker, asked_for(worker, is_dry_run=True)) is False

    assert select(worker, DOCUMENTS) == before


@pytest.mark.usefixtures("old_rows")
def test_a_document_that_was_outdated_before_the_scrub_is_forgotten(worker: Resources, connection: Connection[Any]) -> None:
    """given a row without its secret that waits to be indexed, when a scrub finds nothing in it, then its document is gone nonetheless."""
    connection.execute("UPDATE messages SET content = 'other' WHERE content LIKE 'use %'")

    assert scrub.run(worker, asked_for(worker)) is False

    assert with_secret(worker) == []


@pytest.mark.usefixtures("old_rows")
def test_a_scrub_waits_for_an_indexer_that_has_read_a_secret(
    worker: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given an indexer between the reading of a row and its document
    stored(worker, message(f"new {SECRET}"))
    has_read, may_write, write = Flag(), Flag(), indexer.write_documents

    def write_later(*arguments: Any) -> int:
        has_read.set()
        assert may_write.wait(HANG_SECONDS)
        return write(*arguments)

    monkeypatch.setattr(indexer, "write_documents", write_later)
    other = open_resources(worker.settings)
    try:
        with ThreadPoolExecutor(2) as threads:
            indexing = threads.submit(index_pending, other)
            assert has_read.wait(HANG_SECONDS)

            # When rows are scrubbed meanwhile
            scrubbing = threads.submit(scrub.run, worker, asked_for(worker))
            assert wait_until(lambda: select(worker, BLOCKED) == [(1,)], HANG_SECONDS)
            assert select(worker, "SELECT status FROM scrubs") == [("running",)]
            may_write.set()

            # Then the scrub ends behind it, and nothing of the secret is left
            assert scrubbing.result(HANG_SECONDS) is False
            assert with_secret(worker) == []
            indexing.result(HANG_SECONDS)
    finally:
        other.close()
    assert_up_to_date(worker, connection)
    assert with_secret(worker) == []


def test_undone_rows_are_not_found_after_any_transaction(
    worker: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """given an import and live events, when it is undone in parts without an indexer, then each document has its row after every part."""
    monkeypatch.setattr(undo, "ROWS_AT_ONCE", 3)
    live = Conversation(session_id="s1", content="live", role="user", timestamp=EPOCH, id=uuid4())
    store(worker, [SessionStart(project_path="/p/live", start_time=EPOCH, user="bob", session_id="s1", id=uuid4()), live])
    number = add_job(connection)
    store(worker, file_of("s1", list(range(12))) + file_of("s2", [12, 13, 14, 15]), number)
    assert_up_to_date(worker, connection)
    before = len(contents(worker))
    is_more, steps = True, 0

    while is_more:
        with worker.transaction() as part:
            is_more = undo.undo_some(worker, part, number)
        connection.execute("CREATE TEMP TABLE noted AS SELECT * FROM search_pending; TRUNCATE search_pending")
        assert len(select(worker, "SELECT FROM search_documents")) < before
        orphans = "SELECT d.content FROM search_documents AS d LEFT JOIN messages AS m USING (id) WHERE d.kind = 'message' AND m.id IS NULL"
        assert select(worker, orphans) == []
        connection.execute("INSERT INTO search_pending OVERRIDING SYSTEM VALUE SELECT * FROM noted; DROP TABLE noted")
        steps += 1

    assert steps > 3
    with worker.transaction() as part:
        undo.clear_up(part, number)
    assert [content for content in contents(worker) if content != "live"] == []
    assert_up_to_date(worker, connection)
    # The prompt, and the session that is called by it.
    left = select(worker, "SELECT kind, content FROM search_documents WHERE content <> '' ORDER BY kind")
    assert left == [("message", "live"), ("session", "live")]


def test_what_a_reparse_changes_is_not_found_as_it_was(
    worker: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """given a reader that cuts texts, when a session is read again, then only texts that stayed are found, and all after the indexer."""
    with worker.transaction() as part:
        add_file(part, ROWS, add_job(part))
    assert_up_to_date(worker, connection)
    assert "please look at it" in contents(worker)
    kept = select(worker, "SELECT id FROM search_documents WHERE kind = 'tool_call' ORDER BY id")
    monkeypatch.setattr("services.worker.importers.formats.transcript.transcript_reader.MAX_CONTENT_CHARACTERS", 12)

    reparse(worker, connection)

    assert "please look at it" not in contents(worker)
    assert select(worker, "SELECT id FROM search_documents WHERE kind = 'tool_call' ORDER BY id") == kept
    assert_up_to_date(worker, connection)
    assert "please look at it" not in contents(worker)


def test_documents_of_a_merged_user_become_the_others(worker: Resources, connection: Connection[Any]) -> None:
    for user in ("ann", "bob"):
        start = SessionStart(project_path="/p", start_time=EPOCH, user=user, session_id=user, git_branch="main", id=uuid4())
        said = Conversation(session_id=user, content=f"{user} says", role="user", timestamp=EPOCH, id=uuid4())
        changed = Activity(session_id=user, file_path=f"/p/{user}.py", action="modified", timestamp=EPOCH, id=uuid4())
        store(worker, [start, said, changed])
    store(worker, [ToolCall(tool_name="Read", result_status="success", timestamp=EPOCH, user="bob", id=uuid4())])
    assert_up_to_date(worker, connection)

    assert merge_users.run(worker, request_merge(worker, "bob", into="ann")) is False

    assert_up_to_date(worker, connection)
    assert select(worker, "SELECT DISTINCT u.name FROM search_documents AS d JOIN users AS u ON u.id = d.user_id") == [("ann",)]
    assert len(contents(worker)) == 7
