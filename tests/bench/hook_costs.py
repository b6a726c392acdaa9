"""`python -m tests.bench.hook_costs`: what capture costs the person: a hook beside a shell that does nothing, the shipper's CPU and memory.

tests/real_client/measure.py shows what it costs a session of the real Claude Code.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from client.connect.own_files import HOOK_SCRIPT
from tests.bench.report import machine, percentile, table
from tests.flow.client.claude_home import ClaudeHome, turn
from tests.unit.client.capture.capture_server import capture_server

CALLS = 200
EVENTS = 30
SHELLS = (["dash"], ["bash", "--posix"], ["busybox", "ash"])
ROOT = Path(__file__).parents[2]


def main() -> int:
    """Prints the tables."""
    print(f"{machine()}.\n")
    print(table(("a hook, ms: median (p95)", "sh -c :", "a shipper runs", "none runs", "100 KB", "spool full"), list(_hooks())))
    print("\n" + table(("the shipper", ""), list(_shipper())))
    return 0


def _hooks() -> Iterator[Sequence[str]]:
    named = {"session_id": "s", "hook_event_name": "PostToolUse", "tool_input": {"command": "x" * 300}}
    small, large = json.dumps(named).encode(), json.dumps(named | {"tool_response": "x" * 100_000}).encode()
    for shell in (shell for shell in SHELLS if shutil.which(shell[0])):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            shutil.copy(HOOK_SCRIPT, folder / "hook.sh")
            (folder / "ship").write_text("#!/bin/sh\nexec sleep 30\n")
            (folder / "ship").chmod(0o755)
            hook = [*shell, str(folder / "hook.sh")]
            nothing = _called([*shell, "-c", ":"], small)
            _pretend_to_ship(folder)
            runs, big = _called(hook, small), _called(hook, large)
            (folder / "shipper.pid").unlink()
            starts = _called(hook, small)
            (folder / "full").touch()
            yield (shell[0], nothing, runs, starts, big, _called(hook, small))
            subprocess.run(["kill", (folder / "starting.pid").read_text().strip()], check=False)


def _pretend_to_ship(folder: Path) -> None:
    path = folder / "shipper.pid"
    path.write_text(f"{os.getpid()}\n")
    os.utime(path, (time.time() + 3600, time.time() + 3600))


def _called(command: list[str], payload: bytes) -> str:
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        subprocess.run(command, input=payload, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - began) * 1000)
    return f"{statistics.median(times):.2f} ({percentile(times, 0.95):.2f})"


def _shipper() -> Iterator[Sequence[str]]:
    with tempfile.TemporaryDirectory() as temporary, capture_server() as server:
        home = ClaudeHome(Path(temporary))
        transcript = home.transcript(1)
        environment = {"PATH": os.environ["PATH"], "HOME": temporary, "TRACKER_URL": server.url, "PYTHONPATH": str(ROOT)}
        began = time.perf_counter()
        running = subprocess.Popen([sys.executable, "-P", "-m", "client", "ship", "--forever"], env=environment, stdin=subprocess.DEVNULL)
        try:
            while not server.reports:
                time.sleep(0.002)
            yield "start, to the first report", f"{time.perf_counter() - began:.2f} s"
            # The rules of redaction are compiled with the first secret that may be one.
            _act(home, transcript, 5)
            before, began = _cpu_seconds(running.pid), time.perf_counter()
            _act(home, transcript, EVENTS)
            share = (_cpu_seconds(running.pid) - before) / (time.perf_counter() - began)
            yield "while a session does something each second", f"{share:.2%} of a core"
            before = _cpu_seconds(running.pid)
            time.sleep(20)
            yield "while nothing happens", f"{(_cpu_seconds(running.pid) - before) / 20:.2%} of a core"
            yield (
                "memory, and at most",
                f"{_kilobytes(running.pid, 'VmRSS') / 1024:.0f} MB, {_kilobytes(running.pid, 'VmHWM') / 1024:.0f} MB",
            )
        finally:
            running.terminate()
            running.wait()


def _act(home: ClaudeHome, transcript: Path, seconds: int) -> None:
    """A hook and a line each second."""
    rows = [row for _ in range(seconds) for row in turn(transcript.stem)][:seconds]
    spool = home.path / ".claude-tracker/spool"
    spool.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(rows):
        with transcript.open("a") as file:
            file.write(json.dumps(row) + "\n")
        named = {"session_id": transcript.stem, "transcript_path": str(transcript), "hook_event_name": "Stop", "cwd": "/home/ann/shop"}
        (spool / f"1-{number}").write_text(json.dumps(named))
        time.sleep(1)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kilobytes(pid: int, name: str) -> int:
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))


if __name__ == "__main__":
    raise SystemExit(main())
