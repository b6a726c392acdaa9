"""A replayed dead letter is stored exactly once or stays one dead letter, whatever is repeated."""

import json
from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest

from services.worker.drain.drain_partition import drain
from services.worker.drain.entry_decoder import decode_entry
from services.worker.drain.stream_reader import Entry, read_new
from services.worker.maintenance.verify import verify
from services.worker.persist.records import Message
from services.worker.resources import Resources
from shared.events.messages import Conversation, SessionStart
from shared.journal.dead_letter_envelope import DeadLetter, encode_replay
from shared.journal.streams import GROUP, stream_key
from tests.integration.worker.journal_entries import NOW, append, request
from tests.integration.worker.statements import execute, select

STREAM = stream_key(0)
FORBID = "ALTER TABLE messages ADD CONSTRAINT no_bombs CHECK (content NOT LIKE '%bomb%')"
ALLOW = "ALTER TABLE messages DROP CONSTRAINT IF EXISTS no_bombs"


def message(text: str) -> Conversation:
    return Conversation(session_id="s", content=text, role="user", timestamp=NOW, id=uuid4())


def replay(worker: Resources, *dead_letters: DeadLetter) -> None:
    for letter in dead_letters:
        append(worker, payload=encode_replay(letter))
    drain(worker)


def dead_letters(worker: Resources) -> list[DeadLetter]:
    """Those that wait, as ingest would put them on the journal."""
    columns = "journal_entry_id, event_id, kind, request_id, received_at, payload"
    rows = select(worker, f"SELECT {columns} FROM dead_letters WHERE stored_at IS NULL ORDER BY id")
    return [DeadLetter(**dict(zip(columns.split(", "), row, strict=True))) for row in rows]


@pytest.fixture
def forbidden(worker: Resources) -> Any:
    execute(worker, FORBID)
    yield
    execute(worker, ALLOW)


@pytest.mark.usefixtures("forbidden")
def test_a_replay_that_fails_updates_its_row_and_one_that_succeeds_stores_once(worker: Resources) -> None:
    # Given a session with two messages of which a constraint refuses one
    start = SessionStart(project_path="/p", start_time=NOW, session_id="s", id=uuid4())
    append(worker, start, message("peace"), message("a bomb"))
    drain(worker)
    [letter] = dead_letters(worker)

    # When it is replayed before the cause is mended, then it is the same row, with one attempt more
    replay(worker, letter)
    assert select(worker, "SELECT attempts, kind, stored_at FROM dead_letters") == [(2, "conversation", None)]

    # When it is replayed after, twice, then it is stored once and is no dead letter any more
    execute(worker, ALLOW)
    replay(worker, letter, letter)
    assert dead_letters(worker) == []
    assert select(worker, "SELECT count(*), count(stored_at), sum(octet_length(payload)) FROM dead_letters") == [(1, 1, 0)]
    assert select(worker, "SELECT content FROM messages ORDER BY content") == [("a bomb",), ("peace",)]
    assert select(worker, "SELECT user_messages FROM sessions") == [(2,)]
    # 3 + 1 + 1 + 1 events came through the journal; each is counted for what became of it.
    assert select(worker, "SELECT sum(persisted), sum(duplicates), sum(dead) FROM ledger") == [(3, 1, 2)]
    with psycopg.connect(worker.settings.database_url) as connection:
        assert not any(verify(connection, worker.idle_gap).values())


@pytest.mark.usefixtures("forbidden")
def test_a_dead_letter_is_settled_when_its_event_is_stored_by_any_way(worker: Resources) -> None:
    # Given a dead event
    event = message("a bomb")
    append(worker, event)
    drain(worker)
    [letter] = dead_letters(worker)
    # When its client sends it again after the cause is mended
    execute(worker, ALLOW)
    append(worker, event)
    drain(worker)
    # Then the dead letter says so; and if it is replayed while it could not be stored any more, it does not come back
    assert dead_letters(worker) == []
    execute(worker, FORBID + " NOT VALID")
    replay(worker, letter)
    assert dead_letters(worker) == []
    assert select(worker, "SELECT count(*) FROM messages") == [(1,)]


def test_a_replayed_entry_stores_its_events_and_dead_letters_its_poison(worker: Resources) -> None:
    # Given an entry of two good events and a poisonous one that became one dead letter
    good = [message("one"), message("two")]
    payload = request(*good, message("bad \0"))
    append(worker, payload=payload)
    read_new(worker.redis, stream_key(0), "dead-worker")
    worker.redis.xclaim(STREAM, GROUP, "dead-worker", 0, [worker.redis.xrange(STREAM)[0][0]], idle=60_000, retrycount=4, justid=True)
    drain(worker)
    [whole] = dead_letters(worker)
    assert (whole.kind, whole.payload) == ("journal_entry", payload)

    # When it is replayed, then two are stored and one is a dead letter, of the same first entry
    replay(worker, whole)
    assert select(worker, "SELECT content FROM messages ORDER BY content") == [("one",), ("two",)]
    [poison] = dead_letters(worker)
    assert (poison.kind, poison.journal_entry_id) == ("conversation", whole.journal_entry_id)


