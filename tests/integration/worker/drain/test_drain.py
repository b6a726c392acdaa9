"""Every journal entry, damaged ones too, ends in the tables or in dead letters, once, and only then leaves the journal."""

import json
import time
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
import structlog.testing

from services.worker.drain import canary
from services.worker.drain.drain_partition import abandoned_batches, batches, drain
from services.worker.drain.entry_decoder import salvage
from services.worker.drain.stream_reader import acknowledge, make_group, read_new
from services.worker.maintenance.verify import verify
from services.worker.resources import Resources
from shared.events.messages import Conversation, Envelope, Event, SessionStart, ToolCall, decode_envelope
from shared.journal.streams import GROUP, PAYLOAD_FIELD, stream_key, wakeup_key
from tests.integration.worker.journal_entries import NOW, append, request
from tests.integration.worker.statements import select

STREAM = stream_key(0)


def message(text: str, event_id: UUID | None = None) -> Conversation:
    return Conversation(session_id="s", content=text, role="user", timestamp=NOW, id=event_id or uuid4())


def test_events_of_all_entries_are_stored_and_the_journal_is_empty(worker: Resources) -> None:
    # Given three entries of one and two events
    append(worker, SessionStart(project_path="/p", start_time=NOW, session_id="s", id=uuid4()))
    append(worker, message("one"), message("two"))
    append(worker, ToolCall(tool_name="Bash", result_status="success", timestamp=NOW, session_id="s", id=uuid4()))

    # When they are drained, then all is stored under the session's project, and nothing is left
    assert drain(worker) is False
    assert select(worker, "SELECT content, p.path FROM messages AS m JOIN projects AS p ON p.id = m.project_id ORDER BY content") == [
        ("one", "/p"),
        ("two", "/p"),
    ]
    assert select(worker, "SELECT tool_name FROM tool_calls") == [("Bash",)]
    assert worker.redis.xlen(STREAM) == 0
    assert select(worker, "SELECT sum(persisted), sum(duplicates), sum(dead) FROM ledger") == [(4, 0, 0)]


def test_the_wakeup_flag_is_cleared_before_reading(worker: Resources) -> None:
    worker.redis.set(wakeup_key(STREAM), 1)

    drain(worker)

    assert worker.redis.exists(wakeup_key(STREAM)) == 0


def test_an_event_drained_twice_is_a_duplicate(worker: Resources) -> None:
    # Given an event that is stored
    again = message("once")
    append(worker, again)
    drain(worker)

    # When it comes again, in the same entry twice
    append(worker, again, again)
    drain(worker)

    # Then it is one row
    assert select(worker, "SELECT count(*) FROM messages") == [(1,)]
    assert select(worker, "SELECT user_messages FROM sessions") == [(1,)]
    assert select(worker, "SELECT sum(persisted), sum(duplicates) FROM ledger") == [(1, 2)]


def test_an_undecodable_entry_becomes_a_dead_letter(worker: Resources) -> None:
    append(worker, payload=b"{not json")
    append(worker, payload=request(version=99))
    append(worker, message("good"))

    drain(worker)

    assert select(worker, "SELECT content FROM messages") == [("good",)]
    dead = select(worker, "SELECT payload, reason FROM dead_letters ORDER BY id")
    assert [bytes(row[0])[:9] for row in dead] == [b"{not json", b'{"version']
    assert "newer than this worker's" in dead[1][1]
    assert worker.redis.xlen(STREAM) == 0


@pytest.mark.parametrize("position", [0, 3, 6])
def test_poison_is_isolated_and_its_neighbours_are_stored(worker: Resources, position: int) -> None:
    # Given seven messages in one entry, one of which Postgres refuses: a NUL that came into the journal past ingest
    events: list[Event] = [message(f"text {n}") for n in range(6)]
    poison = message("bad \x00 text")
    events.insert(position, poison)
    append(worker, *events)

    # When it is drained, then six are stored and one becomes a dead letter with its reason, without its value
    drain(worker)
    assert select(worker, "SELECT count(*) FROM messages") == [(6,)]
    assert select(worker, "SELECT user_messages FROM sessions") == [(6,)]
    ((event_id, kind, reason),) = select(worker, "SELECT event_id, kind, reason FROM dead_letters")
    assert (event_id, kind) == (poison.id, "conversation")
    assert "bad" not in reason
    assert worker.redis.xlen(STREAM) == 0


def test_entries_of_a_dead_worker_are_taken_over(worker: Resources) -> None:
    # Given a worker that took an entry and died before it committed
    append(worker, message("orphan"))
    assert len(read_new(worker.redis, STREAM, "dead-worker")) == 1
    worker.redis.xclaim(STREAM, GROUP, "dead-worker", 0, [worker.redis.xrange(STREAM)[0][0]], idle=60_000, justid=True)

    # When another drains, then it is stored
    drain(worker)
    assert select(worker, "SELECT content FROM messages") == [("orphan",)]
    assert worker.redis.xlen(STREAM) == 0


