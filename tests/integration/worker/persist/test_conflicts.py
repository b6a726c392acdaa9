"""Every event kind is stored or dead-lettered. An event under the id of another event becomes a dead letter."""

import json
from datetime import datetime, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest

from services.worker.drain.accounting import check_accounting
from services.worker.drain.drain_partition import drain
from services.worker.maintenance.verify import verify
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.records import (
    ApiCall,
    FileChange,
    Message,
    ProjectSeen,
    Record,
    RepositorySeen,
    SessionBoundary,
    SessionFacts,
    TimelineEntry,
    ToolUse,
)
from services.worker.persist.staging.event_kind_rows import identity_of
from services.worker.persist.staging.stage_records import STAGED, StagedTable
from services.worker.persist.staging.staging_tables import ReceivedEvent, stage
from services.worker.resources import Resources
from shared.events.event_kinds import KINDS
from shared.events.messages import (
    ENVELOPE_VERSION,
    Activity,
    Canary,
    Conversation,
    Event,
    SessionEnd,
    SessionStart,
    ToolCall,
)
from shared.journal.dead_letter_envelope import ID_TAKEN, DeadLetter, encode_replay
from shared.journal.streams import EPOCH_FIELD, EVENTS_FIELD, PAYLOAD_FIELD, stream_key
from shared.tables.catalogue import TABLES
from tests.integration.worker.journal_entries import NOW, request, store
from tests.integration.worker.statements import execute, select

LATER = NOW + timedelta(minutes=1)
ID = UUID("018f3b1e-0000-7000-8000-000000000001")
START = SessionStart(project_path="/p", start_time=NOW, session_id="s", id=ID)
MESSAGE = Conversation(session_id="s", content="How?", role="user", timestamp=NOW, id=ID)
CALL = ToolCall(tool_name="Bash", result_status="success", session_id="s", timestamp=NOW, parameters={"a": 1}, id=ID)
CHANGE = Activity(session_id="s", file_path="/p/a", action="modified", lines_added=1, timestamp=NOW, id=ID)


def changed(event: Event, **fields: Any) -> Event:
    copy: Event = msgspec.structs.replace(event, **fields)
    return copy


def send(worker: Resources, *events: Event, inferred: list[UUID] | None = None) -> None:
    store(worker, *events, inferred=inferred or [])


def ledger(worker: Resources) -> tuple[int, int, int]:
    """Persisted, duplicates, dead."""
    [row] = select(worker, "SELECT sum(persisted)::int, sum(duplicates)::int, sum(dead)::int FROM ledger")
    found: tuple[int, int, int] = row
    return found


def dead_letters(worker: Resources) -> list[tuple[Any, ...]]:
    return select(worker, "SELECT event_id, reason FROM dead_letters WHERE stored_at IS NULL ORDER BY id")


OTHERS = [
    (MESSAGE, changed(MESSAGE, session_id="t")),
    (MESSAGE, changed(MESSAGE, role="assistant")),
    (MESSAGE, changed(MESSAGE, content="What?")),
    (CALL, changed(CALL, session_id="t")),
    (CALL, changed(CALL, tool_name="Read")),
    (CALL, changed(CALL, parameters={"a": 2})),
    (CHANGE, changed(CHANGE, session_id="t")),
    (CHANGE, changed(CHANGE, file_path="/p/b")),
    (CHANGE, changed(CHANGE, lines_added=2)),
    (START, changed(START, session_id="t")),
    (START, SessionEnd(session_id="s", end_time=LATER, id=ID)),
]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(("first", "other"), OTHERS)
def test_an_event_under_the_id_of_another_becomes_a_dead_letter(worker: Resources, first: Event, other: Event, at_once: bool) -> None:
    if at_once:
        send(worker, first, other)
    else:
        send(worker, first)
        send(worker, other)
    assert dead_letters(worker) == [(ID, ID_TAKEN)]
    assert ledger(worker) == (1, 0, 1)
    with psycopg.connect(worker.settings.database_url) as connection:
        assert not any(verify(connection, worker.idle_gap).values())


SAME = [
    (MESSAGE, changed(MESSAGE, timestamp=LATER)),
    (MESSAGE, changed(MESSAGE, model="opus")),
    (CALL, changed(CALL, timestamp=LATER, execution_time_ms=3)),
    (CALL, changed(CALL, parameters=msgspec.UNSET)),
    (CALL, changed(CALL, session_id=None)),
    (CHANGE, changed(CHANGE, timestamp=LATER)),
    (START, changed(START, start_time=LATER)),
]


@pytest.mark.parametrize(("first", "again"), SAME)
def test_the_same_event_sent_again_is_a_duplicate(worker: Resources, first: Event, again: Event) -> None:
    send(worker, first)
    send(worker, again)
    assert dead_letters(worker) == []
    assert ledger(worker) == (1, 1, 0)


