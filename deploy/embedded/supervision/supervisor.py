"""Starts services in order, keeps them alive, and stops them in order when a signal says so.

One thread, no polling while all is well: signals (a child's death among them) wake it through a pipe.
"""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from deploy.embedded.supervision import processes
from deploy.embedded.supervision.child import Child, Service
from deploy.embedded.supervision.processes import StartError

START_SECONDS = 120.0


class StopRequested(Exception):
    """A signal asked the supervisor to stop."""


class Supervisor:
    """The children and their supervision."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._children: list[Child] = []
        self._stop_signals = 0
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)

    def install_signals(self) -> None:
        """From now on SIGINT, SIGTERM and SIGHUP stop the stack; `nohup` keeps its meaning."""
        signal.set_wakeup_fd(self._wake_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, self._on_stop_signal)
        signal.signal(signal.SIGTERM, self._on_stop_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._on_stop_signal)

    def start(self, services: Sequence[Service]) -> None:
        """Starts services side by side and returns when all are ready; of those that are not vital, when they are ready or have failed.

        StopRequested if a signal came first.
        """
        started = [Child(service, self._say) for service in services]
        for child in started:
            self._children.append(child)
            child.launch()
        self._watch_until(lambda: all(child.has_started for child in started), START_SECONDS)
        if late := [child.service for child in started if child.service.is_vital and not child.ready]:
            raise StartError(f"{late[0].name} is not ready after {START_SECONDS:.0f} seconds; its log: {late[0].log_file}")

    def run_to_end(self, process: subprocess.Popen[bytes]) -> int:
        """Waits for a process that does one thing and ends, however long it takes, while the others are watched. Returns its exit code."""
        try:
            self._watch_until(lambda: process.poll() is not None, float("inf"))
        finally:
            processes.ask(process, signal.SIGTERM)
            processes.finish(process, 5)
        return process.returncode

    def watch(self) -> None:
        """Keeps everything alive; ends only by StopRequested, or by StartError if a child cannot be kept alive."""
        self._watch_until(lambda: False, float("inf"))

    def stop(self, order: Sequence[Sequence[str]]) -> None:
        """Stops the named children, group after group. A second signal meanwhile kills them all: what was accepted is on the disk."""
        for names in order:
            group = [child for child in self._children if child.service.name in names]
            for child in group:
                child.ask_to_stop()
            for child in group:
                child.finish()
        self._children.clear()

    def _watch_until(self, condition: Callable[[], bool], timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        while not self._stop_signals:
            waits = [wait for child in self._children if (wait := child.watch()) is not None]
            if condition():
                return
            left = deadline - time.monotonic()
            if left <= 0:
                return
            self._sleep(min([left, *waits]))
        raise StopRequested

    def _sleep(self, seconds: float) -> None:
        """Waits for a signal, or for so long."""
        self._wake_reader.settimeout(None if seconds == float("inf") else seconds)
        try:
            self._wake_reader.recv(1024)
        except TimeoutError:
            return

    def _on_stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop_signals += 1
        if self._stop_signals > 1:
            for child in self._children:
                if child.process is not None:
                    child.process.kill()


def end_leftovers(pid_files: Sequence[Path]) -> None:
    """Kills what a crashed run left behind. Another process may have the pid by now, so the pid and the start time identify ours."""
    for pid_file in pid_files:
        text, _, started = pid_file.read_text(encoding="ascii", errors="replace").strip().partition(" ")
        if text.isdigit() and started:
            _end_if_still(int(text), started)
        pid_file.unlink()


def _end_if_still(pid: int, started: str) -> None:
    if processes.started_at(pid) == started:
        processes.kill_group(pid)
        processes.wait_until(lambda: processes.started_at(pid) != started, 5)