def test_entries_abandoned_during_a_drain_are_taken_over_by_it(worker: Resources) -> None:
    # Given a drain under way, and another worker that holds an entry
    append(worker, message("held by another"))
    read_new(worker.redis, STREAM, "dead-worker")
    entry_ids = [entry_id for entry_id, _ in worker.redis.xrange(STREAM)]
    append(worker, message("first"))
    under_way = batches(worker, "me", deadline=time.monotonic() + 60, take_over_seconds=0)
    [first] = next(under_way)
    acknowledge(worker.redis, [first])

    # When the other has been silent for long enough, and more has come
    worker.redis.xclaim(STREAM, GROUP, "dead-worker", 0, entry_ids, idle=60_000, justid=True)
    append(worker, message("second"))

    # Then what it held comes before that
    texts = [decode_envelope(entry.payload).events for batch in under_way for entry in batch]
    assert [event.content for [event] in texts if isinstance(event, Conversation)] == ["held by another", "second"]


def test_a_crash_between_commit_and_acknowledgement_stores_nothing_twice(worker: Resources) -> None:
    # Given an entry that is committed but not acknowledged
    event = message("committed")
    append(worker, event)
    drain(worker)
    append(worker, event)
    read_new(worker.redis, STREAM, "dead-worker")
    worker.redis.xclaim(STREAM, GROUP, "dead-worker", 0, [worker.redis.xrange(STREAM)[0][0]], idle=60_000, justid=True)

    drain(worker)

    assert select(worker, "SELECT count(*) FROM messages") == [(1,)]
    assert worker.redis.xlen(STREAM) == 0


def test_an_entry_that_kills_every_worker_becomes_a_dead_letter(worker: Resources) -> None:
    # Given an entry with which four workers have died
    append(worker, message("killer"))
    read_new(worker.redis, STREAM, "dead-worker")
    entry_id = worker.redis.xrange(STREAM)[0][0]
    worker.redis.xclaim(STREAM, GROUP, "dead-worker", 0, [entry_id], idle=60_000, retrycount=4, justid=True)
    append(worker, message("after"))

    drain(worker)

    assert select(worker, "SELECT content FROM messages") == [("after",)]
    assert select(worker, "SELECT kind, reason FROM dead_letters") == [("journal_entry", "a worker died with it 4 times")]


def test_only_the_entry_in_process_is_blamed_for_a_crash(worker: Resources) -> None:
    # Given two entries with which two workers have died, and a third worker that dies with the first of them, alone, in hand
    append(worker, message("killer"))
    append(worker, message("innocent"))
    read_new(worker.redis, STREAM, "dead-worker")
    entry_ids = [entry_id for entry_id, _ in worker.redis.xrange(STREAM)]
    worker.redis.xclaim(STREAM, GROUP, "dead-worker", 0, entry_ids, idle=60_000, retrycount=2, justid=True)
    next(abandoned_batches(worker, "third-worker", STREAM))
    worker.redis.xclaim(STREAM, GROUP, "third-worker", 0, entry_ids, idle=60_000, justid=True)

    # When the next one drains, then only the entry that the third worker had in hand becomes a dead letter
    drain(worker)
    assert select(worker, "SELECT content FROM messages") == [("innocent",)]
    assert select(worker, "SELECT count(*) FROM dead_letters") == [(1,)]


def test_a_postgres_outage_keeps_the_journal_and_counts_no_delivery(worker: Resources, database_url: str) -> None:
    # Given an event, and a database that refuses to work
    append(worker, message("patient"))
    with psycopg.connect(database_url, autocommit=True) as blocker:
        blocker.execute("ALTER TABLE messages RENAME TO messages_away")
        try:
            for _ in range(5):
                with pytest.raises(psycopg.Error):
                    drain(worker)
                worker.redis.xclaim(STREAM, GROUP, "x", 0, [worker.redis.xrange(STREAM)[0][0]], idle=60_000, justid=True)
        finally:
            blocker.execute("ALTER TABLE messages_away RENAME TO messages")

    # When it works again, then the event is stored like any other
    drain(worker)
    assert select(worker, "SELECT content FROM messages") == [("patient",)]
    assert select(worker, "SELECT count(*) FROM dead_letters") == [(0,)]


def test_acknowledging_also_removes_the_entry(worker: Resources) -> None:
    append(worker, message("x"))
    entries = read_new(worker.redis, STREAM, "me")

    acknowledge(worker.redis, entries)

    assert worker.redis.xlen(STREAM) == 0
    assert worker.redis.xpending(STREAM, GROUP)["pending"] == 0


def test_a_deleted_stream_is_created_again(worker: Resources) -> None:
    # Given a Redis that has lost everything, the group included
    worker.redis.delete(STREAM)

    drain(worker)
    append(worker, message("later"))
    drain(worker)

    assert select(worker, "SELECT content FROM messages") == [("later",)]


