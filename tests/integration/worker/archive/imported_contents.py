"""Imports whose transcripts are archived, and what the archive has of them."""

import io
import zipfile
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from services.worker.importers.job import run_shard
from services.worker.resources import Resources
from shared.archive.stored_pieces import content_of
from tests.integration.worker.statements import execute
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION

AGENT_OF = "33333333-2222-4333-8444-555555555555"


def of_another_session(content: bytes, session_id: str) -> bytes:
    return content.replace(SESSION.encode(), session_id.encode())


def add_job(worker: Resources, folder: Path, files: dict[str, bytes], *, user: str | None = "ann", kind: str = "zip") -> UUID:
    job_id = uuid4()
    path = folder / str(job_id)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    path.write_bytes(packed.getvalue() if kind == "zip" else next(iter(files.values())))
    named = "home.zip" if kind == "zip" else next(iter(files))
    upload = [{"name": named, "blob_url": path.as_uri(), "bytes": path.stat().st_size, "kind": kind}]
    execute(worker, "INSERT INTO import_jobs (id, files, user_name) VALUES (%s, %s, %s)", [job_id, Jsonb(upload), user])
    execute(worker, "INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", [job_id])
    return job_id


def import_files(worker: Resources, folder: Path, files: dict[str, bytes], **job: Any) -> UUID:
    job_id = add_job(worker, folder, files, **job)
    run_shard.run(worker, job_id, 0)
    return job_id


def undo(worker: Resources, job_id: UUID) -> None:
    undo_id = uuid4()
    execute(worker, "INSERT INTO import_jobs (id, kind, undoes, files, has_files) VALUES (%s, 'undo', %s, '[]', false)", [undo_id, job_id])
    execute(worker, "INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", [undo_id])
    run_shard.run(worker, undo_id, 0)


def contents(worker: Resources) -> list[bytes]:
    """All that imports brought of the session's own file, the longest first."""
    with worker.transaction() as connection:
        found = connection.execute("SELECT id FROM transcript_files WHERE session_id = %s", [SESSION]).fetchall()
        return sorted((b"".join(content_of(connection, id, worker.archive)) for (id,) in found), key=len, reverse=True)
