"""Whether the process lives that Claude Code wrote down: by its id, and by when it started, since ids are used again."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

# `ps` is a process of its own, where there is no /proc.
_PS_EVERY_SECONDS: Final = 10.0
_PS_SECONDS: Final = 2.0
# Places in /proc/<pid>/stat, counted behind the name, which may hold spaces and parentheses.
_STATE, _START = 0, 19
_MOST_PID: Final = 2**31 - 1

_by_ps: dict[int, tuple[float, str | None]] = {}


def is_alive(pid: int, started: str | None) -> bool:
    """`started` as Claude Code has it: the clock ticks of /proc on Linux, the time that `ps` shows elsewhere; None if it is not known."""
    if not 1 < pid <= _MOST_PID or not _has_process(pid):
        return False
    if sys.platform == "linux":
        found = _of_proc(pid)
        return found is not None and (started is None or found == started)
    if os.name == "nt" or started is None:
        return True
    shown = _of_ps(pid)
    return shown is None or shown == started


def process_domain() -> str | None:
    """Which processes an id counts among, as Claude Code writes it: a container has ids of its own. None where it is not known."""
    if sys.platform != "linux":
        return None
    try:
        machine = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine = ""
    try:
        return f"linux:{machine}:{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return None


def _has_process(pid: int) -> bool:
    if os.name == "nt":
        # There os.kill would end it.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _of_proc(pid: int) -> str | None:
    """When it started, in clock ticks since the machine did. None if it has ended, also if nobody has asked for its exit code yet."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[_STATE] in "ZX" else fields[_START]
    except (OSError, IndexError):
        return None


def _of_ps(pid: int) -> str | None:
    now = time.monotonic()
    at, shown = _by_ps.get(pid, (float("-inf"), None))
    if now - at < _PS_EVERY_SECONDS:
        return shown
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    try:
        command = ["ps", "-o", "lstart=", "-p", str(pid)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_PS_SECONDS, check=False)
        shown = ended.stdout.strip() or None
    except (OSError, subprocess.TimeoutExpired):
        shown = None
    if len(_by_ps) > 1_000:
        _by_ps.clear()
    _by_ps[pid] = now, shown
    return shown
