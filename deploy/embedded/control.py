"""`make down`, `status`, `psql`, `verify`: what is done to a stack from outside, by its data folder."""

import os
import signal
import sys

from deploy.embedded.paths import Paths, make_command
from deploy.embedded.servers.postgres import PostgresServer, bin_dir
from deploy.embedded.servers.redis_server import RedisServer
from deploy.embedded.settings import read_settings
from deploy.embedded.supervision import lock
from deploy.embedded.supervision.processes import StartError, started_at, wait_until
from deploy.embedded.supervision.stack import environment

STOP_SECONDS = 90.0


def down(paths: Paths) -> int:
    """Stops the stack and returns when it has stopped. Exit code 0 also if none was running."""
    pid = lock.holder(paths.lock)
    if pid is None:
        print(f"No tracker is running on {paths.data_dir}.")
        return 0
    os.kill(pid, signal.SIGTERM)
    if not wait_until(lambda: lock.holder(paths.lock) is None, STOP_SECONDS):
        raise StartError(f"The tracker (process {pid}) has not stopped after {STOP_SECONDS:.0f} seconds; see {paths.log('supervisor')}.")
    print(f"Stopped the tracker on {paths.data_dir}.")
    return 0


def status(paths: Paths) -> int:
    """Lists the processes. Exit code 1 if the stack is not running."""
    supervisor = lock.holder(paths.lock)
    if supervisor is None:
        print(f"No tracker is running on {paths.data_dir}.")
        return 1
    print(f"{'supervisor':18} {supervisor}")
    for pid_file in sorted(paths.run.glob("*.pid")):
        pid, _, started = pid_file.read_text().strip().partition(" ")
        print(f"{pid_file.stem:18} {pid if started_at(int(pid)) == started else 'is being started'}")
    return 0


def psql(paths: Paths) -> int:
    """Becomes psql on the stack's database."""
    _check_running(paths)
    url = PostgresServer(paths.postgres, paths.run, paths.log("postgres")).url
    os.execv(bin_dir() / "psql", ["psql", url, *sys.argv[2:]])  # noqa: S606


def run(paths: Paths) -> int:
    """Becomes `python -m <module>` that finds the stack's servers; those that TRACKER_DATABASE_URL names, if it is set."""
    env = dict(os.environ)
    if "TRACKER_DATABASE_URL" not in env:
        _check_running(paths)
        database, redis = (
            PostgresServer(paths.postgres, paths.run, paths.log("postgres")),
            RedisServer(paths.redis, paths.run, paths.log("redis")),
        )
        env = environment(paths, database.url, redis.url)
    os.execve(sys.executable, [sys.executable, "-m", *sys.argv[2:]], env)  # noqa: S606


def _check_running(paths: Paths) -> None:
    if lock.holder(paths.lock) is None:
        raise StartError(f"No tracker is running on {paths.data_dir}; start it with `{make_command('up', paths.data_dir)}`.")


COMMANDS = {"down": down, "status": status, "psql": psql, "run": run}


if __name__ == "__main__":
    try:
        sys.exit(COMMANDS[sys.argv[1]](Paths(read_settings().data_dir.expanduser().resolve())))
    except StartError as error:
        sys.exit(str(error))
