"""One supervised process: started, watched, started again when it dies, and given up when that does not help."""

import contextlib
import shutil
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded.supervision import processes
from deploy.embedded.supervision.processes import Process, StartError

FIRST_DELAY_SECONDS = 0.1
LONGEST_DELAY_SECONDS = 5.0
# Deaths in a row before it was ready; after these, another start does not help. A first start gets fewer tries.
UNREADY_DEATHS = 5
UNREADY_DEATHS_AT_FIRST = 2
# Deaths within a minute, even if it was ready between them.
DEATHS_PER_MINUTE = 30
# One that the others can do without is never given up: it is started again ever more slowly, the more often it died within this time.
SPARE_DEATHS_SECONDS = 600.0
LONGEST_SPARE_DELAY_SECONDS = 60.0
# On a full disk another start would end as the last one did; PostgreSQL needs the most, for its log.
ROOM_BYTES = 32 * 1024 * 1024
ROOM_LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Service:
    """A process as the supervisor needs it. `launch` starts it and returns at once, `is_ready` asks it briefly.

    `folders` are those that it writes to.
    """

    name: str
    launch: Callable[[], Process]
    is_ready: Callable[[], bool]
    log_file: Path
    pid_file: Path
    stop_signal: int
    stop_seconds: float
    folders: tuple[Path, ...] = ()
    # All is stopped when a vital service cannot be kept alive; the others go on without one that is not.
    is_vital: bool = True

    def full_folder(self) -> Path | None:
        """One of its folders whose disk has no room; None if there is room."""
        return next((folder for folder in self.folders if folder.exists() and shutil.disk_usage(folder).free < ROOM_BYTES), None)


@dataclass
class Child:
    """A service and its present process."""

    service: Service
    say: Callable[[str], None]
    process: Process | None = None
    ready: bool = False
    was_ready: bool = False
    restart_at: float | None = None
    unready_deaths: int = 0
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS_PER_MINUTE))

    @property
    def has_started(self) -> bool:
        """True if the start need not wait for it: it is ready, or failed and is not vital."""
        return self.ready or (not self.service.is_vital and bool(self.deaths))

    def launch(self) -> None:
        """Starts the process and notes its pid for a later run, should this one be killed."""
        self.restart_at = None
        self.ready = False
        self.process = self.service.launch()
        # The disk may be full at this moment: the process matters more than its pid file.
        with contextlib.suppress(OSError):
            self.service.pid_file.write_text(f"{self.process.pid} {processes.started_at(self.process.pid)}\n")

    def watch(self) -> float | None:
        """Does what is due. Returns the seconds until the next call, None if there is nothing to wait for."""
        if self.process is not None and self.process.poll() is not None:
            self._on_death(self.process)
        if self.restart_at is not None:
            wait = self.restart_at - time.monotonic()
            if wait > 0:
                return wait
            if self.service.full_folder() is not None:
                return ROOM_LOOK_SECONDS
            self.launch()
        if self.ready or self.process is None:
            return None
        if not self.service.is_ready():
            return 0.05
        if self.was_ready or self.deaths:
            self.say(f"{self.service.name} runs again.")
        self.ready = self.was_ready = True
        self.unready_deaths = 0
        return None

    def ask_to_stop(self) -> None:
        """Asks the process to stop, with its service's stop signal."""
        self.restart_at = None
        if self.process is not None:
            processes.ask(self.process, self.service.stop_signal)

    def finish(self) -> None:
        """Waits until it has stopped, or kills it when it takes too long."""
        if self.process is not None:
            processes.finish(self.process, self.service.stop_seconds)
        self.process = None
        self.service.pid_file.unlink(missing_ok=True)

    def _on_death(self, process: Process) -> None:
        """Handles a death: kills what the process started, and plans the next start."""
        processes.kill_group(process.pid)
        now = time.monotonic()
        code = process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        if (folder := self.service.full_folder()) is not None:
            # The process is not at fault, so this death does not count.
            self.process, self.ready, self.restart_at = None, False, now
            self.say(
                f"{self.service.name} {how}: the disk is full where {folder} lies. It is started again as soon as "
                f"{ROOM_BYTES // 1024**2} MB are free there; nothing that was accepted is lost."
            )
            return
        self.deaths.append(now)
        self.unready_deaths = 0 if self.ready else self.unready_deaths + 1
        self.process, self.ready = None, False
        if not self.service.is_vital:
            recent = sum(at > now - SPARE_DEATHS_SECONDS for at in self.deaths)
            delay = min(LONGEST_SPARE_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** (recent - 1))
            self.restart_at = now + delay
            self.say(
                f"{self.service.name} {how}; all else goes on without it, and it is started again in {delay:.1f} s. Its log: {self.service.log_file}"
            )
            return
        most = UNREADY_DEATHS if self.was_ready else UNREADY_DEATHS_AT_FIRST
        if self.unready_deaths >= most or (len(self.deaths) == DEATHS_PER_MINUTE and now - self.deaths[0] < 60):
            raise StartError(
                f"{self.service.name} {how}, again and again; it is not started any more, so all is stopped. "
                f"The reason is at the end of {self.service.log_file}"
            )
        self.restart_at = now + min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** max(0, self.unready_deaths - 1))
        self.say(f"{self.service.name} {how}; starting it again. Its log: {self.service.log_file}")
