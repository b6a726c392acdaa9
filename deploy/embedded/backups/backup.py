"""`make backup`: a consistent copy of a running stack, without stopping it.

It fixes the journal, then the rows, at the same moment. Events accepted until then are in the journal's copy if they were not stored yet,
else in the dump. In the other order, events that a worker stores and removes in between would be in neither. Redis takes no writes for the
few milliseconds in which both are fixed. The copying comes afterwards (docs/adr/0017-a-backup-is-a-consistent-snapshot.md).

The archive's contents never change, and none is deleted while the backup is made. So they are copied last: those that the dump refers to are there.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

import psycopg
from psycopg import Connection, IsolationLevel
from redis import Redis
from redis.exceptions import RedisError

from deploy.embedded.backups import backup_manifest, journal_files
from deploy.embedded.backups.backup_manifest import ARCHIVE, BLOBS, DUMP, JOURNAL, KEEP_GARBAGE, ROLES, Manifest
from deploy.embedded.backups.journal_files import OpenFile
from deploy.embedded.paths import Paths, make_command
from deploy.embedded.servers.postgres import PostgresServer, bin_dir
from deploy.embedded.servers.redis_server import RedisServer, server_program, server_version
from deploy.embedded.settings import read_settings
from deploy.embedded.supervision import lock
from deploy.embedded.supervision.processes import StartError
from shared.blobs.content_folder import ContentFolder
from shared.blobs.contents import path_of

# No limit for the dump: the transaction that holds its snapshot is idle meanwhile.
_NO_TIMEOUTS = "-c idle_in_transaction_session_timeout=0 -c statement_timeout=0"


@dataclass(frozen=True)
class _Snapshot:
    """Everything as it was at one time: descriptors of the journal's files, the name of Postgres' snapshot, its schema's version."""

    at: datetime
    journal: list[OpenFile]
    snapshot: str
    schema: str


def default_folder(paths: Paths) -> Path:
    """Beside the data, named by the time."""
    return paths.data_dir.with_name(paths.data_dir.name + ".backups") / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"


def _new_folder(folder: Path) -> Path:
    """The folder; if it exists, the first one with a number behind its name that does not exist."""
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return next(candidate for candidate in chain((folder,), numbered) if not candidate.exists())


def back_up(paths: Paths, folder: Path) -> Manifest:
    """Makes `folder` a backup of the running stack. StartError if that fails; then the folder is removed."""
    if lock.holder(paths.lock) is None:
        raise StartError(
            f"No tracker is running on {paths.data_dir}; start it with `{make_command('up', paths.data_dir)}`, or copy its whole folder while it is stopped."
        )
    if folder.exists():
        raise StartError(f"{folder} exists already; name a folder that does not: {make_command('backup TO=…', paths.data_dir)}")
    links = paths.data_dir / "backup-links"
    shutil.rmtree(links, ignore_errors=True)
    try:
        with backup_manifest.unfinished(folder) as unfinished:
            return _copy_all(paths, unfinished, links)
    except OSError as error:
        again = make_command("backup TO=…", paths.data_dir)
        raise StartError(f"The backup could not be written ({error}); make room, or name another folder: {again}") from None
    except (psycopg.Error, RedisError) as error:
        raise StartError(f"The backup was given up, since Postgres or Redis did not answer ({type(error).__name__}); try again.") from None
    finally:
        shutil.rmtree(links, ignore_errors=True)


def _copy_all(paths: Paths, target: Path, links: Path) -> Manifest:
    database = PostgresServer(paths.postgres, paths.run, paths.log("postgres"))
    _link_uploads(paths, links)
    with ExitStack() as stack:
        redis = stack.enter_context(Redis.from_url(RedisServer(paths.redis, paths.run, paths.log("redis")).url, socket_timeout=5))
        connection = stack.enter_context(psycopg.connect(database.url, options=_NO_TIMEOUTS, connect_timeout=5))
        connection.execute(KEEP_GARBAGE)
        connection.commit()
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        moment = _freeze(redis, connection, paths, stack)
        # Only uploads of jobs that are unfinished in the snapshot: each exists now, or existed before.
        _link_uploads(paths, links)
        _run("pg_dump", "--format=custom", "--compress=gzip:1", f"--snapshot={moment.snapshot}", f"--file={target / DUMP}", database.url)
        _run("pg_dumpall", "--roles-only", "--no-role-passwords", f"--file={target / ROLES}", f"--dbname={database.url}")
        for part in moment.journal:
            backup_manifest.copy(part.file, target / JOURNAL / part.name, part.size_bytes)
        for content in ContentFolder(paths.archive.as_uri()).stored():
            with (paths.archive / path_of(content.name)).open("rb") as file:
                backup_manifest.copy(file, target / ARCHIVE / path_of(content.name))
    for upload in sorted(links.rglob("*")):
        if upload.is_file():
            with upload.open("rb") as file:
                backup_manifest.copy(file, target / BLOBS / upload.relative_to(links))
    version = ".".join(map(str, server_version(server_program())))
    manifest = Manifest(
        backup_manifest.FORMAT,
        moment.at.isoformat(timespec="milliseconds"),
        moment.schema,
        version,
        paths.blobs.as_uri(),
        backup_manifest.describe(target),
    )
    backup_manifest.write(target, manifest)
    return manifest


def _freeze(redis: Redis, connection: Connection[tuple[object, ...]], paths: Paths, stack: ExitStack) -> _Snapshot:
    """Fixes the journal, then the rows; tries again if that took longer than Redis' pause. The last try is sound too, but not exact:
    events accepted and stored meanwhile are in the dump, but the journal's copy does not count them as accepted."""
    for _ in range(journal_files.ATTEMPTS):
        connection.rollback()
        with journal_files.no_writes(redis) as until:
            journal = journal_files.open_files(paths.redis, stack)
            at = datetime.now(UTC)
            [(snapshot, schema)] = connection.execute("SELECT pg_export_snapshot(), max(version_num) FROM alembic_version")
            is_exact = time.monotonic() < until
        if is_exact:
            break
    return _Snapshot(at, journal, str(snapshot), str(schema))


def _link_uploads(paths: Paths, links: Path) -> None:
    """Hard links to the uploads, which remain when a finished import deletes its uploads."""
    for upload in list(paths.blobs.rglob("*")):
        link = links / upload.relative_to(paths.blobs)
        if upload.is_file() and not link.exists():
            link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                os.link(upload, link)
            except FileNotFoundError:
                # Its import has ended between the look and the link.
                continue


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run([bin_dir() / program, *arguments], capture_output=True, text=True, check=False, env={"LC_ALL": "C"})
    if done.returncode != 0:
        raise StartError(f"{program} failed, so there is no backup; it said: {done.stderr.strip()[-500:]}")


def main(arguments: list[str]) -> int:
    """Prints one line; 1 with a sentence on stderr if there is no backup."""
    # Only the owner may read the backup, whichever program writes it.
    os.umask(0o077)
    paths = Paths(read_settings().data_dir.expanduser().resolve())
    folder = Path(arguments[0]).expanduser().resolve() if arguments and arguments[0] else default_folder(paths)
    started = time.monotonic()
    restored = _new_folder(paths.data_dir.with_name(paths.data_dir.name + ".restored"))
    manifest = back_up(paths, folder)
    print(
        f"{backup_manifest.report(folder, manifest, started)}\n"
        f"To restore it, into a folder that is new: {make_command(f'restore FROM={shlex.quote(str(folder))}', restored)}"
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except StartError as error:
        sys.exit(str(error))
