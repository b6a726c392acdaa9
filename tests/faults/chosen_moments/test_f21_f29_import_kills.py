"""F21 and F29: workers of imports and exports are killed at random moments, and in the end every row is there once.

Short: 6 MB and 3 or 4 kills; long (TRACKER_FAULTS=long): 200 MB, and 4 or 20 kills.
"""

from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from services.worker.maintenance.verify import verify
from services.worker.resources import open_resources
from services.worker.settings import Settings
from tests.emptied import Emptier
from tests.faults.checks import IDLE_GAP
from tests.faults.chosen_moments.killed_imports import ROUNDS_A_SESSION, add_job, make_archive, run_to_end, run_with_kills
from tests.faults.pace import is_long
from tests.integration.worker.imports.exporting import add_export, add_import, everything, export_row, job_row

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

        # When its workers are killed
        peak = run_with_kills(connection, settings, job_id, kills, rng)
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
    print(f"{archive.stat().st_size / 1e6:.0f} MB, {sessions} sessions; peak memory {peak / 1024**2:.0f} MB")
    assert peak < MAX_MEMORY_BYTES


@pytest.mark.parametrize("seed", [29])
def test_an_export_and_its_import_survive_kills(database_url: str, redis_url: str, emptier: Emptier, tmp_path: Path, seed: int) -> None:
    # Given a tracker with transcripts
    megabytes, kills = (200, 20) if is_long() else (6, 4)
    history, exports = tmp_path / "claude.tar", tmp_path / "archive"
    make_archive(history, megabytes)
    settings, rng = {"database_url": database_url, "redis_url": redis_url, "archive_url": exports.as_uri()}, Random(seed)
    worker = open_resources(Settings(**settings))  # type: ignore[arg-type]
    with psycopg.connect(database_url, autocommit=True) as connection:
        run_to_end(settings, add_job(connection, history))
        before = everything(worker)

        # When workers that write its export are killed, fewer than end it for good, and the next one goes to its end
        job_id = add_export(worker)
        peak = run_with_kills(connection, settings, job_id, 4 if is_long() else 3, rng, gets_on=False)
        peak = max(peak, run_to_end(settings, job_id))

        # Then the archive is whole, and nothing is left of the others
        row = export_row(worker, job_id)
        assert (row["status"], row["sessions_done"]) == ("succeeded", row["sessions_total"])
        [written] = [path for path in (exports / "exports").iterdir() if path.is_file()]
        assert written.stat().st_size == row["bytes"]

        # When it is imported into an empty tracker, by workers that are killed
        archive = tmp_path / "export.zip"
        archive.write_bytes(written.read_bytes())
        emptier()
        job_id = add_import(worker, archive)
        peak = max(peak, run_with_kills(connection, settings, job_id, kills, rng))
        peak = max(peak, run_to_end(settings, job_id))

        # Then it is the same tracker, and its sums are those of its rows
        ended = job_row(worker, job_id)
        assert (ended["status"], ended["errors"]) == ("succeeded", [])
        assert everything(worker) == before
        assert not any(verify(connection, IDLE_GAP).values())
    worker.close()
    print(
        f"{written.name}: {archive.stat().st_size / 1e6:.1f} MB of {history.stat().st_size / 1e6:.0f} MB; peak memory {peak / 1024**2:.0f} MB"
    )
    assert peak < MAX_MEMORY_BYTES
