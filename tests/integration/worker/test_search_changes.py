"""Triggers note each change of what can be found: a reader that follows the notes has at last what one has that reads all rows."""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from services.query.search_index.documents.row_documents import KINDS, DocumentKind, RowDocument, row_documents
from services.worker.importers.job import undo
from services.worker.maintenance import merge_users
from services.worker.persist.persist_batch import persist
from services.worker.persist.records import Record, TimelineEntry
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from shared.events.messages import Activity, Conversation, Event, SessionStart, ToolCall
from tests.integration.worker.archive.reparsed_sessions import ROWS, add_file
from tests.integration.worker.archive.reparsed_sessions import run as reparse
from tests.integration.worker.imports.files_of_sessions import add_job, file_of
from tests.integration.worker.maintenance.sessions_of_users import request_merge

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GAP = timedelta(minutes=5)
KEYS: Final[dict[DocumentKind, str]] = {
    "message": "SELECT id::text FROM messages",
    "tool_call": "SELECT id::text FROM tool_calls",
    "timeline_entry": "SELECT id::text FROM timeline_entries",
    "session": "SELECT session_id FROM sessions",
    "file": "SELECT DISTINCT concat_ws(' ', project_id, file_key, user_id) FROM activities",
}
NAMES_OF_PROJECTS = "SELECT s.session_id, p.name FROM sessions AS s JOIN projects AS p ON p.id = s.project_id WHERE s.counted"
NOTES = "SELECT kind, keys, session_ids FROM search_changes WHERE number > %s ORDER BY number"


