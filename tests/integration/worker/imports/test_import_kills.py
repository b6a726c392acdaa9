"""Import workers are killed repeatedly: the next one continues, and every row is stored once."""

import multiprocessing
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from deploy.embedded.supervision.processes import wait_until
from services.worker.importers.job import chunks, run_shard, undo
from services.worker.maintenance.verify import verify
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from tests.integration.worker.all_tables import tables
from tests.integration.worker.imports.import_jobs import SESSIONS, session_file

KILLS = 6


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "claude.zip"
    with zipfile.ZipFile(path, "w") as target:
        for number in range(SESSIONS):
            target.writestr(f"projects/p/{number}.jsonl", session_file(number))
    return path


def add_job(connection: Connection[Any], archive: Path) -> UUID:
    job_id, blob = uuid4(), archive.with_name(str(uuid4()))
    blob.write_bytes(archive.read_bytes())
    files = [{"name": archive.name, "blob_url": blob.as_uri(), "bytes": blob.stat().st_size, "kind": "zip"}]
    connection.execute("INSERT INTO import_jobs (id, files, user_name, bytes_total) VALUES (%s, %s, 'ann', 1)", (job_id, Jsonb(files)))
    connection.execute("INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", (job_id,))
    return job_id


def work(settings: Settings, job_id: UUID) -> None:
    run_shard.run(open_resources(settings), job_id, 0)


def test_an_import_survives_kills_of_its_workers(worker: Resources, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given chunks so small that an import has many; a forked process has them too
    monkeypatch.setattr(chunks, "CHUNK_RECORDS", 15)
    context = multiprocessing.get_context("fork")
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        job_id = add_job(connection, archive)

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
        run_shard.run(worker, add_job(connection, archive), 0)
        assert tables(connection) == survived
