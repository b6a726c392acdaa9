"""A session that retention has dropped does not come back when it goes on or is brought again, until it is allowed."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.records import Message
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from shared.events.messages import Conversation, Event
from tests.integration.worker.all_tables import differences
from tests.integration.worker.imports.files_of_sessions import EPOCH, GAP, add_job, file_of
from tests.integration.worker.maintenance.retaining import cells, drop, fill, numbers, set_rule, texts
from tests.integration.worker.maintenance.sessions_of_users import row_id, session, store
from tests.integration.worker.statements import execute, select


def test_dropped_texts_do_not_come_back(worker: Resources) -> None:
    """given sessions without texts, when their events and files come again, then they bring no text; what is new of them has its own."""
    fill(worker)
    set_rule(worker, "texts", 30)
    drop(worker)
    before = (cells(worker), numbers(worker))

    with worker.transaction() as connection:
        outcome = persist_isolating(connection, received(session("a0", "ann", 0)), idle_gap=GAP)
        number = add_job(connection)
    store(worker, file_of("f1", list(range(13))), number)

    assert outcome.dead == []
    assert cells(worker) == before[0]
    assert texts(worker) == {"How?", "So."}
    now = datetime.now(UTC)
    store(worker, [Conversation(session_id="a0", content="What was it?", role="user", timestamp=now, id=uuid4())])
    assert select(worker, "SELECT title FROM sessions WHERE session_id = 'a0'") == [("What was it?",)]
    assert differences(worker) == {}


def test_prompts_without_a_session_lose_their_texts_too(worker: Resources) -> None:
    """given a prompt that only a history has, when its text was dropped and the history is imported again, then it stays without."""
    prompt = Message(
        id=row_id("prompt"), role="user", content="old", source="history.jsonl", session_id=None, timestamp=EPOCH, project_path="/p/one"
    )
    with worker.transaction() as connection:
        number = add_job(connection)
    store(worker, [prompt], number)
    set_rule(worker, "texts", 30)

    assert drop(worker, is_dry_run=True) == drop(worker)
    store(worker, [prompt], number)

    assert select(worker, "SELECT content FROM messages") == [("",)]
    assert differences(worker) == {}


def test_a_session_that_went_on_loses_its_newer_texts_in_their_time(worker: Resources) -> None:
    fill(worker)
    set_rule(worker, "texts", 30)
    drop(worker)
    at = datetime.now(UTC) - timedelta(days=10)
    store(worker, [Conversation(session_id="a0", content="Later", role="user", timestamp=at, id=uuid4())])

    assert "texts" not in drop(worker)
    assert "Later" in texts(worker)
    execute(worker, "UPDATE retention_rules SET days = 5")
    assert drop(worker)["texts"][:2] == (1, 1)

    assert "Later" not in texts(worker)


def received(events: list[Event]) -> list[ReceivedEvent]:
    return [ReceivedEvent(event, EPOCH, "test", "1-1") for event in events]


def test_a_dropped_session_stays_dropped(worker: Resources) -> None:
    """given dropped sessions, when their events and files come again, then they are left out, and no cell changes."""
    fill(worker)
    set_rule(worker, "sessions", 30)
    drop(worker)
    before = cells(worker)

    again = [*session("a0", "ann", 0), Conversation(session_id="a1", content="On", role="user", timestamp=datetime.now(UTC), id=uuid4())]
    with worker.transaction() as connection:
        outcome = persist_isolating(connection, received(again), idle_gap=GAP)
        job_number = add_job(connection)
    with worker.transaction() as connection:
        of_file = persist_isolating(connection, received(file_of("f1", list(range(13)))), idle_gap=GAP, job_number=job_number)

    assert len(outcome.left_out) == len(again)
    assert of_file.left_out
    assert cells(worker) == before
    assert select(worker, "SELECT session_id FROM sessions") == [("new",)]
    assert differences(worker) == {}