@pytest.mark.parametrize(
    "payload", [b"{not json", b'{"version":99,"request_id":"r","received_at":"2026-05-01T12:00:00Z","events":[]}', b"\xff\0"]
)
def test_an_undecodable_replay_stays_one_dead_letter(worker: Resources, payload: bytes) -> None:
    append(worker, payload=payload)
    drain(worker)
    [letter] = dead_letters(worker)
    replay(worker, letter)
    replay(worker, letter)
    assert select(worker, "SELECT attempts, payload FROM dead_letters") == [(3, payload)]


def test_a_replay_that_kills_its_worker_updates_its_own_row(worker: Resources) -> None:
    letter = DeadLetter(journal_entry_id="1-1", event_id=uuid4(), kind="conversation", payload=msgspec.json.encode(message("x")))
    append(worker, payload=encode_replay(letter))
    read_new(worker.redis, stream_key(0), "dead-worker")
    worker.redis.xclaim(STREAM, GROUP, "dead-worker", 0, [worker.redis.xrange(STREAM)[0][0]], idle=60_000, retrycount=4, justid=True)
    drain(worker)
    assert dead_letters(worker) == [letter]


def test_a_dead_letter_deleted_during_its_replay_returns_once(worker: Resources) -> None:
    append(worker, message("bad \0"))
    drain(worker)
    [letter] = dead_letters(worker)
    execute(worker, "DELETE FROM dead_letters")
    replay(worker, letter, letter)
    assert dead_letters(worker) == [letter]


def test_events_without_ids_are_kept_as_one_entry(worker: Resources) -> None:
    """Given two events without ids, injected past ingest, then they are kept together, as the entry they came in."""
    event = {"type": "conversation", "session_id": "s", "content": "x", "role": "user", "timestamp": "2026-05-01T12:00:00Z"}
    payload = json.dumps({"version": 1, "request_id": "r", "received_at": "2026-05-01T12:00:00Z", "events": [event, event]}).encode()
    append(worker, payload=payload)
    drain(worker)
    [letter] = dead_letters(worker)
    assert letter.payload == payload


def test_entries_of_two_streams_with_one_id_are_two_dead_letters() -> None:
    first, second = (decode_entry(Entry(stream_key(partition), "1-1", b"{")).dead_letter for partition in (0, 1))
    assert first.journal_entry_id != second.journal_entry_id


def imported(worker: Resources, *, is_undone: bool = False) -> DeadLetter:
    """A record of an import that could not be stored."""
    job_id = uuid4()
    undone_at = "now()" if is_undone else "NULL"
    execute(worker, f"INSERT INTO import_jobs (id, files, status, undone_at) VALUES ('{job_id}', '[]', 'succeeded', {undone_at})")
    record = Message(id=uuid4(), session_id="s", role="user", content="from a file", source="transcript", timestamp=NOW)
    letter = DeadLetter(journal_entry_id=f"import:{job_id}", event_id=record.id, kind="Message", payload=msgspec.json.encode(record))
    columns = "event_id, kind, reason, payload, journal_entry_id"
    values = (letter.event_id, letter.kind, "x", letter.payload, letter.journal_entry_id)
    execute(worker, f"INSERT INTO dead_letters ({columns}) VALUES (%s, %s, %s, %s, %s)", values)
    return letter


def test_a_replayed_import_record_belongs_to_its_job(worker: Resources) -> None:
    letter = imported(worker)
    # When it is replayed beside an event of the journal
    append(worker, message("live"))
    replay(worker, letter)
    # Then it belongs to its job, so that an undo takes it back
    rows = select(worker, "SELECT m.content, brought_by = ARRAY[(SELECT number FROM import_jobs)] FROM messages AS m ORDER BY content")
    assert rows == [("from a file", True), ("live", None)]
    assert select(worker, "SELECT session_id FROM import_sessions") == [("s",)]
    assert dead_letters(worker) == []


def test_a_record_of_an_undone_import_stays_a_dead_letter(worker: Resources) -> None:
    letter = imported(worker, is_undone=True)
    replay(worker, letter)
    assert select(worker, "SELECT count(*) FROM messages") == [(0,)]
    assert select(worker, "SELECT attempts, reason FROM dead_letters") == [(2, "its import was taken back, or is not known")]
    assert isinstance(letter.event_id, UUID)
