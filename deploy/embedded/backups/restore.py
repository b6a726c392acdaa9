"""`make restore FROM=<folder>`: makes a data folder from a backup. `make up` then starts the stack on it."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg

from deploy.embedded.backups import backup_manifest
from deploy.embedded.backups.backup_manifest import ARCHIVE, BLOBS, DUMP, JOURNAL, ROLES, Manifest
from deploy.embedded.paths import Paths, make_command
from deploy.embedded.servers.postgres import PostgresServer, bin_dir
from deploy.embedded.servers.redis_server import server_program, server_version
from deploy.embedded.settings import read_settings
from deploy.embedded.supervision.processes import StartError

# Unfinished jobs name their uploads by the old path.
_MOVE_UPLOADS = "UPDATE import_jobs SET files = replace(files::text, %(before)s, %(now)s)::jsonb WHERE has_files"

# No other process uses it, and an unfinished restore is deleted.
_FAST = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "4GB", "maintenance_work_mem": "256MB", "autovacuum": "off"}


def restore(backup: Path, data_dir: Path) -> Manifest:
    """Makes `data_dir`, which must not exist or be empty. StartError if that fails; then the folder is removed."""
    manifest = backup_manifest.read(backup)
    if data_dir.exists() and any(data_dir.iterdir()):
        move = f"mv {shlex.quote(str(data_dir))} {shlex.quote(f'{data_dir}.old')}"
        raise StartError(
            f"{data_dir} has data, which a restore never replaces. Stop its tracker first (`{make_command('down', data_dir)}`), "
            f"then move the folder away (`{move}`); or name a folder that is new with TRACKER_DATA_DIR=…"
        )
    _check_redis(manifest)
    try:
        with backup_manifest.unfinished(data_dir) as folder:
            paths = Paths(folder)
            paths.make()
            _restore_rows(backup, paths, manifest.uploads, Paths(data_dir).blobs.as_uri())
            for name, target in ((JOURNAL, paths.redis), (BLOBS, paths.blobs), (ARCHIVE, paths.archive)):
                if (backup / name).exists():
                    shutil.copytree(backup / name, target, dirs_exist_ok=True)
            _sync(folder)
    except OSError as error:
        raise StartError(f"The backup could not be restored ({error}); make room, or name another folder: TRACKER_DATA_DIR=…") from None
    return manifest


def _check_redis(manifest: Manifest) -> None:
    """An older Redis does not read the folder of a newer one, and would begin with an empty journal."""
    there, here = int(manifest.redis_version.partition(".")[0]), server_version(server_program())[0]
    if there >= 7 > here:
        raise StartError(
            f"The backup's journal was written by Redis {manifest.redis_version}, and this is Redis {here}, which cannot read it; "
            "put redis-server or valkey-server of version 7 or later on PATH."
        )


def _restore_rows(backup: Path, paths: Paths, uploads_before: str, uploads_now: str) -> None:
    server = PostgresServer(paths.postgres, paths.run, paths.log("postgres"), _FAST)
    server.start()
    try:
        # Existing roles, such as our own, cause errors that are ignored. pg_restore reports a missing role.
        _run("psql", "--quiet", "--no-psqlrc", f"--file={backup / ROLES}", server.url)
        _check(_run("pg_restore", "--exit-on-error", "--jobs=2", f"--dbname={server.url}", str(backup / DUMP)))
        with psycopg.connect(server.url) as connection:
            connection.execute(_MOVE_UPLOADS, {"before": f'"{uploads_before}/', "now": f'"{uploads_now}/'})
        _check(_run("vacuumdb", "--analyze", "--quiet", f"--dbname={server.url}"))
    finally:
        server.stop()


def _run(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([bin_dir() / program, *arguments], capture_output=True, text=True, check=False, env={"LC_ALL": "C"})


def _check(done: "subprocess.CompletedProcess[str]") -> None:
    if done.returncode != 0:
        raise StartError(f"{Path(done.args[0]).name} failed, so nothing was restored; it said: {done.stderr.strip()[-500:]}")


def _sync(folder: Path) -> None:
    """Writes everything to the disk, since the server ran without fsync."""
    subprocess.run(["sync", "--file-system", str(folder)], check=True)


def main(arguments: list[str]) -> int:
    """Prints one line; 1 with a sentence on stderr if nothing was restored."""
    if not arguments or not arguments[0]:
        raise StartError("Name the backup: make restore FROM=.tracker.backups/2026-11-25T18-00-00Z")
    data_dir = read_settings().data_dir.expanduser().resolve()
    manifest = restore(Path(arguments[0]).expanduser().resolve(), data_dir)
    print(
        f"Restored to {data_dir}: everything accepted until {manifest.moment}. Start it with `{make_command('up', data_dir)}`, "
        f"then look, in another terminal, with `{make_command('verify', data_dir)}`."
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except StartError as error:
        sys.exit(str(error))
