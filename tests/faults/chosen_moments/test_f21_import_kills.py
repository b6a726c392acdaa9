"""F21: workers of a large import are killed at random moments, and in the end every row is there once; the same file again adds none.

Short: 6 MB and 4 kills; long (TRACKER_FAULTS=long): 200 MB and 20 kills.
"""

import time
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from services.worker.maintenance.verify import verify
from tests.faults.checks import IDLE_GAP
from tests.faults.chosen_moments.killed_imports import ROUNDS_A_SESSION, add_job, is_taken, make_archive, rows_done, run_to_end
from tests.faults.long import is_long
from tests.faults.product.import_worker import peak_memory_bytes, start

MAX_MEMORY_BYTES = 256 * 1024**2


def counts(connection: Connection[Any], job_id: UUID) -> dict[str, Any]:
    names = "status, sessions_imported, conversations_imported, tool_calls_imported, duplicates, errors_total, errors"
    row = connection.execute(f"SELECT {names} FROM import_jobs WHERE id = %s".encode(), (job_id,)).fetchone()
    assert row is not None
    return dict(zip(names.split(", "), row, strict=True))


@pytest.mark.parametrize("seed", [21])
def test_an_import_killed_at_random_moments_counts_every_row_once(database_url: str, redis_url: str, tmp_path: Path, seed: int) -> None:
    # Given a large archive
    megabytes, kills = (200, 20) if is_long() else (6, 4)
    archive = tmp_path / "claude.tar"
    sessions = make_archive(archive, megabytes)
    settings, rng = {"database_url": database_url, "redis_url": redis_url}, Random(seed)
    with psycopg.connect(database_url, autocommit=True) as connection:
        job_id = add_job(connection, archive)

        # When its workers are killed, each a random while after it has begun to work
        peak = killed = 0
        while killed < kills and counts(connection, job_id)["status"] in ("queued", "running"):
            process = start(settings, job_id)
            before = rows_done(connection, job_id)
            # Every second one has committed something: five deaths in a row without progress would make the file unreadable.
            while process.poll() is None and not (rows_done(connection, job_id) > before if killed % 2 else is_taken(connection, job_id)):
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 3 if is_long() else 0.4))
            peak = max(peak, peak_memory_bytes(process))
            process.kill()
            process.wait()
            killed += 1
            # As time would: the dead worker's lease is over.
            connection.execute("UPDATE import_shares SET lease_expires_at = NULL")
        peak = max(peak, run_to_end(settings, job_id))

        # Then everything is there once
        rounds = sessions * ROUNDS_A_SESSION
        done = counts(connection, job_id)
        assert {name: done[name] for name in done if name != "duplicates"} == {
            "status": "succeeded",
            "sessions_imported": sessions,
            "conversations_imported": 2 * rounds,
            "tool_calls_imported": rounds,
            "errors_total": 0,
            "errors": [],
        }
        tables = connection.execute("SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM tool_calls)").fetchone()
        assert tables == (2 * rounds, rounds)
        assert not any(verify(connection, IDLE_GAP).values())

        # And the same file again adds nothing
        again = add_job(connection, archive)
        peak = max(peak, run_to_end(settings, again))
        second = counts(connection, again)
        assert (second["status"], second["errors_total"]) == ("succeeded", 0)
        assert (second["sessions_imported"], second["conversations_imported"], second["tool_calls_imported"]) == (0, 0, 0)
        assert not any(verify(connection, IDLE_GAP).values())
    print(f"{archive.stat().st_size / 1e6:.0f} MB, {sessions} sessions, {killed} kills; peak memory {peak / 1024**2:.0f} MB")
    assert peak < MAX_MEMORY_BYTES
