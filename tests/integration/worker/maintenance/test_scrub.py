"""Scrubs redact stored rows by today's rules, change nothing else, and continue after a crash."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from deploy.embedded.supervision.processes import wait_until
from services.worker.maintenance.jobs import run_job
from services.worker.maintenance.scrub import scrub_rows
from services.worker.persist.dead_letters import write_dead_letter
from services.worker.resources import Resources
from services.worker.sweep.scheduler import Looks
from shared.events.messages import Activity, SessionStart, ToolCall
from shared.jobs import SCRUB
from shared.journal.dead_letter_envelope import WHOLE_ENTRY, DeadLetter
from tests.integration.worker.all_tables import differences
from tests.integration.worker.journal_entries import NOW
from tests.integration.worker.maintenance.scrubbed import SECRET, WORD, asked_for, message, stored, tables
from tests.integration.worker.statements import execute, select

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
HANG_SECONDS = 60


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

    assert run_job(worker, SCRUB, scrub_id) is False

    assert not [name for name, rows in tables(worker).items() if SECRET in str(rows) or SECRET.encode().hex() in str(rows)]
    assert select(worker, "SELECT content FROM messages ORDER BY 1") == [("nothing here",), (f"use {WORD} now",)]
    assert select(worker, "SELECT parameters FROM tool_calls WHERE parameters::text LIKE '%TOKEN%'") == [
        ({"env": {"TOKEN": WORD}, "n": 1.0},)
    ]
    [(status, scanned, changed, redactions)] = select(
        worker, "SELECT status, (counts -> 'rows_scanned')::int, (counts -> 'rows_changed')::int, counts -> 'redactions' FROM jobs"
    )
    # Three are in the live feed: a title is one of them.
    assert (status, redactions) == ("succeeded", {"github_token": 10})
    # The rows of the events and of the dead letter, and: session, file, project, the name of the tool, the scrub itself, the feed.
    assert (scanned, changed) == (7 + 6, 6 + 1)
    assert differences(worker) == {}
    # And a second scrub finds nothing
    again = asked_for(worker)
    run_job(worker, SCRUB, again)
    assert select(worker, "SELECT (counts -> 'rows_changed')::int, counts -> 'redactions' FROM jobs WHERE id = %s", [again]) == [(0, {})]


def test_a_title_that_was_cut_within_a_secret_is_made_anew(worker: Resources) -> None:
    begin = "word " * 38
    stored(worker, message(f"{begin}{SECRET} and more"))
    assert select(worker, "SELECT title FROM sessions") == [(f"{begin}{SECRET[:9]}…",)]

    run_job(worker, SCRUB, asked_for(worker))

    assert select(worker, "SELECT title FROM sessions") == [(f"{begin}{WORD[:9]}…",)]
    assert differences(worker) == {}


@pytest.mark.usefixtures("old_rows")
def test_a_dry_run_counts_and_changes_nothing(worker: Resources) -> None:
    before = tables(worker)

    assert run_job(worker, SCRUB, asked_for(worker, is_dry_run=True)) is False

    assert tables(worker) == before
    assert select(worker, "SELECT status, (counts -> 'rows_changed')::int FROM jobs") == [("succeeded", 7)]


def test_a_scrub_continues_after_a_crash(worker: Resources, looks: Looks, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a scrub whose worker has died behind its first chunk
    monkeypatch.setattr(scrub_rows, "CHUNK_ROWS", 10)
    stored(worker, *(message(f"{n} {SECRET}") for n in range(35)))
    scrub_id = asked_for(worker)
    while not select(worker, "SELECT FROM jobs WHERE (counts -> 'rows_changed')::int = 10"):
        assert run_job(worker, SCRUB, scrub_id, run_seconds=0) is True
    execute(worker, "UPDATE jobs SET lease_token = gen_random_uuid(), lease_expires_at = now() + interval '1 hour'")
    assert run_job(worker, SCRUB, scrub_id) is False
    assert select(worker, "SELECT (counts -> 'rows_changed')::int, status FROM jobs") == [(10, "running")]

    # When its lease has run out
    execute(worker, "UPDATE jobs SET lease_expires_at = now() - interval '1 second'")
    assert looks.abandoned_jobs() == {SCRUB.task: [(str(scrub_id),)]}
    assert run_job(worker, SCRUB, scrub_id) is False

    # Then the rest is read, and nothing twice
    assert select(worker, "SELECT count(*) FROM messages WHERE content LIKE '%ghp!_%' ESCAPE '!'") == [(0,)]
    # The messages, the session's title, and the live feed.
    assert select(worker, "SELECT (counts -> 'rows_changed')::int, status FROM jobs") == [(35 + 2, "succeeded")]


def test_a_scrub_worker_that_lost_its_lease_commits_nothing(worker: Resources) -> None:
    # Given a scrub that is in the middle of a chunk, since it waits for a row
    stored(worker, message(SECRET))
    scrub_id = asked_for(worker)
    with psycopg.connect(worker.settings.database_url) as holder, ThreadPoolExecutor(1) as thread:
        holder.execute("SELECT FROM messages FOR UPDATE")
        scrubbing = thread.submit(run_job, worker, SCRUB, scrub_id)
        assert wait_until(lambda: select(worker, BLOCKED) == [(1,)], HANG_SECONDS)

        # When another worker takes its lease
        execute(worker, "UPDATE jobs SET lease_token = gen_random_uuid()")
        holder.rollback()

        # Then it gives up, and its chunk is not committed
        assert scrubbing.result() is False
    assert select(worker, "SELECT content FROM messages") == [(SECRET,)]


def test_long_rows_make_short_chunks(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrub_rows, "CHUNK_BYTES", 100)
    stored(worker, *(message("x" * 90 + f" password=hunter{n}") for n in range(20, 25)))

    assert run_job(worker, SCRUB, asked_for(worker)) is False

    assert select(worker, "SELECT count(*) FROM messages WHERE content LIKE '%hunter%'") == [(0,)]


def test_the_place_of_a_cut_moves_with_the_text(worker: Resources) -> None:
    """given a cut result with a secret on either side, and half of one at the cut, then the sides are scrubbed apart."""
    stored(worker, ToolCall(tool_name="Bash", result_status="success", session_id="s", timestamp=NOW, id=uuid4(), result="x"))
    before, behind = f"a {SECRET} {SECRET[:20]}", f"{SECRET[20:]} b {SECRET}"
    execute(worker, "UPDATE tool_calls SET result = %s, result_left_out = 9, result_cut_at = %s", (before + behind, len(before)))

    while run_job(worker, SCRUB, asked_for(worker)):
        pass

    scrubbed = f"a {WORD} {SECRET[:20]}"
    expected = (f"{scrubbed}{SECRET[20:]} b {WORD}", 9, len(scrubbed))
    assert select(worker, "SELECT result, result_left_out, result_cut_at FROM tool_calls") == [expected]
