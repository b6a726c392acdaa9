"""F29: workers of an export and of its import are killed at random moments, and in the end the other tracker is the same.

Short: 6 MB, 3 and 4 kills; long (TRACKER_FAULTS=long): 200 MB, and 4 and 20 kills.
"""

import time
from pathlib import Path
from random import Random
from uuid import UUID

import psycopg
import pytest
from psycopg import Connection

from services.worker.maintenance.verify import verify
from services.worker.resources import open_resources
from services.worker.settings import Settings
from tests.emptied import Emptier
from tests.faults.checks import IDLE_GAP
from tests.faults.chosen_moments.killed_imports import add_job, is_taken, make_archive, rows_done, run_to_end
from tests.faults.long import is_long
from tests.faults.product.import_worker import peak_memory_bytes, start
from tests.integration.worker.imports.exporting import add_export, add_import, everything, export_row, job_row

MAX_MEMORY_BYTES = 256 * 1024**2


def killed(connection: Connection[object], settings: dict[str, str], job_id: UUID, kills: int, rng: Random, *, gets_on: bool) -> int:
    """Works on a job with workers that are killed with SIGKILL. The peak of their memory. `gets_on`: every second has committed something."""
    peak = count = 0
    while count < kills and job_status(connection, job_id) in ("queued", "running"):
        process = start(settings, job_id)
        before = rows_done(connection, job_id)
        while process.poll() is None and not (
            rows_done(connection, job_id) > before if gets_on and count % 2 else is_taken(connection, job_id)
        ):
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 3 if is_long() else 0.3))
        peak = max(peak, peak_memory_bytes(process))
        process.kill()
        process.wait()
        count += 1
        # As time would: the dead worker's lease is over.
        connection.execute("UPDATE import_shares SET lease_expires_at = NULL")
    return peak


def job_status(connection: Connection[object], job_id: UUID) -> str:
    [(status,)] = connection.execute("SELECT status FROM import_jobs WHERE id = %s", (job_id,)).fetchall()  # type: ignore[misc]
    return str(status)


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
        peak = killed(connection, settings, job_id, 4 if is_long() else 3, rng, gets_on=False)
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
        peak = max(peak, killed(connection, settings, job_id, kills, rng, gets_on=True))
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
