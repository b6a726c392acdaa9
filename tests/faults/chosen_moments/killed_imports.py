"""Imports whose worker is killed."""

import io
import tarfile
import time
from collections.abc import Iterable, Iterator
from itertools import count, takewhile
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.types.json import Jsonb

from tests.faults.pace import is_long
from tests.faults.product.job_worker import IMPORT, peak_memory_bytes, start
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, jsonl, prompt, result, text, use

ROUNDS_A_SESSION = 200
WORDS = "the parser reads a file and fails because useEffect runs twice; fix it, please "


def session(number: int) -> bytes:
    """ROUNDS_A_SESSION prompts, answers with a tool call, and results: about 3 KB each round."""
    return jsonl(*(row | {"sessionId": f"session-{number}"} for row in _rounds(number)))


def _rounds(number: int) -> Iterator[dict[str, Any]]:
    for n in range(ROUNDS_A_SESSION):
        name, second = f"{number}-{n}", 86_400 * (number % 50) + 20 * n
        yield prompt(second, f"u{name}", f"{name} {WORDS * 4}")
        yield answer(second + 2, f"a{name}", f"msg_{name}", text(f"{name} {WORDS * 8}"), use(f"toolu_{name}", command=f"grep {name}"))
        yield result(second + 5, f"r{name}", f"toolu_{name}", WORDS * 8)


def make_archive(path: Path, megabytes: int) -> int:
    """The number of sessions in it."""
    return pack(path, takewhile(lambda _: path.stat().st_size < megabytes * 1_000_000, count()))


def pack(path: Path, numbers: Iterable[int]) -> int:
    """Writes a tar of the sessions with these numbers. How many there are."""
    packed = 0
    with tarfile.open(path, "w") as archive:
        for number in numbers:
            content = session(number)
            member = tarfile.TarInfo(f"projects/p/{number}.jsonl")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
            archive.fileobj.flush()  # type: ignore[union-attr]
            packed += 1
    return packed


def add_job(connection: Connection[Any], archive: Path) -> UUID:
    """As ingest does it, with one share. The worker deletes the upload, so it is a second name of the archive."""
    job_id, blob = uuid4(), archive.with_name(str(uuid4()))
    blob.hardlink_to(archive)
    files = [{"name": archive.name, "blob_url": blob.as_uri(), "bytes": blob.stat().st_size, "kind": "tar"}]
    connection.execute("INSERT INTO import_jobs (id, files, user_name, bytes_total) VALUES (%s, %s, 'ann', 1)", (job_id, Jsonb(files)))
    connection.execute("INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", (job_id,))
    return job_id


def run_with_kills(
    connection: Connection[Any], settings: dict[str, str], job_id: UUID, kills: int, rng: Random, *, gets_on: bool = True
) -> int:
    """Works on a job with workers that are killed with SIGKILL, each a random while after it has begun. The peak of their memory.

    `gets_on`: every second one has committed something. Five deaths in a row without progress would make a file unreadable.
    """
    peak = killed = 0
    while killed < kills and _status(connection, job_id) in ("queued", "running"):
        process = start(settings, IMPORT, job_id)
        before = rows_done(connection, job_id)
        while process.poll() is None and not (
            rows_done(connection, job_id) > before if gets_on and killed % 2 else is_taken(connection, job_id)
        ):
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 3 if is_long() else 0.3))
        peak = max(peak, peak_memory_bytes(process))
        process.kill()
        process.wait()
        killed += 1
        # As time would: the dead worker's lease is over.
        connection.execute("UPDATE import_shares SET lease_expires_at = NULL")
    print(f"{killed} kills")
    return peak


def _status(connection: Connection[Any], job_id: UUID) -> str:
    [(status,)] = connection.execute("SELECT status FROM import_jobs WHERE id = %s", (job_id,)).fetchall()
    return str(status)


def run_to_end(settings: dict[str, str], job_id: UUID) -> int:
    """Without disturbance, in a process of its own. Its peak memory in bytes."""
    process = start(settings, IMPORT, job_id)
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_memory_bytes(process))
        time.sleep(0.02)
    assert process.returncode == 0
    return peak


def is_taken(connection: Connection[Any], job_id: UUID) -> bool:
    """Whether a worker has taken the job's share, or has finished it."""
    sql = "SELECT FROM import_shares WHERE job_id = %s AND (lease_expires_at IS NOT NULL OR outcome IS NOT NULL)"
    return connection.execute(sql, (job_id,)).rowcount == 1


def rows_done(connection: Connection[Any], job_id: UUID) -> int:
    [(rows,)] = connection.execute("SELECT rows_done FROM import_jobs WHERE id = %s", (job_id,)).fetchall()
    return int(rows)