def test_events_of_different_kinds_may_share_an_id(worker: Resources) -> None:
    send(worker, START, MESSAGE, CALL, CHANGE)
    assert dead_letters(worker) == []
    assert ledger(worker) == (4, 0, 0)


def test_a_tool_call_with_another_inferred_session_is_a_duplicate(worker: Resources) -> None:
    send(worker, CALL, inferred=[ID])
    send(worker, changed(CALL, session_id="t"), inferred=[ID])
    assert dead_letters(worker) == []
    assert ledger(worker) == (1, 1, 0)


def test_a_conflict_stays_one_dead_letter_after_retries_and_replay(worker: Resources) -> None:
    other = changed(MESSAGE, session_id="t", content="Not lost")
    send(worker, MESSAGE)
    send(worker, other)
    # When the first one is sent again
    send(worker, MESSAGE)
    # Then the dead letter of the other one is as it was
    [(payload, entry_id)] = select(worker, "SELECT payload, journal_entry_id FROM dead_letters WHERE stored_at IS NULL")
    assert b"Not lost" in payload

    # When it is replayed, it dies again, and as soon as the id is free, it is stored
    dead_letter = DeadLetter(journal_entry_id=entry_id, event_id=ID, kind="conversation", request_id="r", received_at=NOW, payload=payload)
    for _ in range(2):
        store(worker, payload=encode_replay(dead_letter))
        found = select(worker, "SELECT attempts, stored_at IS NOT NULL FROM dead_letters")
        execute(worker, "DELETE FROM messages")
    assert found == [(2, True)]
    assert select(worker, "SELECT content FROM messages") == []


def test_an_event_of_another_session_does_not_change_an_imported_row(worker: Resources) -> None:
    # Given a message that an import has brought
    send(worker, MESSAGE)
    execute(worker, "UPDATE messages SET brought_by = '{7}', source = 'transcript'")
    # When a client sends another under its id
    send(worker, changed(MESSAGE, session_id="t", content="Overwritten"))
    # Then it is refused; of the same session it is another reading of the same act
    assert dead_letters(worker) == [(ID, ID_TAKEN)]
    assert select(worker, "SELECT content, brought_by FROM messages") == [("How?", [7])]
    send(worker, changed(MESSAGE, content="The client's word"))
    assert len(dead_letters(worker)) == 1
    assert select(worker, "SELECT content, brought_by FROM messages") == [("The client's word", [0, 7])]


def test_the_account_balances_with_conflicts(worker: Resources) -> None:
    send(worker, MESSAGE, changed(MESSAGE, session_id="t"), MESSAGE)
    check_accounting(worker)
    assert ledger(worker) == (1, 1, 1)


STREAM = stream_key(0)
EVENTS: list[Event] = [
    SessionStart(project_path="/p", start_time=NOW, session_id="s", id=uuid4()),
    SessionEnd(session_id="s", end_time=NOW + timedelta(hours=1), id=uuid4()),
    Conversation(session_id="s", content="x", role="user", timestamp=NOW, id=uuid4()),
    Activity(session_id="s", file_path="/a", action="created", timestamp=NOW, id=uuid4()),
    ToolCall(tool_name="Bash", result_status="success", timestamp=NOW, session_id="s", id=uuid4()),
]
RECORDS: list[Record] = [
    ProjectSeen(id=uuid4(), project_path="/p"),
    RepositorySeen(id=uuid4(), path="/p", remote="github.com/acme/shop"),
    SessionFacts(id=uuid4(), session_id="s", source="transcript"),
    Message(id=uuid4(), role="user", content="x", source="transcript", session_id="s"),
    ToolUse(id=uuid4(), session_id="s", tool_name="Bash", status="success", timestamp=NOW, source="transcript"),
    FileChange(
        id=uuid4(), session_id="s", file_path="/a", action="created", lines_added=1, lines_removed=0, timestamp=NOW, source="transcript"
    ),
    ApiCall(id=uuid4(), session_id="s", timestamp=NOW, source="transcript", model=None),
    TimelineEntry(id=uuid4(), session_id="s", kind="compaction", timestamp=NOW, source="transcript"),
    SessionBoundary(id=uuid4(), session_id="s", kind="start", timestamp=NOW),
]


class Mood(msgspec.Struct, tag="mood", kw_only=True):
    """A kind of a release to come."""

    session_id: str
    timestamp: datetime
    id: Any = None


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_kind_has_an_identity_and_one_row_in_its_table(event: Event) -> None:
    table = KINDS[type(event)].table
    assert identity_of(event).what
    rows = stage([ReceivedEvent(event, NOW, "r", "1-0")]).rows[f"staged_{table}"]
    assert [row[0] for row in rows] == [event.id]


