"""`make compose-backup`: a consistent copy of the running containers' data, without stopping them.

First the journal, then the rows, both of the same moment, as deploy/embedded/backups/backup.py does it (docs/adr/0017-a-backup-is-a-consistent-snapshot.md).
A folder of the same make, with a list of checksums at its end; uploads are one tar, the archive's contents another.
"""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.containers import archive, snapshot, uploads
from deploy.containers.compose import REPOSITORY, ContainersError, as_program, containers, run, save, say
from deploy.embedded.backups import backup_manifest
from deploy.embedded.backups.backup_manifest import ARCHIVE, BLOBS, DUMP, FORMAT, JOURNAL, ROLES, Manifest

UPLOADS: Final = f"{BLOBS}.tar"
CONTENTS: Final = f"{ARCHIVE}.tar"
_NEEDED: Final = ("postgres", "redis", "ingest", "query")
_DUMP: Final = ("pg_dump", "--username=tracker", "--format=custom", "--compress=gzip:1")
_DUMP_ROLES: Final = ("pg_dumpall", "--username=postgres", "--roles-only", "--no-role-passwords")


def default_folder() -> Path:
    """In the clone, ignored by git, named by the time."""
    return REPOSITORY / ".tracker.backups" / f"compose-{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"


def back_up(folder: Path) -> Manifest:
    """Makes `folder` a backup of the running stack. ContainersError if that fails; then the folder is removed."""
    if folder.exists():
        raise ContainersError(f"{folder} exists already; name a folder that does not: make compose-backup TO=…")
    running = {one["Service"] for one in containers()}
    if missing := [service for service in _NEEDED if service not in running]:
        raise ContainersError(f"A backup is of a running stack, and {', '.join(missing)} is not; start it with `make compose-up`.")
    try:
        with backup_manifest.unfinished(folder) as unfinished:
            return _copy_all(unfinished)
    except OSError as error:
        raise ContainersError(f"The backup could not be written ({error}); make room, or name another folder: TO=…") from None


def _copy_all(target: Path) -> Manifest:
    with uploads.links(), snapshot.take_snapshot() as moment:
        # Only uploads of jobs that are unfinished in the snapshot: each exists now, or existed before.
        uploads.link()
        save(target / DUMP, "postgres", *_DUMP, f"--snapshot={moment.snapshot}", "tracker")
        save(target / ROLES, "postgres", *_DUMP_ROLES)
        for name, size_bytes in moment.journal.items():
            save(target / JOURNAL / "appendonlydir" / name, "redis", "head", "-c", str(size_bytes), f"{snapshot.LINKS}/{name}")
        uploads.pack(target / UPLOADS)
        archive.pack(target / CONTENTS)
    manifest = Manifest(
        FORMAT,
        moment.at.isoformat(timespec="milliseconds"),
        moment.schema,
        _redis_version(),
        f"file://{uploads.FOLDER}",
        backup_manifest.describe(target),
    )
    backup_manifest.write(target, manifest)
    return manifest


def _redis_version() -> str:
    """8.0.2, of a line like: Redis server v=8.0.2 sha=00000000:1 malloc=jemalloc-5.3.0 bits=64 build=3951ec6cb7cb9c66"""
    words = run("exec", "--no-TTY", "redis", "redis-server", "--version").split()
    return next(word.removeprefix("v=") for word in words if word.startswith("v="))


def main(arguments: list[str]) -> None:
    """Prints the backup's place and its time."""
    # Only the owner may read the backup, whichever program writes it.
    os.umask(0o077)
    folder = Path(arguments[0]).expanduser().resolve() if arguments and arguments[0] else default_folder()
    started = time.monotonic()
    say(backup_manifest.report(folder, back_up(folder), started))


if __name__ == "__main__":
    as_program(main)
