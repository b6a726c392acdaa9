"""Scrubs redact stored transcripts too, in ranges and segments, and change nothing else of them."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from services.worker.archive import scrub_contents
from services.worker.archive.compaction import compact_some
from services.worker.archive.retention import collect_garbage
from services.worker.archive.segments import SEGMENT_BYTES
from services.worker.maintenance.jobs import run_job
from services.worker.resources import Resources
from shared.archive.stored_pieces import decompressed
from shared.jobs import SCRUB
from shared.redaction.redacted_lines import redact_lines
from tests.integration.conftest import OpenWorker
from tests.integration.worker.maintenance.scrubbed import asked_for
from tests.integration.worker.statements import select
from tests.stored_transcripts import add_file, stored

SECRET = b"ghp_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"


@pytest.fixture
def worker(open_worker: OpenWorker, tmp_path: Path) -> Resources:
    """One with an archive of its own."""
    return open_worker(archive_url=(tmp_path / "archive").as_uri())


def lines(size: int, *, secret_every: int) -> bytes:
    found = bytearray()
    n = 0
    while len(found) < size:
        n += 1
        text = "words " * 60 + (SECRET.decode() if secret_every and n % secret_every == 0 else "")
        found += json.dumps({"n": n, "x": 1.50, "text": text}).encode() + b"\n"
    return bytes(found)


def is_on_disk(worker: Resources, secret: bytes) -> bool:
    frames = [row[0] for row in select(worker, "SELECT content FROM transcript_ranges")]
    frames += [worker.archive.get(each.name) for each in worker.archive.stored()]
    return any(secret in decompressed(frame) for frame in frames)


def test_secrets_go_from_segments_and_ranges(worker: Resources) -> None:
    """given transcripts as a version without these rules stored them, then a scrub leaves them as they would come today."""
    content = lines(2_300_000, secret_every=1000)
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        whole = add_file(connection, worker.archive, "s", content, archived=SEGMENT_BYTES * 2, range_bytes=30_000)
        clean = add_file(connection, worker.archive, "clean", clean_content := lines(10_000, secret_every=0))
        connection.execute(
            "INSERT INTO hook_payloads (id, session_id, occurred_at, received_at, payload) VALUES (%s, 's', now(), now(), %s)",
            [uuid4(), json.dumps({"prompt": SECRET.decode()})],
        )

    dry = asked_for(worker, is_dry_run=True)
    assert not run_job(worker, SCRUB, dry)
    assert stored(worker, whole) == content
    assert not run_job(worker, SCRUB, asked_for(worker))

    assert stored(worker, whole) == redact_lines(content, {}) != content
    assert stored(worker, clean) == clean_content
    collect_garbage(worker, timedelta(0))
    assert not is_on_disk(worker, SECRET)
    assert SECRET.decode() not in str(select(worker, "SELECT payload FROM hook_payloads"))
    counted = select(worker, "SELECT (counts -> 'rows_changed')::int, counts -> 'redactions' FROM jobs ORDER BY created_at")
    # The dry one has the same numbers.
    assert counted[0] == counted[1]
    assert counted[0][1]["github_token"] == content.count(SECRET) + 1
    again = asked_for(worker)
    run_job(worker, SCRUB, again)
    assert select(worker, "SELECT (counts -> 'rows_changed')::int FROM jobs WHERE id = %s", [again]) == [(0,)]


@pytest.mark.parametrize("steps", range(1, 8))
def test_ranges_that_become_segments_meanwhile_are_scrubbed_all_the_same(
    worker: Resources, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """given compaction after some steps of a scrub, then no piece is missed."""
    monkeypatch.setattr(scrub_contents, "PIECES_AT_ONCE", 1)
    content = lines(200_000, secret_every=50)
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        cut = content.find(b"\n", 50_000) + 1
        file_id = add_file(connection, worker.archive, "s", content, archived=cut, range_bytes=60_000)
    scrub_id = asked_for(worker)
    taken = 0
    for _ in range(200):
        [(stage,)] = select(worker, "SELECT at_stage FROM jobs")
        taken += stage == "transcripts"
        if taken == steps:
            compact_some(worker, file_id)
        if not run_job(worker, SCRUB, scrub_id, run_seconds=0):
            break

    assert taken >= 1
    assert stored(worker, file_id) == redact_lines(content, {})
