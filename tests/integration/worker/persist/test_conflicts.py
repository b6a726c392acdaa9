"""An event under the id of another event is neither stored nor a duplicate: it becomes a dead letter."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest

from services.worker.drain.accounting import check_accounting
from services.worker.drain.drain_partition import drain
from services.worker.maintenance.verify import verify
from services.worker.resources import Resources
from shared.events.messages import Activity, Conversation, Envelope, Event, SessionEnd, SessionStart, ToolCall, encode_envelope
from shared.journal.dead_letter_envelope import ID_TAKEN, DeadLetter, encode_replay
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.integration.worker.all_tables import select

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
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
    envelope = Envelope(version=1, request_id="r", received_at=NOW, events=list(events), inferred=inferred or [])
    worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: encode_envelope(envelope)})
    drain(worker)


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
        worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: encode_replay(dead_letter)})
        drain(worker)
        found = select(worker, "SELECT attempts, stored_at IS NOT NULL FROM dead_letters")
        with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
            connection.execute("DELETE FROM messages")
    assert found == [(2, True)]
    assert select(worker, "SELECT content FROM messages") == []


def test_an_event_of_another_session_does_not_change_an_imported_row(worker: Resources) -> None:
    # Given a message that an import has brought
    send(worker, MESSAGE)
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("UPDATE messages SET brought_by = '{7}', source = 'transcript'")
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
