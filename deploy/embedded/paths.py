"""Where everything lies in the data folder."""

import shlex
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def make_command(target: str, data_dir: Path) -> str:
    """What a message tells a person to type: `make up`, with TRACKER_DATA_DIR where that is not the default."""
    folder = data_dir.expanduser().resolve()
    if folder == REPOSITORY / ".tracker":
        return f"make {target}"
    named = folder.relative_to(REPOSITORY) if folder.is_relative_to(REPOSITORY) else folder
    return f"make {target} TRACKER_DATA_DIR={shlex.quote(str(named))}"


@dataclass(frozen=True)
class Paths:
    """The data folder, absolute, and its parts."""

    data_dir: Path

    @property
    def postgres(self) -> Path:
        """PostgreSQL's cluster."""
        return self.data_dir / "postgres"

    @property
    def redis(self) -> Path:
        """Redis' append-only file: the journal and the queues."""
        return self.data_dir / "redis"

    @property
    def blobs(self) -> Path:
        """Uploaded files."""
        return self.data_dir / "blobs"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.data_dir / "logs"

    @property
    def run(self) -> Path:
        """Sockets, pid files, the lock; nothing here outlives a run."""
        return self.data_dir / "run"

    @property
    def lock(self) -> Path:
        """Held by the supervisor; its content is his pid."""
        return self.run / "lock"

    @property
    def flower_login(self) -> Path:
        """Who may look at Flower: `name:password`."""
        return self.data_dir / "flower-login"

    def log(self, process: str) -> Path:
        """A process' log."""
        return self.logs / f"{process}.log"

    def pid(self, process: str) -> Path:
        """A process' pid file."""
        return self.run / f"{process}.pid"

    def ready(self, process: str) -> Path:
        """There when the process has said that it is ready."""
        return self.run / f"{process}.ready"

    def make(self) -> None:
        """Makes the folders, for nobody but their owner."""
        for folder in (self.data_dir, self.redis, self.blobs, self.logs, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
