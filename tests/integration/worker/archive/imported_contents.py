"""Imports whose transcripts are archived, and what the archive has of them."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from services.worker.importers.job import run_shard
from services.worker.resources import Resources
from shared.archive.stored_pieces import content_of
from tests.integration.worker.imports import import_jobs as imports
from tests.integration.worker.imports.exporting import packed
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION

AGENT_OF = "33333333-2222-4333-8444-555555555555"


def of_another_session(content: bytes, session_id: str) -> bytes:
    return content.replace(SESSION.encode(), session_id.encode())


def add_job(worker: Resources, folder: Path, files: dict[str, bytes], *, user: str | None = "ann", kind: str = "zip") -> UUID:
    path = folder / uuid4().hex
    if kind == "zip":
        packed(path, files)
    else:
        path.write_bytes(next(iter(files.values())))
    return imports.add_job(worker, imports.listed(path, kind, "home.zip" if kind == "zip" else next(iter(files))), user_name=user)


def import_files(worker: Resources, folder: Path, files: dict[str, bytes], **job: Any) -> UUID:
    job_id = add_job(worker, folder, files, **job)
    run_shard.run(worker, job_id, 0)
    return job_id


def undo(worker: Resources, job_id: UUID) -> None:
    run_shard.run(worker, imports.add_job(worker, kind="undo", undoes=job_id, has_files=False), 0)


def contents(worker: Resources) -> list[bytes]:
    """All that imports brought of the session's own file, the longest first."""
    with worker.transaction() as connection:
        found = connection.execute("SELECT id FROM transcript_files WHERE session_id = %s", [SESSION]).fetchall()
        return sorted((b"".join(content_of(connection, id, worker.archive)) for (id,) in found), key=len, reverse=True)
