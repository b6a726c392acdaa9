"""A replay is accepted again, and the account stays balanced for every kind of dead letter."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import msgspec
import psycopg
import pytest
from redis.asyncio import Redis

from services.ingest.journal.append import Entry, Journal
from services.ingest.journal.backlog import Backlog
from services.ingest.journal.wakeup import WakeupSender
from services.worker.drain.accounting import accounting
from services.worker.drain.drain_partition import drain
from services.worker.persist.records import ApiCall, Message, ProjectSeen, Record, SessionFacts
from services.worker.resources import Resources
from shared.broker import sender
from shared.events.messages import Conversation, Envelope, encode_envelope
from shared.journal.dead_letter_envelope import WHOLE_ENTRY, DeadLetter, encode_replay, events_in
from shared.journal.streams import stream_key

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
JOB = UUID("018f3b1e-0000-7000-8000-000000000001")
GONE = UUID("018f3b1e-0000-7000-8000-000000000002")


def message(content: str = "words") -> Conversation:
    return Conversation(session_id="s", content=content, role="user", timestamp=NOW, id=uuid4())


def entry_of(*events: Conversation, version: int = 1) -> bytes:
    return encode_envelope(Envelope(version=version, request_id="r", received_at=NOW, events=list(events)))


def of_event(event: Conversation) -> DeadLetter:
    return DeadLetter(journal_entry_id="1-1", event_id=event.id, kind="conversation", payload=msgspec.json.encode(event))


def whole(payload: bytes) -> DeadLetter:
    return DeadLetter(journal_entry_id="1-1", kind=WHOLE_ENTRY, payload=payload)


def of_import(record: Record, job_id: UUID = JOB) -> DeadLetter:
    kind = type(record).__name__
    return DeadLetter(journal_entry_id=f"import:{job_id}", event_id=record.id, kind=kind, payload=msgspec.json.encode(record))


ONE = message()
PROMPT = Message(id=uuid4(), session_id="s", role="user", content="x", source="transcript", timestamp=NOW)
FACTS = SessionFacts(id=uuid4(), session_id="s", source="transcript", project_path="/p", started_at=NOW)
CALL = ApiCall(id=uuid4(), session_id="s", model="claude-x", timestamp=NOW, source="transcript")
DEAD_LETTERS = {
    "stored": [of_event(ONE)],
    "stored, and a duplicate": [of_event(ONE), of_event(ONE)],
    "dies again": [of_event(message("bad \0"))],
    "of no kind that is known": [DeadLetter(journal_entry_id="1-1", event_id=uuid4(), kind="x", payload=b"?")],
    "an entry that can be read": [whole(entry_of(message(), message()))],
    "an entry with poison": [whole(entry_of(message(), message("bad \0"), message()))],
    "an entry without events": [whole(entry_of())],
    "an entry of which some can be read": [whole(entry_of(message(), message()).replace(b'"role":"user"', b'"role":"nobody"', 1))],
    "an entry of a newer version": [whole(entry_of(message(), message(), version=99))],
    "no entry at all": [whole(b"{")],
    "records of an import": [*map(of_import, (PROMPT, FACTS, CALL, ProjectSeen(id=uuid4(), project_path="/p"))), of_import(PROMPT)],
    "of an import that is gone": [of_import(PROMPT, GONE)],
    "all sorts together": [of_event(message()), whole(b"{"), of_import(PROMPT), whole(entry_of(message("bad \0")))],
}


@pytest.mark.parametrize("dead_letters", DEAD_LETTERS.values(), ids=DEAD_LETTERS.keys())
def test_the_account_counts_replays_by_their_outcome(worker: Resources, dead_letters: list[DeadLetter]) -> None:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO import_jobs (id, files, status) VALUES (%s, '[]', 'succeeded')", [JOB])
    asyncio.run(_append(worker, dead_letters))
    accepted = sum(map(events_in, dead_letters))
    before = accounting(worker)
    assert (before.accepted, before.pending, before.drift) == (accepted, accepted, 0)

    drain(worker)

    after = accounting(worker)
    assert (after.accepted, after.pending, after.drift) == (accepted, 0, 0)


async def _append(worker: Resources, dead_letters: list[DeadLetter]) -> None:
    app = sender(worker.settings.redis_url)
    async with Redis.from_url(worker.settings.redis_url) as redis:
        entries = [Entry(stream_key(0), encode_replay(dead_letter), events_in(dead_letter)) for dead_letter in dead_letters]
        await Journal(redis, WakeupSender(app), Backlog(redis, partitions=1, max_entries=1000)).append(entries)
    app.close()
