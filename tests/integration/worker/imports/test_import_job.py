"""Import jobs: counts, repetitions, ends, the lock that they wait for, and workers that are killed."""

import json
import multiprocessing
import threading
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from deploy.embedded.supervision.processes import wait_until
from services.worker import lock_order
from services.worker.importers.job import chunks, run_shard, shards, undo
from services.worker.maintenance.verify import verify
from services.worker.persist.persist_batch import persist
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources, open_resources
from services.worker.row_lease import MAX_ATTEMPTS, LeaseLostError
from services.worker.settings import Settings
from services.worker.sweep.scheduler import Looks
from shared.events.messages import ToolCall
from shared.jobs import IMPORT
from tests.integration.worker.all_tables import is_verified, tables
from tests.integration.worker.capture.captured import import_files
from tests.integration.worker.imports.import_jobs import SESSIONS, add_job, imported, listed, session_file, start_job
from tests.integration.worker.statements import execute, select
from tests.unit.worker.claude_json_sample import SESSION, canary_file
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION as TRANSCRIBED
from tests.unit.worker.importers.transcript.rows_of_a_session import WHOLE, jsonl


def test_an_import_counts_new_rows_and_a_repetition_only_duplicates(worker: Resources, tmp_path: Path) -> None:
    content = json.dumps({"projects": {"/p": SESSION | {"history": [{"display": "hi"}]}, "/q": None}}).encode()

    first, second = imported(worker, start_job(worker, tmp_path, content)), imported(worker, start_job(worker, tmp_path, content))

    counts = ("status", "projects_imported", "sessions_imported", "conversations_imported", "duplicates", "errors_total")
    assert [first[name] for name in counts] == ["succeeded", 2, 1, 1, 0, 0]
    assert [second[name] for name in counts] == ["succeeded", 0, 0, 0, 4, 0]


def test_a_session_becomes_live_by_an_event_and_never_by_an_import(worker: Resources, tmp_path: Path) -> None:
    content = json.dumps({"projects": {"/p": SESSION}}).encode()
    call = ToolCall(
        tool_name="Bash",
        result_status="success",
        timestamp=datetime(2026, 3, 1, tzinfo=UTC),
        session_id=SESSION["lastSessionId"],
        id=uuid4(),
    )

    def is_live() -> Any:
        return select(worker, "SELECT seen_live FROM sessions")

    imported(worker, start_job(worker, tmp_path, content))
    assert is_live() == [(False,)]

    with worker.transaction() as connection:
        persist(connection, [ReceivedEvent(call, datetime.now(UTC), "test", "1-1")], idle_gap=worker.idle_gap)
    assert is_live() == [(True,)]

    imported(worker, start_job(worker, tmp_path, content))
    assert is_live() == [(True,)]


@pytest.mark.parametrize("copy_id", ["00000000-dc17-4bcf-9b4d-c4bddd3fac2a", "ffffffff-dc17-4bcf-9b4d-c4bddd3fac2a"])
def test_copy_of_a_transcript_under_another_id_brings_no_cost(worker: Resources, tmp_path: Path, copy_id: str) -> None:
    # Given a transcript that ends with what Claude Code says of its cost, and a copy of it
    state = {
        "type": "cost-state",
        "sessionId": TRANSCRIBED,
        "totalCostUSD": 0.05,
        "modelUsage": {"m": {"inputTokens": 9, "outputTokens": 9}},
    }
    content = jsonl(*WHOLE, state | {"totalLinesAdded": 5, "totalLinesRemoved": 1})
    copied = content.replace(TRANSCRIBED.encode(), copy_id.encode())

    def totals() -> Any:
        names = ("input_tokens + output_tokens", "cost_nano_usd", "lines_added", "lines_removed", "api_calls")
        return select(worker, f"SELECT {', '.join(f'sum({name})' for name in names)} FROM sessions")

    import_files(worker, tmp_path, content)
    before = totals()
    import_files(worker, tmp_path, copied)

    assert totals() == before
    assert is_verified(worker)


def test_an_undated_session_counts_without_time_or_day(worker: Resources, tmp_path: Path) -> None:
    imported(worker, start_job(worker, tmp_path, json.dumps({"projects": {"/p": SESSION}}).encode()))

    with psycopg.connect(worker.settings.database_url) as connection:
        rows = connection.execute(
            "SELECT grain_minutes, bucket_start::text, sessions, wall_us, lines_added, input_tokens, cost_nano_usd FROM activity_rollups"
            " WHERE project_id = -1 AND user_id = -1 ORDER BY 1"
        ).fetchall()
        connection.rollback()
        connection.autocommit = True
        assert set(verify(connection, worker.idle_gap).values()) == {0}
    assert rows == [(grain, "-infinity", 1, 0, 350, 120, 14_500_000_000) for grain in (0, 15, 60, 1440, 10080)]


