"""The search index: every row has its document, whatever happens to the row, and whatever happens to the indexer."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from services.worker.persist.persist_batch import persist
from services.worker.persist.records import Message, Record, Result, TimelineEntry, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from services.worker.search_index import index_pending as indexer
from services.worker.search_index import write_documents
from services.worker.search_index.backfill import begin_again
from services.worker.search_index.check_documents import differing_documents
from services.worker.search_index.index_pending import index_pending
from shared.document_words import Words, words_of
from shared.events.messages import Activity, Conversation, Event, SessionStart, ToolCall

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GAP = timedelta(minutes=5)
# Results that calls had before, and no document was made of.
NEEDLESS = "SELECT FROM search_former_results AS f WHERE NOT EXISTS (SELECT FROM search_documents AS d WHERE d.id = f.id AND d.result_key = f.result_key)"


@pytest.fixture
def connection(worker: Resources) -> Iterator[Connection[Any]]:
    """The worker's only one, which the indexer uses between its statements."""
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        yield connection


def store(worker: Resources, *events: Event | Record, job_number: int = 0) -> None:
    with worker.transaction() as connection:
        persist(connection, [ReceivedEvent(event, NOW, "test", "1-1") for event in events], idle_gap=GAP, job_number=job_number)


def start(session_id: str = "s", **more: Any) -> SessionStart:
    return SessionStart(project_path="/home/ann/shop", start_time=NOW, session_id=session_id, user="ann", id=uuid4(), **more)


def message(content: str, *, minutes: int = 0, id: UUID | None = None, role: Literal["user", "assistant"] = "user") -> Conversation:
    return Conversation(session_id="s", content=content, role=role, timestamp=NOW + timedelta(minutes=minutes), id=id or uuid4())


def call(id: UUID | None = None, **more: Any) -> ToolCall:
    return ToolCall(tool_name="Bash", timestamp=NOW, session_id="s", id=id or uuid4(), **({"result_status": "success"} | more))


def change(path: str, *, minutes: int = 0, id: UUID | None = None) -> Activity:
    return Activity(session_id="s", file_path=path, action="modified", timestamp=NOW + timedelta(minutes=minutes), id=id or uuid4())


def found(connection: Connection[Any], kind: str) -> list[str]:
    return [row[0] for row in connection.execute("SELECT content FROM search_texts WHERE kind = %s ORDER BY content", (kind,))]


def pending(connection: Connection[Any]) -> list[tuple[str, int]]:
    return connection.execute("SELECT kind, sum(rows)::bigint FROM search_pending GROUP BY 1 ORDER BY 1").fetchall()


def assert_up_to_date(worker: Resources, connection: Connection[Any]) -> None:
    assert index_pending(worker, seconds=60) is False
    assert pending(connection) == []
    assert connection.execute(NEEDLESS).fetchall() == []
    assert differing_documents(connection) == 0


def test_each_kind_of_row_becomes_a_document(worker: Resources, connection: Connection[Any]) -> None:
    store(
        worker,
        start(git_branch="fix/cart"),
        message("why is the cart empty"),
        call(parameters={"description": "run", "command": "pytest -q", "timeout": 5}),
        change("/home/ann/shop/cart.py"),
        change("/home/ann/shop/cart.py", minutes=3),
    )

    assert index_pending(worker, seconds=60) is False

    assert found(connection, "message") == ["why is the cart empty"]
    assert found(connection, "tool_call") == ["Bash\npytest -q\nrun\n5"]
    assert found(connection, "session") == ["why is the cart empty\nfix/cart"]
    assert found(connection, "file") == ["/home/ann/shop/cart.py"]
    assert connection.execute("SELECT session_id, occurred_at FROM search_documents WHERE kind = 'file'").fetchall() == [
        ("s", NOW + timedelta(minutes=3))
    ]
    assert connection.execute("SELECT kind FROM search_documents WHERE terms @@ 'cart' ORDER BY 1").fetchall() == [
        ("file",),
        ("message",),
        ("session",),
    ]
    assert_up_to_date(worker, connection)


