"""Imports that stall: the job ends and so does the process, so that its place is free."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from services.worker.importers.job import run_shard, shards
from services.worker.importers.job.end_cancelled import end_cancelled
from services.worker.resources import Resources
from services.worker.row_lease import LeaseLostError
from services.worker.sweep.scheduler import Looks
from services.worker.sweep.sweep_statements import CANCEL_SECONDS
from shared.jobs import IMPORT
from tests.integration.worker.imports.import_jobs import start_job
from tests.integration.worker.statements import execute, only_row
from tests.unit.worker.claude_json_sample import SESSION

# Far longer than any of it takes.
TIMEOUT = 120


@contextmanager
def program(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.integration.worker.imports.standing_still", *arguments], stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def job_row(worker: Resources) -> dict[str, Any]:
    return only_row(worker, "SELECT * FROM import_jobs")


def cancel(worker: Resources, seconds_ago: float) -> None:
    execute(worker, "UPDATE import_jobs SET cancel_requested_at = now() - make_interval(secs => %s)", [seconds_ago])


@pytest.fixture
def job_id(worker: Resources, tmp_path: Path) -> UUID:
    return start_job(worker, tmp_path, json.dumps({"projects": {"/p": SESSION}}).encode())


def test_a_process_stuck_in_native_code_ends() -> None:
    with program("freeze") as process:
        _, errors = process.communicate(timeout=TIMEOUT)

    # It says where it stood.
    assert process.returncode == -signal.SIGPROF
    assert "in in_c" in errors


def test_a_stalled_job_fails_and_can_be_retried(worker: Resources, job_id: UUID, tmp_path: Path) -> None:
    with program(worker.settings.database_url, str(job_id), "1") as process:
        _, errors = process.communicate(timeout=TIMEOUT)

    assert process.returncode == 1
    assert "in in_python" in errors
    ended = job_row(worker)
    assert (ended["status"], ended["has_files"], [error["code"] for error in ended["errors"]]) == ("failed", True, ["READING_STALLED"])
    assert "stood still" in ended["errors"][0]["message"]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cancel_ends_a_stalled_job_and_its_process(worker: Resources, looks: Looks, job_id: UUID) -> None:
    # Given a process that stands still, and would be let alone for an hour
    with program(worker.settings.database_url, str(job_id), "3600") as process:
        end = time.monotonic() + TIMEOUT
        while job_row(worker)["status"] != "running":
            assert time.monotonic() < end
            time.sleep(0.05)

        # When it is cancelled, and beat has looked
        cancel(worker, CANCEL_SECONDS + 1)
        end_cancelled(worker)

        # Then the job has ended, no worker takes it again, and the process ends by itself
        ended = job_row(worker)
        assert (ended["status"], ended["has_files"], ended["finished_at"] is not None) == ("cancelled", False, True)
        assert IMPORT.task not in looks.abandoned_jobs()
        process.communicate(timeout=TIMEOUT)
        assert process.returncode == 1


def test_a_running_worker_ends_a_cancelled_job_itself(worker: Resources, job_id: UUID) -> None:
    cancel(worker, 0)
    end_cancelled(worker)
    assert job_row(worker)["status"] == "queued"

    run_shard.run(worker, job_id, 0)
    assert job_row(worker)["status"] == "cancelled"


def test_a_queued_job_can_be_cancelled(worker: Resources, job_id: UUID) -> None:
    cancel(worker, CANCEL_SECONDS + 1)
    end_cancelled(worker)

    run_shard.run(worker, job_id, 0)
    assert (job_row(worker)["status"], job_row(worker)["sessions_imported"]) == ("cancelled", 0)


def test_a_cancel_does_not_wait_for_a_commit_and_no_later_chunk_is_committed(worker: Resources, job_id: UUID) -> None:
    with worker.transaction() as connection:
        shard = shards.take(connection, job_id, 0)
    assert shard is not None
    cancel(worker, CANCEL_SECONDS + 1)

    # Given a worker that has advanced and not committed yet
    with psycopg.connect(worker.settings.database_url) as committing:
        shards.advance(committing, shard, shards.Progress(shards.Checkpoint(), 0, rows=7))
        end_cancelled(worker)
        committing.commit()
    assert (job_row(worker)["status"], job_row(worker)["rows_done"]) == ("running", 7)

    end_cancelled(worker)
    assert job_row(worker)["status"] == "cancelled"
    with pytest.raises(LeaseLostError), worker.transaction() as connection:
        shards.advance(connection, shard, shards.Progress(shards.Checkpoint(), 0, rows=7))
