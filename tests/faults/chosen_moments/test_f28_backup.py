"""F28: a backup under load holds every event accepted before its moment and none after. A restore gives exactly these."""

import asyncio
import io
import json
import os
import tarfile
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from deploy.embedded.backups import backup, restore
from deploy.embedded.backups.backup_manifest import Manifest
from deploy.embedded.supervision.processes import StartError
from tests.faults import checks
from tests.faults.clients.acks import Acks, TimedAcks
from tests.faults.clients.writers import Tally, writing
from tests.faults.pace import wait_until
from tests.faults.product.stack import Stack

RATE = 1000.0
BEFORE_SECONDS, AFTER_SECONDS = 4.0, 2.0
JOB_SECONDS = 60.0


def history(sessions: int) -> bytes:
    """A tar of transcripts, large enough to be under way when the backup is taken."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for number in range(sessions):
            lines = b"".join(transcript_line(number, n) for n in range(100))
            member = tarfile.TarInfo(f"projects/p/session-{number}.jsonl")
            member.size = len(lines)
            archive.addfile(member, io.BytesIO(lines))
    return packed.getvalue()


def transcript_line(number: int, n: int) -> bytes:
    record: dict[str, Any] = {"type": "user", "uuid": f"u-{number}-{n}", "sessionId": f"s-{number}", "cwd": "/home/ann/history"}
    at = f"2026-02-01T10:{n // 60:02}:{n % 60:02}.000Z"
    return json.dumps(record | {"timestamp": at, "message": {"role": "user", "content": f"question {n}"}}).encode() + b"\n"


def start_import(stack: Stack) -> str:
    answer = httpx.post(
        f"{stack.url}/api/import/claude-data",
        files={"file": ("claude.tar", history(100))},
        headers={"Prefer": "respond-async"},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 202, answer.text
    job_id: str = answer.json()["job_id"]
    return job_id


def job_of(stack: Stack, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{stack.url}/api/import/jobs/{job_id}", timeout=30, trust_env=False).json()
    return found


async def backed_up_under_load(stack: Stack, folder: Path, target: Path) -> tuple[Manifest, TimedAcks, Tally, str]:
    acks, tally = TimedAcks(folder / "acknowledged"), Tally()
    try:
        async with writing(stack.port, acks, tally, seed=28, rate=RATE):
            await asyncio.sleep(BEFORE_SECONDS)
            job_id = await asyncio.to_thread(start_import, stack)
            manifest = await asyncio.to_thread(backup.back_up, stack.paths, target)
            await asyncio.sleep(AFTER_SECONDS)
    finally:
        acks.close()
    return manifest, acks, tally, job_id


def test_events_accepted_before_a_backup_are_restored_and_no_others(tmp_path: Path) -> None:
    # Given a stack under load, an import under way in it, and a backup of it
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    target, stack = tmp_path / "backup", Stack(tmp_path / "one")
    try:
        stack.start()
        manifest, acks, tally, job_id = asyncio.run(backed_up_under_load(stack, tmp_path, target))
    finally:
        assert stack.stop() == 0
    moment = datetime.fromisoformat(manifest.moment)
    before = {event_id for event_id, at in acks.accepted.items() if at <= moment}
    after = {event_id for event_id, at in acks.sent.items() if at.timestamp() > moment.timestamp() + 0.01}
    assert len(before) > RATE
    assert len(after) > RATE
    # No request was refused because of it.
    assert tally.violations == []
    assert not tally.answers["503"]

    # When it is restored to another folder and started
    restore.restore(target, tmp_path / "two" / "data")
    restored = Stack(tmp_path / "two")
    try:
        restored.start()
        # Then every event from before is stored once, none from after, and the account and the aggregates are right
        acknowledged = Acks(tmp_path / "acknowledged-before")
        lines = (line for line in acks.path.read_text().splitlines(keepends=True) if line.partition("\t")[0] in before)
        acknowledged.path.write_text("".join(lines))
        acknowledged.close()
        assert wait_until(lambda: job_of(restored, job_id)["status"] == "succeeded", JOB_SECONDS), job_of(restored, job_id)
        assert checks.check(restored, acknowledged).violations == []
        with restored.database() as connection:
            stored = {str(row[0]) for row in connection.execute(" UNION ALL ".join(f"SELECT id FROM {table}" for table in checks.TABLES))}
            assert connection.execute("SELECT count(*) FROM messages WHERE source = 'transcript'").fetchone() == (10_000,)
        assert not stored & after
        # And every transcript can be read again, whether it was archived before the backup or after the restore.
        for number in range(100):
            answer = httpx.get(f"{restored.url}/api/sessions/s-{number}/transcript", timeout=30, trust_env=False)
            assert answer.content == b"".join(transcript_line(number, n) for n in range(100))
        print(f"{len(before)} events from before, {len(after)} from after; {os.stat(target / 'postgres.dump').st_size} bytes of dump")
    finally:
        assert restored.stop() == 0


def test_a_damaged_backup_or_an_occupied_folder_is_refused_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    folder.mkdir()
    with pytest.raises(StartError, match="is no finished backup"):
        restore.restore(folder, tmp_path / "data")
