"""The shared part of our two servers: starts, awaits, stops and cleans up a process on a data folder."""

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from deploy.embedded.supervision import processes
from deploy.embedded.supervision.processes import StartError

READY_SECONDS = 60.0


class OwnServer(ABC):
    """One server on `data_dir`, its output in `log_file`."""

    product: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    stop_seconds: ClassVar[float]

    def __init__(self, data_dir: Path, log_file: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.log_file = log_file
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def launch(self) -> "subprocess.Popen[bytes]":
        """Starts the server without waiting for it; kills what a crashed run left of it first."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it does its work."""

    @property
    def pid(self) -> int:
        """The pid of its first process."""
        if self.process is None:
            raise RuntimeError("the server has not been started")
        return self.process.pid

    def start(self) -> None:
        """Starts the server and returns when it answers. StartError if it does not."""
        self.launch()
        if not processes.wait_until(lambda: self.is_ready() or not self.is_running(), READY_SECONDS) or not self.is_running():
            self.kill()
            raise StartError(f"{self.product} did not start; its reason is at the end of {self.log_file}.")

    def is_running(self) -> bool:
        """Whether its first process is alive."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Clean shutdown: loses no answered write and leaves no process."""
        if self.process is not None:
            processes.ask(self.process, self.stop_signal)
            processes.finish(self.process, self.stop_seconds)
        self.kill_leftovers()

    def kill(self) -> None:
        """SIGKILL to every process of the server, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.kill_leftovers()

    def kill_leftovers(self) -> None:
        """Ends the processes that still work in the data folder. Two servers on the same files would destroy them."""
        for pid in processes.working_in(self.data_dir):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not processes.wait_until(lambda: not processes.working_in(self.data_dir), self.stop_seconds):
            raise StartError(f"Processes that use {self.data_dir} cannot be killed; see: fuser -v {self.data_dir}")