@pytest.mark.parametrize("table", STAGED.values(), ids=lambda table: table.name)
def test_a_row_is_staged_with_all_columns_of_its_table(table: StagedTable) -> None:
    # But those that the statement fills in.
    filled_in = {"project_id", "user_id", "brought_by", "persisted_at", "path_project_id"}
    assert set(TABLES[table.name].named()) - set(table.columns) <= filled_in


def test_the_samples_cover_every_kind() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    assert {type(record) for record in RECORDS} == set(get_args(Record))


@pytest.mark.parametrize("record", RECORDS, ids=lambda event: type(event).__name__)
def test_every_kind_of_record_stages_rows(record: Record) -> None:
    staged = stage([ReceivedEvent(record, NOW, "r", "1-0")])
    assert sum(map(len, staged.rows.values())) + staged.projects_seen >= 1


def test_every_kind_is_stored_in_the_table_of_its_entry(worker: Resources) -> None:
    with worker.transaction() as connection:
        persist_isolating(connection, [ReceivedEvent(event, NOW, "r", "1-0") for event in EVENTS], idle_gap=worker.idle_gap)
    stored = {(event.id, KINDS[type(event)].table) for event in EVENTS}
    for table in {table for _, table in stored}:
        assert {(row_id, table) for (row_id,) in select(worker, f"SELECT id FROM {table}")} == {each for each in stored if each[1] == table}


def put(worker: Resources, payload: bytes, events: int) -> None:
    worker.redis.xadd(STREAM, {PAYLOAD_FIELD: payload, EPOCH_FIELD: "e", EVENTS_FIELD: events})


def test_an_unhandled_kind_becomes_a_dead_letter_and_the_others_are_stored(worker: Resources) -> None:
    # Given a batch with an event of a kind that is in the union by mistake alone
    mood: Any = Mood(session_id="s", timestamp=NOW, id=uuid4())
    batch = [ReceivedEvent(event, NOW, "r", "1-0") for event in (*EVENTS, mood)]

    # When it is persisted
    with worker.transaction() as connection:
        persisted, dead, _, _ = persist_isolating(connection, batch, idle_gap=worker.idle_gap)

    # Then that one alone is a dead letter with a reason, and none is passed over
    assert dead == batch[-1:]
    assert persisted.session_events + persisted.messages + persisted.activities + persisted.tool_calls == len(EVENTS)
    [(kind, reason, payload)] = select(worker, "SELECT kind, reason, payload FROM dead_letters")
    assert (kind, json.loads(payload)["id"]) == ("mood", str(mood.id))
    assert "makes no rows of it" in reason


def test_an_event_kind_of_a_newer_ingest_is_kept_for_a_newer_worker(worker: Resources) -> None:
    # Given an entry of a newer ingest, with an event of a kind that this worker does not know
    entry = json.loads(request(*EVENTS, version=ENVELOPE_VERSION))
    entry["events"].insert(2, {"type": "mood", "session_id": "s", "timestamp": NOW.isoformat(), "id": str(uuid4())})
    put(worker, json.dumps(entry).encode(), len(entry["events"]))

    drain(worker)

    # Then the others are stored, and it is a dead letter that can be replayed by one that knows it
    assert select(worker, "SELECT sum(persisted), sum(duplicates), sum(dead) FROM accounts") == [(len(EVENTS), 0, 1)]
    [(payload, reason)] = select(worker, "SELECT payload, reason FROM dead_letters")
    assert [event["type"] for event in json.loads(payload)["events"]] == ["mood"]
    assert "1 of 6 events not readable" in reason
    assert worker.redis.xlen(STREAM) == 0


@pytest.mark.parametrize("canary", [None, Canary(id=uuid4(), sent_at=NOW)], ids=["alone", "with a canary"])
def test_unknown_lists_beside_the_events_are_kept_too(worker: Resources, canary: Canary | None) -> None:
    # Given an entry that holds something beside its events, of which this worker knows nothing
    entry = json.loads(request(*EVENTS, version=ENVELOPE_VERSION, canary=canary)) | {"moods": [{"id": str(uuid4())}, {"id": str(uuid4())}]}
    seen = len(EVENTS) + (canary is not None)
    put(worker, json.dumps(entry).encode(), seen + 2)

    drain(worker)

    # Then what is known is stored, and the entry is kept
    assert select(worker, "SELECT sum(persisted), sum(duplicates), sum(dead) FROM accounts") == [(seen, 0, 2)]
    [(payload, reason)] = select(worker, "SELECT payload, reason FROM dead_letters")
    assert json.loads(payload)["moods"] == entry["moods"]
    assert f"accepted as {seen + 2} events, of which this release of the worker sees {seen}" in reason
    assert worker.redis.xlen(STREAM) == 0
