"""Jobs of the import as ingest adds them, and transcripts that are long enough to be stopped in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from services.worker.importers.job import run_shard
from services.worker.resources import Resources
from tests.integration.worker.statements import execute, only_row
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, jsonl, prompt, result, text, use

SESSIONS = 8


def listed(path: Path, kind: str, name: str | None = None) -> dict[str, Any]:
    """An uploaded file, as its job lists it."""
    return {"name": name or path.name, "blob_url": path.as_uri(), "bytes": path.stat().st_size, "kind": kind}


def add_job(worker: Resources, *files: dict[str, Any], shards: int = 1, **columns: Any) -> UUID:
    """`columns`: more of the job's row."""
    job_id = uuid4()
    row = {"id": job_id, "files": Jsonb(files), "bytes_total": sum(file["bytes"] for file in files)} | columns
    execute(worker, f"INSERT INTO import_jobs ({', '.join(row)}) VALUES ({', '.join(f'%({name})s' for name in row)})", row)
    execute(worker, "INSERT INTO import_shares (job_id, share) SELECT %s, generate_series(0, %s - 1)", [job_id, shards])
    return job_id


def add_key(worker: Resources, scopes: list[str], user: str | None, projects: list[str] | None) -> str:
    """A key's id. `user`, `projects`: what it is bound to."""
    key_id = uuid4().hex[:8]
    key = """INSERT INTO api_keys (id, name, sha256, scopes, user_name, project_ids)
        VALUES (%s, 'k', sha256(%s), %s, %s, (SELECT array_agg(id) FROM projects WHERE path = ANY(%s)))"""
    execute(worker, key, [key_id, key_id.encode(), scopes, user, projects])
    return key_id


def start_job(worker: Resources, folder: Path, *contents: bytes, kind: str = "claude_json", user: str | None = "ann") -> UUID:
    """A job with these files, which are named by their numbers."""
    files = []
    for n, content in enumerate(contents):
        path = folder / uuid4().hex
        path.write_bytes(content)
        files.append(listed(path, kind, f"{n}.{'jsonl' if kind == 'transcript' else 'json'}"))
    return add_job(worker, *files, user_name=user)


def imported(worker: Resources, job_id: UUID) -> dict[str, Any]:
    run_shard.run(worker, job_id, 0)
    return only_row(worker, "SELECT * FROM import_jobs WHERE id = %s", [job_id])


def session_file(number: int) -> bytes:
    """A session of ten prompts, answers and tool calls. Odd ones are forks: they begin with the rows of the one before."""
    rows = [row | {"sessionId": f"session-{number}"} for row in _turns(number - 1, 4)] if number % 2 else []
    return jsonl(*rows, *(row | {"sessionId": f"session-{number}"} for row in _turns(number, 10)))


def _turns(number: int, turns: int) -> Iterator[dict[str, Any]]:
    for turn in range(turns):
        name, second = f"{number}-{turn}", 3600 * number + 60 * turn
        yield prompt(second, f"u{name}", f"question {name}")
        yield answer(second + 1, f"a{name}", f"msg_{name}", text(f"answer {name}"), use(f"toolu_{name}", command="ls"))
        yield result(second + 5, f"r{name}", f"toolu_{name}")
