"""The paths in the data folder."""

import shlex
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def make_command(target: str, data_dir: Path) -> str:
    """The command that a message shows: `make up`, with TRACKER_DATA_DIR where that is not the default."""
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
    def archive(self) -> Path:
        """Transcripts."""
        return self.data_dir / "archive"

    @property
    def search(self) -> Path:
        """The index of sessions, which is made of PostgreSQL's rows: no backup has it."""
        return self.data_dir / "search"

    @property
    def logs(self) -> Path:
        """One log for each process."""
        return self.data_dir / "logs"

    @property
    def run(self) -> Path:
        """Sockets, pid files, the lock; nothing here outlives a run."""
        return self.data_dir / "run"

    @property
    def lock(self) -> Path:
        """Held by the supervisor; its content is the supervisor's pid."""
        return self.run / "lock"

    @property
    def flower_login(self) -> Path:
        """The login of Flower: `name:password`."""
        return self.data_dir / "flower-login"

    def log(self, process: str) -> Path:
        """A process' log."""
        return self.logs / f"{process}.log"

    def pid(self, process: str) -> Path:
        """A process' pid file."""
        return self.run / f"{process}.pid"

    def ready(self, process: str) -> Path:
        """Exists once the process has reported that it is ready."""
        return self.run / f"{process}.ready"

    def make(self) -> None:
        """Makes the folders, readable by their owner only."""
        for folder in (self.data_dir, self.redis, self.blobs, self.archive, self.logs, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
