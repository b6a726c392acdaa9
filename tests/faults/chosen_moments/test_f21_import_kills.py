"""F21: workers of a large import are killed at random moments, and in the end every row is there once; the same file again adds none.

Short: 6 MB and 4 kills; long (TRACKER_FAULTS=long): 200 MB and 20 kills.
"""

import io
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker.maintenance.verify import verify
from tests.faults.checks import IDLE_GAP
from tests.faults.long import is_long
from tests.faults.product.import_worker import peak_memory_bytes, start
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, jsonl, prompt, result, text, use

MAX_MEMORY_BYTES = 256 * 1024**2
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
    number = 0
    with tarfile.open(path, "w") as archive:
        while path.stat().st_size < megabytes * 1_000_000:
            content = session(number)
            member = tarfile.TarInfo(f"projects/p/{number}.jsonl")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
            archive.fileobj.flush()  # type: ignore[union-attr]
            number += 1
    return number


def add_job(connection: Connection[Any], archive: Path) -> UUID:
    """As ingest does it, with one share. The worker deletes the upload, so it is a second name of the archive."""
    job_id, blob = uuid4(), archive.with_name(str(uuid4()))
    blob.hardlink_to(archive)
    files = [{"name": archive.name, "blob_url": blob.as_uri(), "bytes": blob.stat().st_size, "kind": "tar"}]
    connection.execute("INSERT INTO import_jobs (id, files, user_name, bytes_total) VALUES (%s, %s, 'ann', 1)", (job_id, Jsonb(files)))
    connection.execute("INSERT INTO import_shares (job_id, share) VALUES (%s, 0)", (job_id,))
    return job_id


def counts(connection: Connection[Any], job_id: UUID) -> dict[str, Any]:
    names = "status, sessions_imported, conversations_imported, tool_calls_imported, duplicates, errors_total, errors"
    row = connection.execute(f"SELECT {names} FROM import_jobs WHERE id = %s".encode(), (job_id,)).fetchone()
    assert row is not None
    return dict(zip(names.split(", "), row, strict=True))


def run_to_end(settings: dict[str, str], job_id: UUID) -> int:
    """Without disturbance, in a process of its own. Its peak memory in bytes."""
    process = start(settings, job_id)
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_memory_bytes(process))
        time.sleep(0.02)
    assert process.returncode == 0
    return peak


@pytest.mark.parametrize("seed", [21])
def test_an_import_killed_at_random_moments_counts_every_row_once(database_url: str, redis_url: str, tmp_path: Path, seed: int) -> None:
    # Given a large archive
    megabytes, kills = (200, 20) if is_long() else (6, 4)
    archive = tmp_path / "claude.tar"
    sessions = make_archive(archive, megabytes)
    settings, rng = {"database_url": database_url, "redis_url": redis_url}, Random(seed)
    with psycopg.connect(database_url, autocommit=True) as connection:
        job_id = add_job(connection, archive)

        # When its workers are killed, each a random while after it has begun to work
        peak = killed = 0
        while killed < kills and counts(connection, job_id)["status"] in ("queued", "running"):
            process = start(settings, job_id)
            before = rows_done(connection, job_id)
            # Every second one has committed something: five deaths in a row without progress would make the file unreadable.
            while process.poll() is None and not (rows_done(connection, job_id) > before if killed % 2 else is_taken(connection, job_id)):
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 3 if is_long() else 0.4))
            peak = max(peak, peak_memory_bytes(process))
            process.kill()
            process.wait()
            killed += 1
            # As time would: the dead worker's lease is over.
            connection.execute("UPDATE import_shares SET lease_expires_at = NULL")
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
    print(f"{archive.stat().st_size / 1e6:.0f} MB, {sessions} sessions, {killed} kills; peak memory {peak / 1024**2:.0f} MB")
    assert peak < MAX_MEMORY_BYTES


def is_taken(connection: Connection[Any], job_id: UUID) -> bool:
    """Whether a worker has taken the job's share, or has finished it."""
    sql = "SELECT FROM import_shares WHERE job_id = %s AND (lease_expires_at IS NOT NULL OR outcome IS NOT NULL)"
    return connection.execute(sql, (job_id,)).rowcount == 1


def rows_done(connection: Connection[Any], job_id: UUID) -> int:
    [(rows,)] = connection.execute("SELECT rows_done FROM import_jobs WHERE id = %s", (job_id,)).fetchall()
    return int(rows)
