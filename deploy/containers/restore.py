"""`make compose-restore FROM=<folder>`: makes a compose stack from a backup. Its volumes must be new; existing data is never replaced."""

import tarfile
import tempfile
from pathlib import Path
from typing import IO, Final

from deploy.containers import archive, uploads, wait
from deploy.containers.backup import CONTENTS, UPLOADS
from deploy.containers.compose import ContainersError, as_program, containers, run, say
from deploy.embedded.backups import backup_manifest
from deploy.embedded.backups.backup_manifest import DUMP, JOURNAL, Manifest
from deploy.embedded.supervision.processes import StartError

_HAS_TABLES: Final = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
_RESTORE: Final = ("pg_restore", "--username=postgres", "--exit-on-error", "--single-transaction", "--dbname=tracker")
_EMPTY_FIRST: Final = "back it up, then `docker compose down --volumes`, or restore under another name, COMPOSE_PROJECT_NAME=…"
# Only into an empty volume; sh has no rights there but those of Redis' own user.
_UNPACK_JOURNAL: Final = "[ ! -e /data/appendonlydir ] && umask 077 && tar x -C /data && sync"


def restore(backup: Path) -> Manifest:
    """Returns when the restored stack is ready. ContainersError if there is data already, or the backup is damaged."""
    try:
        manifest = backup_manifest.read(backup)
    except StartError as error:
        raise ContainersError(str(error)) from None
    if running := sorted({one["Service"] for one in containers()}):
        raise ContainersError(f"A backup is restored into a stack that does not run yet, and {', '.join(running)} does: {_EMPTY_FIRST}")
    _restore_rows(backup)
    _restore_journal(backup)
    uploads.unpack(backup / UPLOADS)
    archive.unpack(backup / CONTENTS)
    run("up", "--detach", "--no-build")
    wait.wait()
    return manifest


def _restore_rows(backup: Path) -> None:
    run("up", "--detach", "--no-build", "--no-deps", "--wait", "postgres")
    tables = run("exec", "--no-TTY", "postgres", "psql", "-qAtX", "--username=postgres", f"--command={_HAS_TABLES}", "tracker")
    if tables != "0":
        raise ContainersError(f"The volume of Postgres has data, which a restore never replaces: {_EMPTY_FIRST}")
    with (backup / DUMP).open("rb") as dump:
        run("exec", "--no-TTY", "postgres", *_RESTORE, stdin=dump)
    run("exec", "--no-TTY", "postgres", "vacuumdb", "--username=tracker", "--analyze", "--quiet", "tracker")


def _restore_journal(backup: Path) -> None:
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w") as files:
            files.add(backup / JOURNAL / "appendonlydir", arcname="appendonlydir", filter=_as_nobody)
        packed.seek(0)
        _into_redis(packed)


def _as_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Drops the owner: this machine's users mean nothing in the container."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _into_redis(packed: IO[bytes]) -> None:
    try:
        run("run", "--rm", "--no-deps", "--no-TTY", "--entrypoint", "sh", "redis", "-c", _UNPACK_JOURNAL, stdin=packed)
    except ContainersError as error:
        raise ContainersError(f"The journal was not restored; if its volume has data: {_EMPTY_FIRST}. {error}") from None


def main(arguments: list[str]) -> None:
    """Prints the backup's time."""
    if not arguments or not arguments[0]:
        raise ContainersError("Name the backup: make compose-restore FROM=.tracker.backups/compose-2026-11-25T18-00-00Z")
    manifest = restore(Path(arguments[0]).expanduser().resolve())
    say(f"Restored: everything accepted until {manifest.moment}. It runs on {wait.url()}; look with `./tracker verify --url {wait.url()}`.")


if __name__ == "__main__":
    as_program(main)
