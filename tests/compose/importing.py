"""A history of many sessions is imported while its worker dies: every row of it once."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx

from deploy.containers import compose
from tests.bench.import_archive import samples
from tests.compose.stack import Composed
from tests.faults.clients.transcripts import TURNS, transcripts
from tests.faults.pace import wait_until

SESSIONS = 20
JOB_SECONDS = 180.0


def import_archive(stack: Composed) -> str:
    """An archive of transcripts, through the gateway; its worker is killed as soon as it works on it."""
    since = time.monotonic()
    answer = httpx.post(
        f"{stack.url}/api/import/claude-data",
        files={"file": ("claude.tar", _archive())},
        headers={"Prefer": "respond-async"},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["job_id"]
    assert wait_until(lambda: _job(stack, job_id)["status"] != "queued", JOB_SECONDS), _job(stack, job_id)
    os.kill(stack.inspect(stack.ids("worker-import")[0])["State"]["Pid"], signal.SIGKILL)
    assert wait_until(lambda: _job(stack, job_id)["status"] not in ("queued", "running"), JOB_SECONDS), _job(stack, job_id)
    job = _job(stack, job_id)
    assert job["status"] == "succeeded" and job["errors_total"] == 0, job
    with stack.database() as connection:
        [found] = connection.execute("SELECT count(*), count(DISTINCT id) FROM messages WHERE source = 'transcript'").fetchall()
        [(calls,)] = connection.execute("SELECT count(*) FROM tool_calls WHERE brought_by IS NOT NULL").fetchall()
    # A prompt and an answer a turn, and what the answer's command gave belongs to the call.
    assert found == (2 * TURNS * SESSIONS, 2 * TURNS * SESSIONS) and calls == TURNS * SESSIONS, (found, calls)
    seen = f"{found[0]:,} messages, {calls:,} tool calls once each in {time.monotonic() - since:.1f} s, its worker killed meanwhile"
    return f"{seen}; {_import_samples(stack)}"


def _archive() -> bytes:
    packed, files = io.BytesIO(), transcripts("compose")
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for number in range(SESSIONS):
            content = next(files)
            member = tarfile.TarInfo(f"projects/p/session-{number}.jsonl")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _job(stack: Composed, job_id: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = httpx.get(f"{stack.url}/api/import/jobs/{job_id}", timeout=30, trust_env=False).json()
    except httpx.TransportError:
        return {"status": "queued"}
    return found if "status" in found else {"status": "queued"} | found


def _import_samples(stack: Composed) -> str:
    """Real histories, if TRACKER_SAMPLES names some, with `tracker import`."""
    found = samples()
    if not found:
        return "no samples here"
    since, folder = time.monotonic(), _smallest(found)
    command = [sys.executable, "-P", "-m", "client", "import", "--quiet", "--url", stack.url, str(folder)]
    environment = os.environ | {"PYTHONPATH": str(compose.REPOSITORY)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=JOB_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return f"samples of {folder.parent.name} in {time.monotonic() - since:.1f} s"


def _smallest(found: list[Path]) -> Path:
    """The set with the fewest bytes; what a set gives in numbers is tested elsewhere (tests/flow/imports/test_transcripts.py)."""
    sets: dict[Path, int] = {}
    for path in found:
        folder = next(parent for parent in path.parents if parent.name == "projects")
        sets[folder] = sets.get(folder, 0) + path.stat().st_size
    return min(sets, key=lambda folder: sets[folder])
