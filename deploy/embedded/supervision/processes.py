"""Child processes that die with their parent: how they are started, recognised, signalled and waited for."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

LOG_BYTES_KEPT = 20 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
_NICE = 10


class StartError(Exception):
    """A person has to correct something before the stack can run; the message says what."""


class Process(Protocol):
    """A child, spawned or forked, as subprocess.Popen has it."""

    pid: int

    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int, /) -> None: ...
    def kill(self) -> None: ...


def die_with_parent(parent_pid: int, death_signal: int = signal.SIGKILL) -> None:
    """Asks the kernel to send this process `death_signal` when its parent is gone, even by SIGKILL. Linux only; does nothing elsewhere."""
    _death_signal_setter(parent_pid, death_signal)()


def _death_signal_setter(parent_pid: int, death_signal: int) -> Callable[[], None]:
    """`die_with_parent` with everything that it needs already looked up, because it is called between fork and exec."""
    if sys.platform != "linux":
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def set_death_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        # The parent may have died before the call above.
        if os.getppid() != parent_pid:
            os._exit(1)

    return set_death_signal


def give_way(pid: int) -> None:
    """Lets what a person runs go first: a process, which has a session of its own, gets a tenth of its share of a busy processor.

    Linux shares a processor between sessions, then within each, so both are told.
    """
    os.setpriority(os.PRIO_PROCESS, pid, max(_NICE, os.getpriority(os.PRIO_PROCESS, pid)))
    # It is absent outside Linux, or where groups of processes have their shares set; and the kernel takes ten a second.
    with suppress(OSError):
        Path(f"/proc/{pid}/autogroup").write_text(f"{_NICE}")


def spawn(
    argv: Sequence[str | Path],
    *,
    log_file: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    death_signal: int = signal.SIGKILL,
    pass_fds: Sequence[int] = (),
    user: int | None = None,
    group: int | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a process that writes to `log_file`, in a session of its own so that a terminal's Ctrl-C reaches only the supervisor."""
    set_death_signal = _death_signal_setter(os.getpid(), death_signal)
    keep_log_small(log_file)
    with log_file.open("ab") as log:
        return subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            pass_fds=pass_fds,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            # Runs after the change of user, which would have undone it. It takes no locks, so it may run beside threads.
            preexec_fn=set_death_signal,  # noqa: PLW1509
        )


def keep_log_small(log_file: Path) -> None:
    """Moves a log that has grown large aside, to `<name>.log.1`; an older one of that name is replaced."""
    if log_file.exists() and log_file.stat().st_size > LOG_BYTES_KEPT:
        log_file.replace(log_file.with_name(log_file.name + ".1"))


def wait_until(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    """Asks `condition` every 20 ms until it holds; false if it did not in time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def ask(process: Process, stop_signal: int) -> None:
    """Sends a signal to a process, if it still runs."""
    if process.poll() is None:
        process.send_signal(stop_signal)


def finish(process: Process, timeout_seconds: float) -> int:
    """Waits for a process that was asked to stop and kills it if it takes too long, and its whole group. Returns its exit code."""
    try:
        process.wait(timeout_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    code = process.wait()
    kill_group(process.pid)
    return code


def kill_group(group: int) -> None:
    """SIGKILL to what is left of a process group; nothing if it is empty."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # macOS raises PermissionError for a group of zombies.
        return


def started_at(pid: int) -> str | None:
    """When a process began, as an opaque text; with the pid it names one process for good. None if there is no such process."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in "ZX" else fields[19]
    ps = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return ps.stdout.strip() or None


def working_in(directory: Path) -> list[int]:
    """Pids of all processes whose working directory is `directory`: this tells PostgreSQL's processes from all others. Linux only; empty elsewhere."""
    wanted = str(directory.resolve())
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if _link_target(entry / "cwd") == wanted]


def _link_target(link: Path) -> str | None:
    try:
        return os.readlink(link)
    except OSError:
        # It has ended, or belongs to another user and so is not ours.
        return None
