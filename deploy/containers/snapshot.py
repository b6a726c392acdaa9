"""The consistent moment of a backup: Redis pauses writes, its append-only files get hard links, and Postgres exports a snapshot.

The same as deploy/embedded/backups/journal_files.py, from outside the containers. Both programs are started before the pause, so that the pause
lasts only for two lines to each of them.
"""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final

from deploy.containers.compose import ContainersError, start
from deploy.embedded.backups.backup_manifest import KEEP_GARBAGE

# Less than ingest waits for Redis, so that no write is refused for it (REDIS_SECONDS in services/ingest/http/queue_errors.py).
PAUSE_SECONDS: Final = 0.6
ATTEMPTS: Final = 5
# In Redis' volume: files that a rewrite removes stay for as long as they have a name here.
LINKS: Final = "/data/backup-links"

# Reads `fix` and `go`; `go` ends the pause. Lists the linked files as "bytes name", then a line with a dot.
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
# Held as long as the conversation: no content of the archive is deleted before it is copied. A DO prints nothing.
_KEEP_GARBAGE: Final = f"DO $$ BEGIN {KEEP_GARBAGE.replace('SELECT', 'PERFORM')}; END $$;"
_SNAPSHOT: Final = "ROLLBACK; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT pg_export_snapshot() || ' ' || max(version_num) FROM alembic_version;"


@dataclass(frozen=True)
class Snapshot:
    """`journal`: {name below LINKS: number of bytes that count}. `snapshot` is Postgres' snapshot id, `schema` the migration's version."""

    at: datetime
    journal: dict[str, int]
    snapshot: str
    schema: str


@contextmanager
def take_snapshot() -> Iterator[Snapshot]:
    """Snapshot and links exist inside the `with`; the pause is over when it begins.

    Tries again if both took longer than Redis was paused. The last try is sound too, but not exact: events that were accepted and stored
    meanwhile are in the dump, and the journal's copy does not count them as accepted.
    """
    with (
        _conversation("redis", "sh", "-c", _KEEPER) as redis,
        _conversation("postgres", "psql", "-qAtX", "--username=tracker", "--set=ON_ERROR_STOP=1", "tracker") as rows,
    ):
        _send_line(rows, _KEEP_GARBAGE)
        _send_and_read(rows, "SET client_min_messages = error; SET idle_in_transaction_session_timeout = 0; SELECT 'here';")
        yield _freeze(redis, rows)


def _freeze(redis: "subprocess.Popen[bytes]", rows: "subprocess.Popen[bytes]") -> Snapshot:
    for _ in range(ATTEMPTS):
        _send_line(redis, "fix")
        until = time.monotonic() + PAUSE_SECONDS
        journal = {name: int(size) for size, _, name in (line.partition(" ") for line in _lines_to_dot(redis))}
        at = datetime.now(UTC)
        snapshot, schema = _send_and_read(rows, _SNAPSHOT).split()
        is_exact = time.monotonic() < until
        _send_line(redis, "go")
        _lines_to_dot(redis)
        if is_exact:
            break
    if "appendonly.aof.manifest" not in journal:
        raise ContainersError(
            "Redis has no append-only file in /data, so there is no journal to copy. Check that it is the stack's own Redis."
        )
    return Snapshot(at, journal, snapshot, schema)


@contextmanager
def _conversation(service: str, *program: str) -> Iterator["subprocess.Popen[bytes]"]:
    talk = start("exec", "--no-TTY", service, *program)
    try:
        yield talk
    finally:
        _end(talk.stdin).close()
        talk.wait()


def _send_line(talk: "subprocess.Popen[bytes]", line: str) -> None:
    try:
        _end(talk.stdin).write(line.encode() + b"\n")
        _end(talk.stdin).flush()
    except BrokenPipeError:
        raise ContainersError("The backup was given up because Redis or Postgres stopped; try again.") from None


def _send_and_read(talk: "subprocess.Popen[bytes]", line: str) -> str:
    _send_line(talk, line)
    return _line(talk)


def _lines_to_dot(talk: "subprocess.Popen[bytes]") -> list[str]:
    return list(iter(lambda: _line(talk), "."))


def _line(talk: "subprocess.Popen[bytes]") -> str:
    line = _end(talk.stdout).readline().decode().strip()
    if not line:
        raise ContainersError("The backup was given up because Redis or Postgres did not answer; see `make logs`, and try again.")
    return line


def _end(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ContainersError("The program was started without this pipe.")
    return pipe