def test_later_files_raise_session_totals_and_never_add_to_them(worker: Resources, tmp_path: Path) -> None:
    later = SESSION | {"lastCost": 20.25, "lastLinesAdded": 400, "lastTotalInputTokens": 100, "lastSessionModified": 1_779_118_462_414}

    imported(worker, start_job(worker, tmp_path, json.dumps({"projects": {"/p": SESSION}}).encode()))
    second = imported(worker, start_job(worker, tmp_path, json.dumps({"projects": {"/p": later}}).encode()))

    assert (second["sessions_imported"], second["sessions_updated"]) == (0, 1)
    assert select(worker, "SELECT lines_added, input_tokens, cost_nano_usd, wall_us, dated_at = ended_at FROM sessions") == [
        (400, 120, 20_250_000_000, 0, True)
    ]


def test_a_damaged_file_fails_its_job_and_the_other_file_is_imported(worker: Resources, tmp_path: Path) -> None:
    good, bad = json.dumps({"projects": {"/p": SESSION}}).encode(), b'{"projects": {"/q": {}, "/r'

    result = imported(worker, start_job(worker, tmp_path, bad, good))

    assert result["status"] == "failed"
    assert [(error["file"], error["code"]) for error in result["errors"]] == [("0.json", "DAMAGED")]
    assert result["sessions_imported"] == 1


def test_a_leased_share_is_not_taken_by_another_worker(worker: Resources, looks: Looks, tmp_path: Path) -> None:
    job_id = start_job(worker, tmp_path, b"{}")
    execute(worker, "UPDATE import_shares SET lease_expires_at = now() + interval '1 minute'")
    assert imported(worker, job_id)["status"] == "queued"
    assert looks.abandoned_jobs() == {}

    execute(worker, "UPDATE import_shares SET lease_expires_at = now() - interval '1 second'")
    assert looks.abandoned_jobs() == {IMPORT.task: [(str(job_id), 0)]}
    assert imported(worker, job_id)["status"] == "succeeded"
    assert looks.abandoned_jobs() == {}


def test_the_upload_is_deleted_when_the_job_ends(worker: Resources, tmp_path: Path) -> None:
    imported(worker, start_job(worker, tmp_path, json.dumps(canary_file()).encode()))

    assert list(tmp_path.iterdir()) == []


def test_a_job_that_failed_too_often_is_given_up_and_keeps_its_upload(worker: Resources, tmp_path: Path) -> None:
    job_id = start_job(worker, tmp_path, json.dumps(canary_file()).encode())
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("UPDATE import_shares SET attempts = %s", [MAX_ATTEMPTS])

    result = imported(worker, job_id)

    assert (result["status"], result["has_files"], [error["code"] for error in result["errors"]]) == ("failed", True, ["GIVEN_UP"])
    assert len(list(tmp_path.iterdir())) == 1


def test_the_first_hundred_errors_are_kept_and_all_are_counted(worker: Resources, tmp_path: Path) -> None:
    content = json.dumps({"projects": {f"relative/{n}": {} for n in range(750)}}).encode()

    result = imported(worker, start_job(worker, tmp_path, content))

    assert (len(result["errors"]), result["errors_total"]) == (100, 750)


def test_damage_found_by_an_earlier_attempt_fails_the_job(worker: Resources, tmp_path: Path) -> None:
    # Given a job whose first, damaged file was read by a worker that then died
    job_id = start_job(worker, tmp_path, b'{"projects": {"/q', b'{"projects": {"/p": {}}}')
    execute(worker, 'UPDATE import_shares SET checkpoint = \'{"file": 1, "member": 0, "records": 0}\', is_damaged = true')

    result = imported(worker, job_id)

    assert (result["status"], result["projects_imported"]) == ("failed", 1)


def test_a_worker_that_lost_its_shard_lease_commits_nothing(worker: Resources, tmp_path: Path) -> None:
    # Given a shard that one worker took and, its lease being over, another took after it
    job_id = start_job(worker, tmp_path, json.dumps({"projects": {"/p": SESSION}}).encode())
    with worker.transaction() as connection:
        slow = shards.take(connection, job_id, 0)
    assert slow is not None
    execute(worker, "UPDATE import_shares SET lease_expires_at = now() - interval '1 second'")
    result = imported(worker, job_id)

    # When the first comes back, then nothing of it is committed
    with pytest.raises(LeaseLostError), worker.transaction() as connection:
        shards.advance(connection, slow, shards.Progress(shards.Checkpoint(), 0, rows=7))
    assert (result["status"], result["sessions_imported"]) == ("succeeded", 1)
    assert select(worker, "SELECT rows_done FROM import_jobs") == [(result["rows_done"],)]


