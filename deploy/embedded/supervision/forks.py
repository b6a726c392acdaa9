"""`python -m <module>` by a fork of the supervisor, so that all processes share the memory of the code that it has loaded.

CPython writes to an object's memory when it only looks at it, so a page that a process uses becomes its own. Most pages of loaded code are never used
again. `gc.freeze` keeps the garbage collector from touching them (docs/adr/0074-services-are-forks-of-the-supervisor.md).
"""

import ctypes
import gc
import os
import runpy
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final, NoReturn

from deploy.embedded.supervision import processes
from deploy.embedded.supervision.processes import Process

# Modules that several services load. Code of the API alone stays out: it would be in memory twice, as loaded here and as used there.
_CODE: Final = (
    "services.worker.tasks",
    "services.worker.pool_size",
    "services.worker.sweep.scheduler",
    "shared.http.middleware",
    # Modules that these find by name when they run.
    "billiard.popen_fork",
    "billiard.sharedctypes",
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.events",
    "celery.app.log",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.backends.base",
    "celery.bin.beat",
    "celery.bin.worker",
    "celery.concurrency.prefork",
    "celery.events",
    "celery.worker.consumer",
    "celery.worker.consumer.delayed_delivery",
    "celery.worker.strategy",
    # Modules of billiard, in each process of a pool.
    "cffi.cparser",
    "sqlalchemy.dialects.postgresql",
)
_M_ARENA_MAX: Final = -8
_PR_SET_NAME: Final = 15


class Fork:
    """A forked child."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, minus the signal that killed it; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. subprocess.TimeoutExpired if it still runs after `timeout` seconds."""
        if not processes.wait_until(lambda: self.poll() is not None, float("inf") if timeout is None else timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, sig: int, /) -> None:
        """Nothing if it has ended: its pid may be another's by now."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


def load(env: Mapping[str, str]) -> None:
    """Loads the code of all services, as they will see `env`. Connects to nothing and starts no thread. Does nothing but on Linux."""
    if sys.platform != "linux":
        # A fork without exec is not safe beside macOS' own libraries.
        return
    os.environ.update(env)
    # MALLOC_ARENA_MAX is read at an exec only.
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
    for module in _CODE:
        import_module(module)
    # Not loaded on macOS.
    from shared.redaction.redacted_structs import warm_up  # noqa: PLC0415

    # Each process that compiled the rules of redaction for itself took 0.1 s and 9 MB for them.
    warm_up()
    gc.collect()
    gc.freeze()


def start(
    module: str,
    arguments: Sequence[str],
    *,
    name: str,
    log_file: Path,
    env: Mapping[str, str],
    cwd: Path,
    pass_fds: Sequence[int] = (),
    gives_way: bool = False,
) -> Process:
    """Starts `python -m module arguments` in a session of its own, which dies with this process, and writes to `log_file`.

    `gives_way`: at a low priority (processes.give_way).
    """
    if sys.platform != "linux":
        spawned = processes.spawn([sys.executable, "-m", module, *arguments], log_file=log_file, env=env, cwd=cwd, pass_fds=pass_fds)
        if gives_way:
            processes.give_way(spawned.pid)
        return spawned
    processes.keep_log_small(log_file)
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # A signal that came before the child has its own handlers would run the supervisor's.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _leave_supervisor(parent, log_file, pass_fds)
            if gives_way:
                processes.give_way(os.getpid())
            ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.chdir(cwd)
            os.environ.clear()
            os.environ.update(env)
            sys.argv = [module, *arguments]
            code = _run(module)
        finally:
            _end(code)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return Fork(pid)


def _leave_supervisor(parent: int, log_file: Path, pass_fds: Sequence[int]) -> None:
    """In the child: gives up the parent's session, signal handlers and open files."""
    os.setsid()
    processes.die_with_parent(parent)
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), 1)
    os.dup2(1, 2)
    for first, last in zip((2, *sorted(pass_fds)), (*sorted(pass_fds), os.sysconf("SC_OPEN_MAX")), strict=True):
        os.closerange(first + 1, last)
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115


def _run(module: str) -> int:
    """The exit code of the module."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001, as the interpreter itself ends by
        traceback.print_exc()
        return 1
    return 0


def _end(code: int) -> NoReturn:
    """Ends the child without going back into the supervisor's code."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