def test_results_and_summaries_are_found_and_thinking_is_not(worker: Resources, connection: Connection[Any]) -> None:
    use = ToolUse(
        id=uuid4(),
        session_id="s",
        timestamp=NOW,
        tool_name="Bash",
        status="error",
        source="transcript",
        parameters={"command": "make"},
        result=Result(text="no rule to make target"),
    )
    entries = [
        TimelineEntry(
            id=uuid4(), session_id="s", source="transcript", timestamp=NOW, kind="compaction_summary", content="we fixed the cart"
        ),
        TimelineEntry(id=uuid4(), session_id="s", source="transcript", timestamp=NOW, kind="thinking", content="perhaps the cart"),
    ]
    store(worker, start())
    store(worker, use, *entries, job_number=7)

    assert_up_to_date(worker, connection)

    assert connection.execute("SELECT content, result_at, is_error FROM search_texts WHERE kind = 'tool_call'").fetchall() == [
        ("Bash\nmake\nno rule to make target", 10, True)
    ]
    assert connection.execute("SELECT role, content FROM search_documents WHERE kind = 'timeline_entry'").fetchall() == [
        ("compaction_summary", "we fixed the cart")
    ]


def test_documents_follow_their_rows(worker: Resources, connection: Connection[Any]) -> None:
    """given documents, when rows change, move, are marked or deleted, in any way that SQL knows, then the documents do too."""
    ids = [uuid4() for _ in range(4)]
    store(worker, start(), *(message(f"text {n}", id=id) for n, id in enumerate(ids)), call(), change("/p/a.py"), change("/p/b.py"))
    assert_up_to_date(worker, connection)

    connection.execute("UPDATE messages SET content = 'other text' WHERE id = %s::uuid", (ids[0],))
    connection.execute("UPDATE messages SET user_id = 99, project_id = 77, session_id = 'moved' WHERE id = %s::uuid", (ids[1],))
    connection.execute("DELETE FROM messages WHERE id = %s::uuid", (ids[2],))
    connection.execute("UPDATE tool_calls SET status = 'error', result = 'it broke'")
    connection.execute("UPDATE activities SET project_id = 77 WHERE file_key = (SELECT file_key FROM files WHERE file_path = '/p/a.py')")
    connection.execute("UPDATE files SET file_path = '/p/c.py' WHERE file_path = '/p/b.py'")
    connection.execute("UPDATE sessions SET title = 'The cart'")
    connection.execute("INSERT INTO session_marks (session_id, tags, note) VALUES ('s', '{later,urgent}', 'ask ann')")
    assert_up_to_date(worker, connection)

    assert found(connection, "message") == ["other text", "text 1", "text 3"]
    assert found(connection, "tool_call") == ["Bash\nit broke"]
    assert found(connection, "file") == ["/p/a.py", "/p/c.py"]
    assert found(connection, "session") == ["The cart\nask ann\nlater urgent"]

    for table in ("messages", "tool_calls", "activities", "session_marks", "sessions"):
        connection.execute(f"DELETE FROM {table}".encode())
    assert_up_to_date(worker, connection)
    assert connection.execute("SELECT (SELECT count(*) FROM search_documents), (SELECT count(*) FROM search_words)").fetchall() == [(0, 0)]


def test_an_update_that_changes_no_document_is_not_noted(worker: Resources, connection: Connection[Any]) -> None:
    store(worker, start(), message("text"), call(parameters={"command": "ls"}), change("/p/a.py"))
    assert_up_to_date(worker, connection)

    for table in ("messages", "tool_calls", "activities"):
        connection.execute(f"UPDATE {table} SET brought_by = '{{3}}'".encode())
    connection.execute("UPDATE sessions SET user_messages = user_messages + 1, last_event_at = now()")

    assert pending(connection) == []


