"""Scrubs redact stored rows by today's rules, change nothing else, and continue after a crash."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from deploy.embedded.supervision.processes import wait_until
from services.worker.drain.drain_partition import drain
from services.worker.maintenance.scrub import scrub, scrub_rows
from services.worker.maintenance.verify import verify
from services.worker.persist.dead_letters import write_dead_letter
from services.worker.resources import Resources
from services.worker.sweep.scheduler import Looks
from shared.broker import Task
from shared.events.messages import Activity, Conversation, Envelope, Event, SessionStart, ToolCall, encode_envelope
from shared.journal.dead_letter_envelope import WHOLE_ENTRY, DeadLetter
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from shared.redaction.redact import redact_text
from shared.tables.catalogue import TABLES
from tests.kept_connection import select_rows

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRET = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"
WORD = redact_text(SECRET)
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
HANG_SECONDS = 60


def stored(worker: Resources, *events: Event) -> None:
    """As a version without redaction would have stored them."""
    envelope = Envelope(version=1, request_id="r", received_at=NOW, events=list(events))
    worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: encode_envelope(envelope)})
    drain(worker)


def message(content: str, seconds: int = 0) -> Conversation:
    return Conversation(session_id="s", content=content, role="user", timestamp=NOW + timedelta(seconds=seconds), id=uuid4())


def select(worker: Resources, sql: str) -> list[Any]:
    return select_rows(worker.settings.database_url, sql)


def asked_for(worker: Resources, *, is_dry_run: bool = False) -> UUID:
    scrub_id = uuid4()
    with psycopg.connect(worker.settings.database_url) as connection:
        connection.execute("INSERT INTO scrubs (id, is_dry_run) VALUES (%s, %s)", (scrub_id, is_dry_run))
    return scrub_id


def tables(worker: Resources) -> dict[str, list[Any]]:
    return {name: select(worker, f"SELECT t::text FROM {name} AS t ORDER BY 1") for name in TABLES.keys() - {"scrubs"}}


@pytest.fixture
def old_rows(worker: Resources) -> None:
    """Two rows of each kind, one with a secret."""
    stored(
        worker,
        SessionStart(project_path="/p", start_time=NOW, session_id="s", git_branch=f"fix/{SECRET}", id=uuid4()),
        message(f"use {SECRET} now"),
        message("nothing here", seconds=1),
        ToolCall(
            tool_name="Bash",
            result_status="success",
            timestamp=NOW,
            session_id="s",
            parameters={"env": {"TOKEN": SECRET}, "n": 1.0},
            id=uuid4(),
        ),
        ToolCall(tool_name="Bash", result_status="success", timestamp=NOW, session_id="s", parameters={"command": "ls"}, id=uuid4()),
        Activity(session_id="s", file_path=f"/p/{SECRET}.txt", action="created", timestamp=NOW, id=uuid4()),
    )
    with worker.transaction() as connection:
        payload = b'{"content": "' + SECRET.encode() + b'"}'
        write_dead_letter(connection, DeadLetter(journal_entry_id="1-1", kind=WHOLE_ENTRY, payload=payload), "not readable")


@pytest.mark.usefixtures("old_rows")
def test_stored_rows_are_redacted_and_statistics_stay(worker: Resources) -> None:
    scrub_id = asked_for(worker)

    assert scrub.run(worker, scrub_id) is False

    assert not [name for name, rows in tables(worker).items() if SECRET in str(rows) or SECRET.encode().hex() in str(rows)]
    assert select(worker, "SELECT content FROM messages ORDER BY 1") == [("nothing here",), (f"use {WORD} now",)]
    assert select(worker, "SELECT parameters FROM tool_calls WHERE parameters::text LIKE '%TOKEN%'") == [
        ({"env": {"TOKEN": WORD}, "n": 1.0},)
    ]
    [(status, scanned, changed, redactions)] = select(worker, "SELECT status, rows_scanned, rows_changed, redactions FROM scrubs")
    # Three are in the live feed: a title is one of them.
    assert (status, redactions) == ("succeeded", {"github_token": 10})
    # The rows of the events and of the dead letter, and: session, file, project, the name of the tool, the scrub itself, the feed.
    assert (scanned, changed) == (7 + 6, 6 + 1)
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        assert set(verify(connection, worker.idle_gap).values()) == {0}


def test_a_title_that_was_cut_within_a_secret_is_made_anew(worker: Resources) -> None:
    begin = "word " * 38
    stored(worker, message(f"{begin}{SECRET} and more"))
    assert select(worker, "SELECT title FROM sessions") == [(f"{begin}{SECRET[:9]}…",)]

    scrub.run(worker, asked_for(worker))

    assert select(worker, "SELECT title FROM sessions") == [(f"{begin}{WORD[:9]}…",)]
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        assert set(verify(connection, worker.idle_gap).values()) == {0}


@pytest.mark.usefixtures("old_rows")
def test_a_dry_run_counts_and_changes_nothing(worker: Resources) -> None:
    before = tables(worker)

    assert scrub.run(worker, asked_for(worker, is_dry_run=True)) is False

    assert tables(worker) == before
    assert select(worker, "SELECT status, rows_changed FROM scrubs") == [("succeeded", 7)]


@pytest.mark.usefixtures("old_rows")
def test_a_second_scrub_finds_nothing(worker: Resources) -> None:
    scrub.run(worker, asked_for(worker))
    again = asked_for(worker)

    scrub.run(worker, again)

    assert select(worker, f"SELECT rows_changed, redactions FROM scrubs WHERE id = '{again}'") == [(0, {})]


def test_a_scrub_continues_after_a_crash(worker: Resources, looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a scrub whose worker has died behind its first chunk
    monkeypatch.setattr(scrub_rows, "CHUNK_ROWS", 10)
    stored(worker, *(message(f"{n} {SECRET}") for n in range(35)))
    scrub_id = asked_for(worker)
    while not select(worker, "SELECT FROM scrubs WHERE rows_changed = 10"):
        assert scrub.run(worker, scrub_id, run_seconds=0) is True
    with psycopg.connect(worker.settings.database_url) as connection:
        connection.execute("UPDATE scrubs SET lease_token = gen_random_uuid(), lease_expires_at = now() + interval '1 hour'")
    assert scrub.run(worker, scrub_id) is False
    assert select(worker, "SELECT rows_changed, status FROM scrubs") == [(10, "running")]

    # When its lease has run out
    with psycopg.connect(worker.settings.database_url) as connection:
        connection.execute("UPDATE scrubs SET lease_expires_at = now() - interval '1 second'")
    assert looks.abandoned_jobs() == {Task.SCRUB: [(str(scrub_id),)]}
    assert scrub.run(worker, scrub_id) is False

    # Then the rest is read, and nothing twice
    assert select(worker, "SELECT count(*) FROM messages WHERE content LIKE '%ghp!_%' ESCAPE '!'") == [(0,)]
    # The messages, the session's title, and the live feed.
    assert select(worker, "SELECT rows_changed, status FROM scrubs") == [(35 + 2, "succeeded")]


def test_a_scrub_worker_that_lost_its_lease_commits_nothing(worker: Resources) -> None:
    # Given a scrub that is in the middle of a chunk, since it waits for a row
    stored(worker, message(SECRET))
    scrub_id = asked_for(worker)
    with psycopg.connect(worker.settings.database_url) as holder, ThreadPoolExecutor(1) as thread:
        holder.execute("SELECT FROM messages FOR UPDATE")
        scrubbing = thread.submit(scrub.run, worker, scrub_id)
        assert wait_until(lambda: select(worker, BLOCKED) == [(1,)], HANG_SECONDS)

        # When another worker takes its lease
        with psycopg.connect(worker.settings.database_url) as other:
            other.execute("UPDATE scrubs SET lease_token = gen_random_uuid()")
        holder.rollback()

        # Then it gives up, and its chunk is not committed
        assert scrubbing.result() is False
    assert select(worker, "SELECT content FROM messages") == [(SECRET,)]


def test_long_rows_make_short_chunks(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub_rows, "CHUNK_BYTES", 100)
    stored(worker, *(message("x" * 90 + f" password=hunter{n}") for n in range(20, 25)))

    assert scrub.run(worker, asked_for(worker)) is False

    assert select(worker, "SELECT count(*) FROM messages WHERE content LIKE '%hunter%'") == [(0,)]


def test_the_place_of_a_cut_moves_with_the_text(worker: Resources) -> None:
    """given a cut result with a secret on either side, and half of one at the cut, then the sides are scrubbed apart."""
    stored(worker, ToolCall(tool_name="Bash", result_status="success", session_id="s", timestamp=NOW, id=uuid4(), result="x"))
    before, behind = f"a {SECRET} {SECRET[:20]}", f"{SECRET[20:]} b {SECRET}"
    with psycopg.connect(worker.settings.database_url) as connection:
        connection.execute("UPDATE tool_calls SET result = %s, result_left_out = 9, result_cut_at = %s", (before + behind, len(before)))

    while scrub.run(worker, asked_for(worker)):
        pass

    scrubbed = f"a {WORD} {SECRET[:20]}"
    expected = (f"{scrubbed}{SECRET[20:]} b {WORD}", 9, len(scrubbed))
    assert select(worker, "SELECT result, result_left_out, result_cut_at FROM tool_calls") == [expected]
