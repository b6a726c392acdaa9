"""The moment of a backup: Redis takes no writes, its append-only file gets second names, and Postgres exports a snapshot.

As deploy/embedded/backups/frozen_journal.py does it, but from outside of the containers: both ends of each conversation are opened before, so that
what lies between the pause and its end is two lines there and back.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final

from deploy.containers.compose import ContainersError, start

# Less than ingest waits for Redis, so that no write is refused for it (REDIS_SECONDS in services/ingest/http/queue_errors.py).
PAUSE_SECONDS: Final = 0.6
ATTEMPTS: Final = 5
# In Redis' volume: files that a rewrite removes stay for as long as they have a name here.
LINKS: Final = "/data/backup-links"

# Reads `fix` and `go` in turn; `go` ends the pause. What is fixed is listed as "bytes name", and after it a line with a dot.
_KEEPER: Final = f"""
ask() {{ redis-cli --user admin --no-auth-warning "$@" > /dev/null; }}
trap 'ask client unpause; rm -rf {LINKS}' EXIT
while read -r word; do
    case $word in
        fix)
            rm -rf {LINKS} && mkdir -m 700 {LINKS} && ask client pause {int(PAUSE_SECONDS * 1000)} write
            ln /data/appendonlydir/* {LINKS}/ 2> /dev/null
            cd {LINKS} && for file in *; do echo "$(stat -c %s "$file") $file"; done; echo . ;;
        go) ask client unpause; echo . ;;
    esac
done
"""
_SNAPSHOT: Final = "ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot() || ' ' || max(version_num) FROM alembic_version;"


@dataclass(frozen=True)
class Moment:
    """`journal`: {name below LINKS: its first so many bytes}. `snapshot` is Postgres' name of the moment, `schema` its version."""

    at: datetime
    journal: dict[str, int]
    snapshot: str
    schema: str


@contextmanager
def moment() -> Iterator[Moment]:
    """The snapshot and the links stay inside. The pause is over when it begins.

    If both took longer than Redis was held, again; the last try is sound too, only not exact: what was accepted and stored meanwhile is in
    the dump, and not counted as accepted in the journal's copy.
    """
    with (
        _talk("redis", "sh", "-c", _KEEPER) as redis,
        _talk("postgres", "psql", "-qAtX", "--username=tracker", "--set=ON_ERROR_STOP=1", "tracker") as rows,
    ):
        _ask(rows, "SET client_min_messages = error; SET idle_in_transaction_session_timeout = 0; SELECT 'here';")
        yield _fix(redis, rows)


def _fix(redis: "subprocess.Popen[bytes]", rows: "subprocess.Popen[bytes]") -> Moment:
    for _ in range(ATTEMPTS):
        _tell(redis, "fix")
        until = time.monotonic() + PAUSE_SECONDS
        journal = {name: int(size) for size, _, name in (line.partition(" ") for line in _lines_to_dot(redis))}
        at = datetime.now(UTC)
        snapshot, schema = _ask(rows, _SNAPSHOT).split()
        is_exact = time.monotonic() < until
        _tell(redis, "go")
        _lines_to_dot(redis)
        if is_exact:
            break
    if "appendonly.aof.manifest" not in journal:
        raise ContainersError("Redis has no append-only file in /data, so there is no journal to copy; is it the stack's own Redis?")
    return Moment(at, journal, snapshot, schema)


@contextmanager
def _talk(service: str, *program: str) -> Iterator["subprocess.Popen[bytes]"]:
    talk = start("exec", "--no-TTY", service, *program)
    try:
        yield talk
    finally:
        _end(talk.stdin).close()
        talk.wait()


def _tell(talk: "subprocess.Popen[bytes]", line: str) -> None:
    try:
        _end(talk.stdin).write(line.encode() + b"\n")
        _end(talk.stdin).flush()
    except BrokenPipeError:
        raise ContainersError("The backup was given up, since Redis or Postgres is not there any more; try again.") from None


def _ask(talk: "subprocess.Popen[bytes]", line: str) -> str:
    _tell(talk, line)
    return _line(talk)


def _lines_to_dot(talk: "subprocess.Popen[bytes]") -> list[str]:
    return list(iter(lambda: _line(talk), "."))


def _line(talk: "subprocess.Popen[bytes]") -> str:
    line = _end(talk.stdout).readline().decode().strip()
    if not line:
        raise ContainersError("The backup was given up, since Redis or Postgres did not answer; see `make logs`, and try again.")
    return line


def _end(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ContainersError("This conversation has no such end.")
    return pipe