class Follower:
    """Reads again what is noted, as a query host does."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self._seen = 0
        self._documents = all_documents(connection)
        self._texts = texts_of_sessions(connection, self._documents)
        self.notes()

    def notes(self) -> list[tuple[DocumentKind, list[str], list[str]]]:
        """Those that came since it was asked last: the kind, keys of rows, and ids of sessions."""
        notes = self._connection.execute(NOTES, (self._seen,)).fetchall()
        [(self._seen,)] = self._connection.execute("SELECT coalesce(max(number), 0) FROM search_changes").fetchall()
        return [(kind, sorted(keys), sorted(set(session_ids))) for kind, keys, session_ids in notes]

    def follow(self) -> None:
        """It has what is there then, and the sessions of which anything changed were named."""
        named: set[str] = set()
        for kind, keys, session_ids in self.notes():
            named |= set(session_ids)
            for key in keys:
                self._documents.pop((kind, key), None)
            self._documents |= {(kind, row.key): row for row in row_documents(self._connection, kind, keys)}
        before, self._texts = self._texts, texts_of_sessions(self._connection, self._documents)
        changed = {session_id for session_id in before.keys() | self._texts.keys() if before.get(session_id) != self._texts.get(session_id)}

        assert self._documents == all_documents(self._connection)
        assert changed <= named


def all_documents(connection: Connection[Any]) -> dict[tuple[DocumentKind, str], RowDocument]:
    documents: dict[tuple[DocumentKind, str], RowDocument] = {}
    for kind in KINDS:
        keys = [key for (key,) in connection.execute(KEYS[kind].encode()).fetchall()]
        documents |= {(kind, row.key): row for row in row_documents(connection, kind, keys)}
    return documents


def texts_of_sessions(connection: Connection[Any], documents: dict[tuple[DocumentKind, str], RowDocument]) -> dict[str, Any]:
    """All that a session is found by: its rows, and the name of its project."""
    texts: defaultdict[str, set[Any]] = defaultdict(set)
    for row in documents.values():
        if row.session_id is not None:
            texts[row.session_id].add(
                (row.kind, row.key, row.content, row.role, row.tool_name, row.is_error, row.agent_id, row.occurred_at)
            )
    for session_id, name in connection.execute(NAMES_OF_PROJECTS).fetchall():
        texts[session_id].add(name)
    return texts


@pytest.fixture
def connection(worker: Resources) -> Iterator[Connection[Any]]:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def ids() -> list[UUID]:
    return [uuid4() for _ in range(6)]


@pytest.fixture
def follower(worker: Resources, connection: Connection[Any], ids: list[UUID]) -> Follower:
    """A follower of a session `s` with rows of each kind, and another session `t` in the same project."""
    store(
        worker,
        start("s"),
        start("t"),
        *(message(f"text {n}", id=id) for n, id in enumerate(ids)),
        call(parameters={"command": "ls"}),
        change("/p/a.py"),
        change("/p/b.py"),
    )
    store(worker, entry("compaction_summary", "we fixed the cart"), entry("thinking", "perhaps the cart"), job_number=7)
    return Follower(connection)


def store(worker: Resources, *events: Event | Record, job_number: int = 0) -> None:
    with worker.transaction() as connection:
        persist(connection, [ReceivedEvent(event, NOW, "test", "1-1") for event in events], idle_gap=GAP, job_number=job_number)


def start(session_id: str) -> SessionStart:
    return SessionStart(project_path="/home/ann/shop", start_time=NOW, session_id=session_id, user="ann", id=uuid4())


def message(content: str, *, id: UUID | None = None) -> Conversation:
    return Conversation(session_id="s", content=content, role="user", timestamp=NOW, id=id or uuid4())


def call(**more: Any) -> ToolCall:
    return ToolCall(tool_name="Bash", timestamp=NOW, session_id="s", id=uuid4(), result_status="success", **more)


def change(path: str, session_id: str = "s") -> Activity:
    return Activity(session_id=session_id, file_path=path, action="modified", timestamp=NOW, id=uuid4())


def entry(kind: Literal["compaction_summary", "thinking"], content: str) -> TimelineEntry:
    return TimelineEntry(id=uuid4(), session_id="s", source="transcript", timestamp=NOW, kind=kind, content=content)


def test_new_rows_are_noted_with_their_sessions(worker: Resources, connection: Connection[Any], follower: Follower) -> None:
    said, called, summary = message("new"), call(result="done"), entry("compaction_summary", "more")
    store(worker, said, called, change("/p/new.py"), change("/p/new.py", "t"))
    store(worker, summary, entry("thinking", "not found"), job_number=7)

    noted: dict[str, list[Any]] = {kind: [keys, session_ids] for kind, keys, session_ids in follower.notes() if kind != "session"}

    [(file,)] = connection.execute(
        "SELECT DISTINCT concat_ws(' ', project_id, file_key, user_id) FROM activities JOIN files USING (file_key) WHERE file_path = '/p/new.py'"
    ).fetchall()
    assert noted == {
        "message": [[str(said.id)], ["s"]],
        "tool_call": [[str(called.id)], ["s"]],
        "timeline_entry": [[str(summary.id)], ["s"]],
        "file": [[file], ["s", "t"]],
    }


CHANGES: Final = {
    "text": "UPDATE messages SET content = 'other text' WHERE content = 'text 0'",
    "role": "UPDATE messages SET role = 'assistant' WHERE content = 'text 0'",
    "model": "UPDATE messages SET model = 'opus' WHERE content = 'text 0'",
    "source": "UPDATE messages SET source = 'other' WHERE content = 'text 0'",
    "agent": "UPDATE messages SET agent_id = 'a' WHERE content = 'text 0'",
    "owner": "UPDATE messages SET user_id = 99 WHERE content = 'text 0'",
    "project": "UPDATE messages SET project_id = 77 WHERE content = 'text 0'",
    "time": "UPDATE messages SET occurred_at = '-infinity' WHERE content = 'text 0'",
    "move": "UPDATE messages SET session_id = 't' WHERE content = 'text 0'",
    "orphan": "UPDATE messages SET session_id = NULL WHERE content = 'text 0'",
    "result": "UPDATE tool_calls SET status = 'error', result = 'it broke'",
    "input": 'UPDATE tool_calls SET parameters = \'{"command": "pwd"}\'',
    "tool": "UPDATE tool_calls SET tool_name = 'Read'",
    "call moves": "UPDATE tool_calls SET session_id = 't'",
    "summary": "UPDATE timeline_entries SET content = 'other' WHERE kind <> 'thinking'",
    "summary moves": "UPDATE timeline_entries SET session_id = 't' WHERE kind <> 'thinking'",
    "file of another project": "UPDATE activities SET project_id = 77 WHERE file_key = (SELECT file_key FROM files WHERE file_path = '/p/a.py')",
    "file of another user": "UPDATE activities SET user_id = 99 WHERE file_key = (SELECT file_key FROM files WHERE file_path = '/p/a.py')",
    "file of another session": "UPDATE activities SET session_id = 't' WHERE file_key = (SELECT file_key FROM files WHERE file_path = '/p/a.py')",
    "path": "UPDATE files SET file_path = '/p/c.py' WHERE file_path = '/p/b.py'",
    "title": "UPDATE sessions SET title = 'The cart' WHERE session_id = 's'",
    "branch": "UPDATE sessions SET git_branch = 'fix/cart' WHERE session_id = 's'",
    "session of another user": "UPDATE sessions SET user_id = 99 WHERE session_id = 's'",
    "session that counts no more": "UPDATE sessions SET counted = false WHERE session_id = 's'",
    "mark": "INSERT INTO session_marks (session_id, tags, note) VALUES ('s', '{later,urgent}', 'ask ann')",
    "name of a project": "UPDATE projects SET name = 'store'",
    **{f"no {table}": f"DELETE FROM {table}" for table in ("messages", "tool_calls", "timeline_entries", "activities", "sessions")},
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_rows_that_change_in_any_way_are_followed(connection: Connection[Any], follower: Follower, statement: str) -> None:
    before = all_documents(connection), connection.execute(NAMES_OF_PROJECTS).fetchall()

    connection.execute(statement.encode())

    assert (all_documents(connection), connection.execute(NAMES_OF_PROJECTS).fetchall()) != before
    follower.follow()


def test_marks_that_change_or_go_are_followed(connection: Connection[Any], follower: Follower) -> None:
    for statement in (
        "INSERT INTO session_marks (session_id, note) VALUES ('s', 'ask ann')",
        "UPDATE session_marks SET note = 'ask bob'",
        "DELETE FROM session_marks",
    ):
        connection.execute(statement.encode())
        follower.follow()


def test_changes_of_nothing_that_is_found_are_not_noted(connection: Connection[Any], follower: Follower) -> None:
    for table in ("messages", "tool_calls", "activities", "timeline_entries"):
        connection.execute(f"UPDATE {table} SET brought_by = '{{3}}'".encode())
    connection.execute("UPDATE messages SET content = content")
    connection.execute("UPDATE sessions SET user_messages = user_messages + 1, last_event_at = now()")
    connection.execute("UPDATE timeline_entries SET content = 'other thoughts' WHERE kind = 'thinking'")
    connection.execute("DELETE FROM timeline_entries WHERE kind = 'thinking'")
    connection.execute("UPDATE projects SET created_at = now()")
    connection.execute("INSERT INTO sessions (session_id, project_id) VALUES ('only heard of', 1)")
    connection.execute("DELETE FROM sessions WHERE session_id = 'only heard of'")

    assert follower.notes() == []


def test_a_renamed_project_names_its_sessions_alone(connection: Connection[Any], follower: Follower) -> None:
    connection.execute("INSERT INTO projects (id, path, name) VALUES (77, '/p', 'p')")
    connection.execute("INSERT INTO sessions (session_id, project_id, counted) VALUES ('elsewhere', 77, true)")
    follower.notes()

    connection.execute("UPDATE projects SET name = 'store' WHERE id <> 77")

    assert follower.notes() == [("session", [], ["s", "t"])]


def test_a_note_has_at_most_256_keys(connection: Connection[Any], follower: Follower) -> None:
    connection.execute(
        "INSERT INTO messages (id, session_id, project_id, user_id, role, content, occurred_at, received_at)"
        " SELECT gen_random_uuid(), 's' || n % 3, 1, 1, 'user', 'x', now(), now() FROM generate_series(1, 700) AS n"
    )

    notes = follower.notes()

    assert sum(len(keys) for _, keys, _ in notes) == 700
    assert max(len(keys) for _, keys, _ in notes) <= 256
    assert all(session_ids == ["s0", "s1", "s2"] for _, _, session_ids in notes)


def test_rows_are_followed_whatever_the_order_of_changes(connection: Connection[Any], follower: Follower, ids: list[UUID]) -> None:
    rng = random.Random(11)
    changes = [
        *CHANGES.values(),
        "UPDATE messages SET content = content || ' more' WHERE id = %(id)s",
        "DELETE FROM messages WHERE id = %(id)s",
        "INSERT INTO messages (id, session_id, project_id, user_id, role, content, occurred_at, received_at)"
        " VALUES (%(id)s, 's', 1, 1, 'user', 'again', now(), now()) ON CONFLICT (id) DO UPDATE SET session_id = 't'",
        "INSERT INTO session_marks (session_id, note) VALUES ('s', %(id)s::text) ON CONFLICT (session_id) DO UPDATE SET note = excluded.note",
        "INSERT INTO sessions (session_id, project_id, counted) VALUES ('s', 1, true) ON CONFLICT (session_id) DO UPDATE SET counted = true",
    ]
    changes.remove(CHANGES["mark"])

    for _ in range(100):
        connection.execute(rng.choice(changes).encode(), {"id": rng.choice(ids)})
        if rng.random() < 0.3:
            follower.follow()

    follower.follow()


def test_what_jobs_change_is_followed(
    worker: Resources, connection: Connection[Any], follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """given an import, its undo in parts, a reparse by another reader and a merge of users, then each transaction is followed."""
    monkeypatch.setattr(undo, "ROWS_AT_ONCE", 3)
    number = add_job(connection)
    store(worker, *(file_of("s1", list(range(12))) + file_of("s", [12, 13, 14, 15])), job_number=number)
    follower.follow()

    is_more = True
    while is_more:
        with worker.transaction() as part:
            is_more = undo.undo_some(worker, part, number)
        follower.follow()

    with worker.transaction() as part:
        add_file(part, ROWS, add_job(part))
    follower.follow()
    monkeypatch.setattr("services.worker.importers.formats.transcript.transcript_reader.MAX_CONTENT_CHARACTERS", 12)
    reparse(worker, connection)
    follower.follow()

    store(worker, SessionStart(project_path="/p", start_time=NOW, user="bob", session_id="bobs", id=uuid4()), message("hers"))
    assert merge_users.run(worker, request_merge(worker, "bob", into="ann")) is False
    follower.follow()