def test_the_upload_of_a_failed_job_is_deleted_after_a_day(worker: Resources, tmp_path: Path) -> None:
    # Given a job that was given up, its upload kept
    job_id = start_job(worker, tmp_path, json.dumps(canary_file()).encode())
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("UPDATE import_shares SET attempts = %s", [MAX_ATTEMPTS])
        assert imported(worker, job_id)["has_files"]
        run_shard.delete_old_files(worker)
        assert len(list(tmp_path.iterdir())) == 1

        # When a day has gone by
        connection.execute("UPDATE import_jobs SET finished_at = finished_at - interval '25 hours'")
        run_shard.delete_old_files(worker)

        assert list(tmp_path.iterdir()) == []
        assert connection.execute("SELECT has_files FROM import_jobs").fetchall() == [(False,)]


WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"


def test_a_second_import_waits_beyond_the_lock_timeout(worker: Resources) -> None:
    # Given an import that persists, and another whose connection gives up on locks at once
    had_its_turn = threading.Event()

    def second() -> None:
        with psycopg.connect(worker.settings.database_url, options="-c lock_timeout=1ms") as connection:
            lock_order.lock_import_order(connection)
            had_its_turn.set()

    with psycopg.connect(worker.settings.database_url) as first, psycopg.connect(worker.settings.database_url, autocommit=True) as looking:
        lock_order.lock_import_order(first)
        waiter = threading.Thread(target=second)
        waiter.start()
        assert wait_until(lambda: looking.execute(WAITING).fetchone() == (1,), 60)

        # When the first is through, then the second goes on
        assert not had_its_turn.is_set()
        first.commit()
        assert had_its_turn.wait(60)
        waiter.join()


KILLS = 6


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "claude.zip"
    with zipfile.ZipFile(path, "w") as target:
        for number in range(SESSIONS):
            target.writestr(f"projects/p/{number}.jsonl", session_file(number))
    return path


def add_copy(worker: Resources, archive: Path) -> UUID:
    """The worker deletes the upload, so it is a copy."""
    blob = archive.with_name(str(uuid4()))
    blob.write_bytes(archive.read_bytes())
    return add_job(worker, listed(blob, "zip", archive.name), user_name="ann")


def work(settings: Settings, job_id: UUID) -> None:
    run_shard.run(open_resources(settings), job_id, 0)


def test_an_import_survives_kills_of_its_workers(worker: Resources, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given chunks so small that an import has many; a forked process has them too
    monkeypatch.setattr(chunks, "CHUNK_RECORDS", 15)
    context = multiprocessing.get_context("fork")
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        job_id = add_copy(worker, archive)

        def rows_done() -> int:
            found = connection.execute("SELECT rows_done FROM import_jobs WHERE id = %s", (job_id,)).fetchone()
            assert found is not None
            return int(found[0])

        # When each worker is killed as soon as it has committed something
        for _ in range(KILLS):
            before = rows_done()
            process = context.Process(target=work, args=(worker.settings, job_id))
            process.start()
            assert wait_until(lambda before=before: rows_done() > before, 60)  # type: ignore[misc]
            process.kill()
            process.join()
            connection.execute("UPDATE import_shares SET lease_expires_at = now()")
        run_shard.run(worker, job_id, 0)

        # Then the job has counted everything once, and the aggregates are what the rows say
        counted = connection.execute(
            "SELECT status, sessions_imported, conversations_imported, tool_calls_imported, errors_total, number FROM import_jobs"
        ).fetchone()
        assert counted is not None
        assert counted[:5] == ("succeeded", SESSIONS, SESSIONS * 20, SESSIONS * 10, 0)
        assert set(verify(connection, worker.idle_gap).values()) == {0}
        survived = tables(connection)

        # And an undo leaves nothing, after which an undisturbed import gives the same
        with worker.transaction() as transaction:
            while undo.undo_some(worker, transaction, counted[5]):
                continue
            undo.clear_up(transaction, counted[5])
        assert all(rows == [] for rows in tables(connection).values())
        run_shard.run(worker, add_copy(worker, archive), 0)
        assert tables(connection) == survived
