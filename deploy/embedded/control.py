"""`make down`, `status`, `psql`, `verify`: commands on a stack from outside, found by its data folder."""

import os
import signal
import sys
import time

from deploy.embedded.paths import Paths, make_command
from deploy.embedded.servers.postgres import PostgresServer, bin_dir
from deploy.embedded.servers.redis_server import RedisServer
from deploy.embedded.settings import read_settings
from deploy.embedded.supervision import lock
from deploy.embedded.supervision.processes import StartError, started_at, wait_until
from deploy.embedded.supervision.stack import environment
from shared.quantities import duration

STOP_SECONDS = 90.0


def down(paths: Paths) -> int:
    """Stops the stack and returns when it has stopped. Exit code 0 also if none was running."""
    pid = lock.holder(paths.lock)
    if pid is None:
        print(_not_running(paths))
        return 0
    os.kill(pid, signal.SIGTERM)
    if not wait_until(lambda: lock.holder(paths.lock) is None, STOP_SECONDS):
        raise StartError(f"The tracker (process {pid}) has not stopped after {STOP_SECONDS:.0f} seconds; see {paths.log('supervisor')}.")
    print(f"Stopped the tracker on {paths.data_dir}.")
    return 0


def status(paths: Paths) -> int:
    """Lists the processes and for how long each runs. Exit code 1 if the stack is not running."""
    supervisor = lock.holder(paths.lock)
    if supervisor is None:
        print(_not_running(paths))
        return 1
    print(f"{'supervisor':18} {supervisor:<8} up {duration((time.time() - paths.lock.stat().st_mtime) * 1_000)}")
    for pid_file in sorted(paths.run.glob("*.pid")):
        pid, _, started = pid_file.read_text().strip().partition(" ")
        if started_at(int(pid)) == started:
            # Written when the process was started.
            print(f"{pid_file.stem:18} {pid:<8} up {duration((time.time() - pid_file.stat().st_mtime) * 1_000)}")
        else:
            print(f"{pid_file.stem:18} is being started")
    print(f"Restarts are in {paths.log('supervisor')}.")
    return 0


def psql(paths: Paths) -> int:
    """Becomes psql on the stack's database."""
    _check_running(paths)
    url = PostgresServer(paths.postgres, paths.run, paths.log("postgres")).url
    os.execv(bin_dir() / "psql", ["psql", url, *sys.argv[2:]])  # noqa: S606


def run(paths: Paths) -> int:
    """Becomes `python -m <module>` with the URLs of the stack's servers, or of those that TRACKER_DATABASE_URL names."""
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
        raise StartError(_not_running(paths))


def _not_running(paths: Paths) -> str:
    up = make_command("up", paths.data_dir)
    return f"No tracker is running on {paths.data_dir}; start it with `{up}`, or name its folder with TRACKER_DATA_DIR=…"


COMMANDS = {"down": down, "status": status, "psql": psql, "run": run}


if __name__ == "__main__":
    try:
        exit_code = COMMANDS[sys.argv[1]](Paths(read_settings().data_dir.expanduser().resolve()))
        sys.stdout.flush()
    except StartError as error:
        sys.exit(str(error))
    except BrokenPipeError:
        # A reader such as `head` has seen enough. Python would write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    sys.exit(exit_code)