def test_creating_the_consumer_group_is_idempotent(worker: Resources) -> None:
    make_group(worker.redis, STREAM)
    append(worker, message("x"))
    make_group(worker.redis, stream_key(0))
    assert len(read_new(worker.redis, STREAM, "me")) == 1


def test_a_pending_entry_that_was_deleted_does_not_stop_the_drain(worker: Resources) -> None:
    # Given a dead worker's two entries, one of which is then removed from the stream by hand
    append(worker, message("removed"))
    append(worker, message("kept"))
    read_new(worker.redis, STREAM, "dead-worker")
    removed, kept = (entry_id for entry_id, _ in worker.redis.xrange(STREAM))
    worker.redis.xdel(STREAM, removed)
    for deliveries in (1, 3):
        worker.redis.xclaim(STREAM, GROUP, "dead-worker", 0, [removed, kept], idle=60_000, retrycount=deliveries, justid=True)

        # When it is drained, then the other is stored
        drain(worker)
        assert select(worker, "SELECT content FROM messages") == [("kept",)]

    # And after some tries the removed one is no longer pending
    assert worker.redis.xpending(STREAM, GROUP)["pending"] == 0
    assert select(worker, "SELECT count(*) FROM dead_letters") == [(0,)]


SAMPLES = Path(__file__).parents[3] / "unit" / "shared" / "journal_samples"
GOOD = b'{"type":"conversation","session_id":"s","content":"good","role":"user","timestamp":"2026-03-01T10:00:00Z"}'


def entry(*events: bytes, version: int = 1) -> bytes:
    head = json.dumps({"version": version, "request_id": "r-1", "received_at": "2026-03-01T10:00:00Z"}).encode()
    return head[:-1] + b',"events":[' + b",".join(events) + b"]}"


@pytest.mark.parametrize(
    "bad", [b'{"type":"no such kind"}', b'{"type":"conversation"}', b'"text"', GOOD.replace(b"good", b"\xff"), b'{"type":1e400}']
)
def test_readable_events_are_separated_from_damaged_ones(bad: bytes) -> None:
    salvaged = salvage(entry(GOOD, bad, GOOD, bad))
    assert salvaged is not None
    assert [type(event) for event in salvaged.readable.events] == [Conversation, Conversation]
    assert (salvaged.readable.request_id, salvaged.readable.received_at.year) == ("r-1", 2026)
    assert salvaged.reason.startswith("2 of 4 events not readable: ")
    # The rest is an entry again, so that it can be put back once somebody has mended it.
    assert salvaged.rest == entry(bad, bad).replace(b": ", b":").replace(b", ", b",")


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", entry(b'{"a":NaN}', GOOD), entry(GOOD, b"[" * 200_000 + b"]" * 200_000), b"\xff"])
def test_an_entry_without_separable_events_is_left_whole(payload: bytes) -> None:
    assert salvage(payload) is None


def test_an_entry_of_a_newer_version_is_not_salvaged() -> None:
    assert salvage(entry(GOOD, b'{"type":"conversation"}', version=99)) is None


def test_unknown_fields_of_a_later_release_are_ignored() -> None:
    later = json.loads(entry(GOOD)) | {"shard": 7}
    later["events"][0] |= {"mood": "sunny", "usage": {"input_tokens": 3, "thinking_tokens": 9}}
    read: Envelope = decode_envelope(msgspec.json.encode(later))
    [event] = read.events
    assert isinstance(event, Conversation)
    assert event.content == "good"
    assert event.usage is not None
    assert event.usage.input_tokens == 3


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.jsonl")), ids=lambda file: file.stem)
def test_entries_of_an_earlier_release_are_stored(worker: Resources, file: Path) -> None:
    # Given a journal of that release: every event alone, then all of them in one entry
    *singles, batch = file.read_bytes().splitlines()
    for entry_of_then in (*singles, batch):
        worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: entry_of_then})
    drain(worker)
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        ledger = connection.execute("SELECT sum(persisted), sum(duplicates), sum(dead) FROM ledger").fetchone()
        assert ledger == (len(singles), len(singles), 0)
        assert not any(verify(connection, worker.idle_gap).values())


@pytest.mark.parametrize(("start_seconds", "said"), [(3600.0, ("info", "canary_waits")), (0.0, ("warning", "canary_failed"))])
def test_a_canary_without_an_answer_is_a_warning_once_the_stack_has_started(
    worker: Resources, monkeypatch: pytest.MonkeyPatch, start_seconds: float, said: tuple[str, str]
) -> None:
    object.__setattr__(worker, "settings", worker.settings.model_copy(update={"canary_url": "http://gateway.invalid:8000"}))
    monkeypatch.setattr(canary, "START_SECONDS", start_seconds)

    with structlog.testing.capture_logs() as lines:
        canary.check_and_send(worker)

    assert [(line["log_level"], line["event"], line["error"]) for line in lines] == [(*said, "gaierror")]
