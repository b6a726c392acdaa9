"""`make up`: the whole tracker on one machine, until Ctrl-C."""

import contextlib
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from deploy.embedded import preflight
from deploy.embedded.banner import banner
from deploy.embedded.paths import Paths
from deploy.embedded.servers.flower_login import flower_login
from deploy.embedded.servers.postgres import PostgresServer
from deploy.embedded.servers.redis_server import RedisServer, server_program
from deploy.embedded.settings import Settings, check_every_setting, read_settings
from deploy.embedded.supervision import forks, lock, processes, stack
from deploy.embedded.supervision.processes import StartError
from deploy.embedded.supervision.supervisor import StopRequested, Supervisor, end_leftovers

# The URL by which the services reach a server with this URL here. The fault tests put a proxy in between.
Reach = Callable[[str], str]


def main(reach: Reach = lambda url: url) -> int:
    """Exit code: 0 after a stop that was asked for, 1 with a sentence on stderr if it could not start or go on."""
    try:
        check_every_setting()
        settings = read_settings()
        paths = Paths(settings.data_dir.expanduser().resolve())
        preflight.check_host(settings)
        preflight.make_data_dir(paths)
        lock.take(paths.lock)
        end_leftovers(list(paths.run.glob("*.pid")))
        preflight.check_disk(paths.data_dir)
        return run(settings, paths, reach)
    except StartError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1


def run(settings: Settings, paths: Paths, reach: Reach) -> int:
    """Runs from the start of the first server to the end of the last."""
    started = time.monotonic()
    server_program()
    flower_port = preflight.flower_port(settings)
    login = "" if flower_port is None else flower_login(settings.flower_basic_auth, paths.flower_login)
    address = stack.Address(settings.host, settings.port, preflight.listen(settings))
    database = PostgresServer(paths.postgres, paths.run, paths.log("postgres"))
    redis = RedisServer(paths.redis, paths.run, paths.log("redis"), {"maxmemory": str(settings.redis_max_memory_bytes)})
    env = stack.environment(paths, reach(database.url), reach(redis.url)) | {"TRACKER_CANARY_URL": address.url}
    if flower_port is not None:
        env["TRACKER_FLOWER_URL"] = env.get("TRACKER_FLOWER_URL") or f"http://127.0.0.1:{flower_port}/"
    say = _teller(paths)
    supervisor = Supervisor(say)
    supervisor.install_signals()
    try:
        supervisor.start([stack.server_service("postgres", database, paths), stack.server_service("redis", redis, paths)])
        migration = stack.migration(paths, env)
        forks.load(env)
        if supervisor.run_to_end(migration) != 0:
            raise StartError(f"The database could not be brought to this release's schema. {_last_line(paths.log('migrate'))}")
        access_warning = preflight.check_access(settings.access, database.url)
        supervisor.start([stack.api_service(address, paths, env)])
        supervisor.start(stack.celery_services(paths, env, is_watched=flower_port is not None))
        if flower_port is not None:
            supervisor.start([stack.flower_service(paths, env, flower_port, login)])
        if access_warning is not None:
            say(access_warning)
        say(f"Ready on {address.url}.")
        # Not by `say`, which also writes to a log: this text has a password.
        with contextlib.suppress(OSError):
            print(banner(paths, settings, address.url, flower_port, login, time.monotonic() - started), flush=True)
        supervisor.watch()
    except StopRequested:
        say("Stopping.")
    finally:
        address.listening.close()
        supervisor.stop(stack.STOP_ORDER)
    say("Stopped; nothing is left running.")
    return 0


def _teller(paths: Paths) -> Callable[[str], None]:
    """Says a sentence on the terminal and in the supervisor's log."""
    log_file = paths.log("supervisor")
    processes.keep_log_small(log_file)

    def say(sentence: str) -> None:
        # The terminal may be gone, the disk may be full: no reason to stop.
        with contextlib.suppress(OSError):
            print(sentence, flush=True)
        with contextlib.suppress(OSError), log_file.open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {sentence}\n")

    return say


def _last_line(log_file: Path) -> str:
    """The reason for which a process ended."""
    *_, last = log_file.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    return last


if __name__ == "__main__":
    sys.exit(main())
