"""Jobs of the import, and transcripts that are long enough to be stopped in."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from services.worker.importers.job import run_shard
from services.worker.resources import Resources
from tests.integration.worker.statements import execute, record
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, jsonl, prompt, result, text, use

SESSIONS = 8


def start_job(worker: Resources, folder: Path, *contents: bytes) -> UUID:
    job_id = uuid4()
    files = []
    for n, content in enumerate(contents):
        path = folder / f"{job_id}-{n}"
        path.write_bytes(content)
        files.append({"name": f"{n}.json", "blob_url": path.as_uri(), "bytes": len(content), "kind": "claude_json"})
    execute(
        worker,
        "INSERT INTO import_jobs (id, files, user_name, bytes_total) VALUES (%s, %s, 'ann', %s)",
        [job_id, json.dumps(files), sum(map(len, contents))],
    )
    execute(worker, "INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", [job_id])
    return job_id


def imported(worker: Resources, job_id: UUID) -> dict[str, Any]:
    run_shard.run(worker, job_id, 0)
    return record(worker, "SELECT * FROM import_jobs WHERE id = %s", [job_id])


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
