"""Exports and imports of them, as ingest starts them: for tests of what is the same afterwards."""

import json
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker.importers.job import run_shard, undo
from services.worker.resources import Resources
from shared.archive.stored_pieces import content_of
from tests.integration.worker.all_tables import tables
from tests.integration.worker.imports.import_jobs import add_job, add_key, listed
from tests.integration.worker.statements import execute, only_row

MANIFEST = "manifest.json"


def add_export(worker: Resources, **selection: Any) -> UUID:
    job_id = add_job(worker, kind="export", has_files=False, selection=Jsonb(selection))
    execute(worker, "INSERT INTO exports (id) VALUES (%s)", (job_id,))
    return job_id


def export_row(worker: Resources, job_id: UUID) -> dict[str, Any]:
    """The row of the export, with its job's."""
    return only_row(worker, "SELECT * FROM exports JOIN import_jobs USING (id) WHERE id = %s", [job_id])


def exported(worker: Resources, target: Path, **selection: Any) -> Path:
    """An export, at `target`."""
    job_id = add_export(worker, **selection)
    run_shard.run(worker, job_id, 0)
    row = export_row(worker, job_id)
    assert (row["status"], row["errors"]) == ("succeeded", [])
    written = Path(row["blob_url"].removeprefix("file://"))
    content = written.read_bytes()
    assert (row["bytes"], bytes(row["sha256"])) == (len(content), sha256(content).digest())
    target.write_bytes(content)
    return target


def add_import(
    worker: Resources,
    archive: Path,
    *,
    user: str | None = None,
    projects: list[str] | None = None,
    scopes: list[str] | None = None,
    is_open: bool = False,
) -> UUID:
    """`user`, `projects`: what the key is bound to. `scopes`: an admin's, but of a bound key. `is_open`: there is no key."""
    scopes = scopes or (["admin"] if user is None and projects is None else ["ingest"])
    blob = archive.with_name(str(uuid4()))
    blob.write_bytes(archive.read_bytes())
    key_id = add_key(worker, scopes, user, projects)
    return add_job(worker, listed(blob, "tracker_export", archive.name), key_id=None if is_open else key_id, user_name=user)


def imported(worker: Resources, archive: Path, **bound: Any) -> dict[str, Any]:
    """The job as it ended."""
    job_id = add_import(worker, archive, **bound)
    run_shard.run(worker, job_id, 0)
    return job_row(worker, job_id)


def job_row(worker: Resources, job_id: UUID) -> dict[str, Any]:
    return only_row(worker, "SELECT * FROM import_jobs WHERE id = %s", [job_id])


def undone(worker: Resources, number: int) -> None:
    """Takes an import back."""
    with worker.transaction() as connection:
        undo.forget_contents(connection, number)
        while undo.undo_some(worker, connection, number):
            continue
        undo.clear_up(connection, number)


def everything(worker: Resources) -> dict[str, Any]:
    """All that a tracker shows: rows, sessions, sums, transcripts byte for byte, marks, machines, views, names of users."""
    with psycopg.connect(worker.settings.database_url) as connection:
        found: dict[str, Any] = tables(connection)
        # Whether events of clients come in now: of the moment, so that no export has it.
        found["sessions"] = sorted(json.dumps(json.loads(row) | {"seen_live": None}, sort_keys=True) for row in found["sessions"])
        found["transcripts"] = transcripts(worker, connection)
        for table, columns in {
            "session_marks": "session_id, is_starred, tags, tag_keys, note, title, visibility, changed_at",
            "session_machines": "session_id, machine_id",
            "machines": "machine_id, name, user_name, first_seen_at, last_heard_at, report::text",
            "saved_views": "id, name, address",
        }.items():
            found[table] = connection.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2".encode()).fetchall()
        found["shared"] = connection.execute("SELECT path, visibility FROM projects WHERE visibility IS NOT NULL ORDER BY 1").fetchall()
        found["names"] = connection.execute(
            "SELECT u.name, a.name FROM users AS u LEFT JOIN users AS a ON a.id = u.alias_of ORDER BY 1"
        ).fetchall()
        found["clients_words"] = clients_words(connection)
    return found


def clients_words(connection: Connection[Any]) -> list[Any]:
    """The rows that no file overrules."""
    ids = " UNION ALL ".join(
        f"SELECT id FROM {table} WHERE coalesce(0 >= ANY(brought_by), true)"
        for table in ("messages", "tool_calls", "activities", "api_calls", "timeline_entries")
    )
    return sorted(row[0] for row in connection.execute(ids.encode()))


def transcripts(worker: Resources, connection: Connection[Any]) -> list[Any]:
    """Each stored content of a file, with its machine and generation, and when it changed."""
    found = []
    files = connection.execute(
        "SELECT id, session_id, file_name, machine_id, generation, user_name, stored_offset, changed_at FROM transcript_files ORDER BY 2, 3, 4, 5"
    ).fetchall()
    for file_id, *file in files:
        found.append((*file, b"".join(content_of(connection, file_id, worker.archive))))
    return found


def rewritten(source: Path, target: Path, change: Any) -> Path:
    """An export whose members went through `change`, a function of {name: content}, with a manifest that fits them, as another program may write it."""
    with zipfile.ZipFile(source) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    manifest = json.loads(members.pop(MANIFEST))
    change(members, manifest)
    manifest.setdefault("members", None)
    if manifest["members"] is not None:
        manifest["members"] = [
            {"name": name, "bytes": len(content), "sha256": sha256(content).hexdigest()} for name, content in members.items()
        ]
    return packed(target, members | {MANIFEST: json.dumps(manifest).encode()})


def packed(target: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target