def test_the_newest_events_are_indexed_first(worker: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """given a backlog of old rows, when a new event comes, then it is in the next transaction."""
    monkeypatch.setattr(indexer, "SLICE_SECONDS", 0.0)
    store(worker, start(), *(message(f"old {n}", minutes=-n) for n in range(600)))
    store(worker, message("new", minutes=1))

    assert index_pending(worker, seconds=0.0) is True

    assert "new" in found(connection, "message")
    assert len(found(connection, "message")) < 600


def test_the_indexer_does_one_slice_at_a_time_beside_an_import(
    worker: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """given a shard of an import that runs, when there is more than a slice can do, then the task ends and the next one goes on."""
    monkeypatch.setattr(indexer, "BUSY_SLICE_SECONDS", 0.0)
    job_id = uuid4()
    connection.execute("INSERT INTO import_jobs (id, files) VALUES (%s, '[]')", (job_id,))
    connection.execute("INSERT INTO import_shares (job_id, share, lease_expires_at) VALUES (%s, 0, now() + interval '1 minute')", (job_id,))
    store(worker, start(), *(message(f"text {n}", minutes=-n) for n in range(600)))

    tasks = 0
    while pending(connection):
        assert index_pending(worker, seconds=60) is False
        tasks += 1

    assert tasks > 1
    assert_up_to_date(worker, connection)


def test_a_row_without_a_time_holds_up_no_other(worker: Resources, connection: Connection[Any]) -> None:
    undated = Message(id=uuid4(), role="user", content="undated", source="claude.json", session_id="s", project_path="/home/ann/shop")
    store(worker, undated, job_number=7)
    store(worker, start(), message("dated"))

    assert_up_to_date(worker, connection)

    times = "SELECT content, occurred_at = '-infinity' FROM search_documents WHERE kind = 'message' ORDER BY content"
    assert connection.execute(times).fetchall() == [("dated", False), ("undated", True)]


def test_an_indexer_that_dies_loses_nothing(worker: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    store(worker, start(), *(message(f"text {n}") for n in range(5)))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(indexer, "documents_of", die)
        with pytest.raises(KeyboardInterrupt):
            index_pending(worker)

    assert found(connection, "message") == []
    assert_up_to_date(worker, connection)
    assert len(found(connection, "message")) == 5


def test_one_process_indexes_at_a_time(worker: Resources, connection: Connection[Any]) -> None:
    store(worker, start(), message("text"))

    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(26972236)")
        assert index_pending(worker, seconds=60) is False
        assert found(connection, "message") == []

    assert_up_to_date(worker, connection)


def test_all_rows_are_indexed_again_some_at_a_time(worker: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """given an index with a wrong, a missing and a superfluous document, when it is made again in pieces, then it is right."""
    monkeypatch.setattr(indexer, "KEYS", 2)
    store(
        worker,
        start(),
        # Of Claude, so that none is the session's title.
        *(message(f"text {n}", minutes=n % 2, role="assistant") for n in range(7)),
        call(),
        call(),
        *(change(f"/p/{n}.py") for n in range(5)),
    )
    assert_up_to_date(worker, connection)
    connection.execute("DELETE FROM search_documents WHERE content IN ('text 3', '/p/3.py')")
    connection.execute("UPDATE search_documents SET content = 'wrong' WHERE content = 'text 4'")
    connection.execute("UPDATE search_documents SET id = gen_random_uuid() WHERE content IN ('text 5', '/p/4.py')")
    assert differing_documents(connection) == 7

    with worker.transaction() as again:
        begin_again(again)
    while index_pending(worker, seconds=0.0):
        assert differing_documents(connection) <= 7

    assert_up_to_date(worker, connection)


def test_what_was_there_before_the_index_is_indexed(worker: Resources, connection: Connection[Any]) -> None:
    """given rows that triggers have not seen, when the migration's notes are there, then the rows are indexed."""
    connection.execute("SET session_replication_role = replica")
    store(worker, start(), message("new"))
    assert_up_to_date(worker, connection)
    connection.execute(
        "INSERT INTO messages (id, session_id, project_id, user_id, role, content, occurred_at, received_at)"
        " SELECT gen_random_uuid(), 's', 1, 1, 'user', 'old', now(), now() FROM generate_series(1, 700)"
    )
    assert pending(connection) == []

    with worker.transaction() as again:
        begin_again(again)

    assert_up_to_date(worker, connection)
    assert len(found(connection, "message")) == 701


def test_words_are_counted_by_documents(worker: Resources, connection: Connection[Any]) -> None:
    id = uuid4()
    store(
        worker,
        start(),
        # Not prompts, of which a title is made.
        message("Café with the cafe", id=id, role="assistant"),
        message("cafe", role="assistant"),
        call(parameters={"command": "kubectl logs"}),
        change("/p/cafeteria.py"),
    )
    assert_up_to_date(worker, connection)
    words = "SELECT word, found_in FROM search_words WHERE word = ANY('{cafe,with,kubectl,cafeteria,bash}') ORDER BY 1"
    assert connection.execute(words).fetchall() == [("bash", 1), ("cafe", 2), ("cafeteria", 1), ("kubectl", 1), ("with", 1)]

    connection.execute("UPDATE messages SET content = 'tea' WHERE id = %s::uuid", (id,))
    assert_up_to_date(worker, connection)

    assert connection.execute(words).fetchall() == [("bash", 1), ("cafe", 1), ("cafeteria", 1), ("kubectl", 1)]


def test_indexing_ends_the_same_whatever_the_order_of_changes_and_runs(worker: Resources, connection: Connection[Any]) -> None:
    """given random changes of rows with indexers in between that do a part, then in the end every row has its document."""
    rng = random.Random(11)
    ids = [uuid4() for _ in range(12)]
    store(
        worker,
        start(),
        *(message(f"text {n}", minutes=n, id=id) for n, id in enumerate(ids)),
        *(change(f"/p/{n % 3}.py") for n in range(9)),
    )
    changes = [
        "UPDATE messages SET content = content || ' more' WHERE id = %s::uuid",
        "DELETE FROM messages WHERE id = %s::uuid",
        "UPDATE messages SET project_id = project_id + 1 WHERE id = %s::uuid",
        "UPDATE activities SET project_id = 2 - project_id %% 2, session_id = %s WHERE id IN (SELECT id FROM activities LIMIT 3)",
        "INSERT INTO session_marks (session_id, note) VALUES ('s', %s) ON CONFLICT (session_id) DO UPDATE SET note = excluded.note",
        "DELETE FROM activities WHERE file_key IN (SELECT file_key FROM files ORDER BY %s, random() LIMIT 1)",
    ]

    for _ in range(60):
        connection.execute(rng.choice(changes).encode(), (str(rng.choice(ids)),))
        if rng.random() < 0.3:
            index_pending(worker, seconds=0.0)
            assert differing_documents(connection) == 0

    assert_up_to_date(worker, connection)


def test_a_document_that_postgres_refuses_holds_up_no_other(
    worker: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Words("' no vector", frozenset(), True)
    monkeypatch.setattr(write_documents, "words_of", lambda content: bad if content == "bad" else words_of(content))
    store(worker, start(), message("good"), message("bad", minutes=1), message("fine", minutes=2))

    assert index_pending(worker, seconds=60) is False

    assert pending(connection) == []
    assert found(connection, "message") == ["fine", "good"]
    assert connection.execute("SELECT word FROM search_words WHERE word = ANY('{good,fine,bad}') ORDER BY 1").fetchall() == [
        ("fine",),
        ("good",),
    ]
    assert differing_documents(connection) == 1
