"""The files behind the stores. Replaced texts are still in them: deleted rows, contents that nothing refers to, the history of Redis.

Postgres leaves the bytes of a deleted row where they were until something else is written there, also after VACUUM. So the files of tables are written
anew; of large tables, which would be locked for minutes, only if that was asked for. A dry run tells for how long they would be locked.
"""

import time
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection
from redis.exceptions import ResponseError

from services.worker.archive.retention import collect_garbage
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from services.worker.maintenance.upload_gc import sweep_exports
from services.worker.maintenance.vacuum import vacuum
from services.worker.sweep.sweep_statements import ARCHIVE_COLLECTED_KEY
from shared.redis import cluster_disks
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "scrub_files.sql")

# The most of a table with its indexes. It takes about two seconds, in which the table is locked.
REWRITTEN_BYTES: Final = 128 * 1024 * 1024
# The bytes that are written anew in a second, with indexes, on a busy machine: two cores with a load of 12 wrote 7 to 12 MB.
BYTES_PER_SECOND: Final = 8 * 1024 * 1024
# Small tables are taken together, since each step has a connection of its own.
STEP_SECONDS: Final = 2.0
# A wait for others is given up after this.
PATIENCE_SECONDS: Final = 60.0
REDIS_SECONDS: Final = 600.0

_MAY_CHECKPOINT: Final = "SELECT pg_has_role(current_user, 'pg_checkpoint', 'USAGE')"
_BY_HAND: Final = "Run VACUUM FULL {} as its owner when nobody needs it."
_WAL: Final = "SELECT name FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"
# A segment without anything in it is not left.
_NEXT_SEGMENT: Final = "SELECT pg_logical_emit_message(false, 'tracker.scrub', ''), pg_switch_wal()"

_END_EXPORTS: Final = (
    """UPDATE import_jobs SET cancel_requested_at = coalesce(cancel_requested_at, now())
    WHERE kind = 'export' AND status IN ('queued', 'running')""",
    "UPDATE exports SET expires_at = least(expires_at, now())",
)

# The places that no stage reaches.
ALWAYS_REMAINS: Final = {
    "backups": "Backups from before hold what they held. Make a new one, and delete those.",
    "replicas": "Replicas have files of their own: the write-ahead log of Postgres and its archive; Redis outside a Cluster (BGREWRITEAOF on each).",
    "logs": "Log files of the services and servers from before. Delete them.",
    "copies": "Exports that were downloaded, and transcripts on the machines that sent them. Freed blocks of disks, and snapshots of file systems.",
    "identifiers": "Ids of sessions, agents and machines: other rows and addresses refer to them, so they are not looked into.",
}


def delete_exports(step: Step) -> Done:
    """Deletes the archives of exports, which hold what was replaced, and ends those that are being written: their snapshot does too."""
    with step.connection.transaction():
        for each in _END_EXPORTS:
            step.connection.execute(each)
    sweep_exports(step.worker)
    return Done(None)


def collect_replaced(step: Step) -> Done:
    """Deletes the archive's contents that nothing refers to any more, which the stage of the transcripts has left."""
    until = float(step.after or time.time() + PATIENCE_SECONDS)
    started_at = time.time()
    collect_garbage(step.worker, timedelta(0))
    found: Any = step.worker.redis.get(ARCHIVE_COLLECTED_KEY)
    if float(found or 0) >= started_at:
        return Done(None)
    if time.time() > until:
        return Done(None, remains={"archive": "Contents that were replaced. They are deleted within a day."})
    return Done(str(until), waits=True)


def rewrite_table(step: Step) -> Done:
    """Writes the files of some tables and their indexes anew. At the end all that Postgres has in memory goes onto the disk."""
    connection = step.connection
    tables = connection.execute(_SQL.tables).fetchall()
    if step.is_dry_run:
        return Done(
            None, {"long_locks": {name: size // BYTES_PER_SECOND + 1 for name, size, may in tables if may and size > REWRITTEN_BYTES}}
        )
    names = [name for name, _, _ in tables]
    number = names.index(step.after) + 1 if step.after in names else 0
    if number == len(tables):
        [(may_checkpoint,)] = connection.execute(_MAY_CHECKPOINT).fetchall()
        if may_checkpoint:
            connection.execute("CHECKPOINT")
        return Done(None)
    remains: dict[str, str] = {}
    until = time.monotonic() + STEP_SECONDS
    for name, size, may in tables[number:]:
        is_wanted = size <= REWRITTEN_BYTES or step.options.rewrite_large
        if not may:
            remains[f"table {name}"] = f"Deleted rows in its file: the worker's role may not write it anew. {_BY_HAND.format(name)}"
        elif not (is_wanted and vacuum(connection, "VACUUM (FULL, ANALYZE)", name)):
            why = "it was in use" if is_wanted else f"it has {size // 1024**2} MB"
            vacuum(connection, "VACUUM (ANALYZE)", name)
            remains[f"table {name}"] = f"Deleted rows in its file, until they are overwritten: {why}. {_BY_HAND.format(name)}"
        if time.monotonic() > until:
            break
    return Done(name, remains=remains)


def renew_write_ahead_log(step: Step) -> Done:
    """Leaves all segments of the write-ahead log behind and deletes them. Only a superuser may; Postgres would use their files again as they are."""
    connection = step.connection
    if not connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user AND rolsuper").fetchall():
        why = "Postgres' write-ahead log, until new events have overwritten it: the worker's role may not renew it."
        return Done(None, remains={"write_ahead_log": why})
    before = _wal(connection)
    try:
        connection.execute("ALTER SYSTEM SET wal_recycle = off")
    except psycopg.errors.FeatureNotSupported:
        return Done(
            None, remains={"write_ahead_log": "Postgres' write-ahead log, until new events have overwritten it: allow_alter_system is off."}
        )
    try:
        connection.execute("SELECT pg_reload_conf()")
        # One more for the checkpointer, which may not have read the setting at the first.
        for _ in range(len(before) + 2):
            connection.execute(_NEXT_SEGMENT)
            connection.execute("CHECKPOINT")
            if not before & _wal(connection):
                return Done(None)
    finally:
        connection.execute("ALTER SYSTEM RESET wal_recycle")
        connection.execute("SELECT pg_reload_conf()")
    why = "Postgres' write-ahead log: something keeps it, as a replica that is behind or an archive command. New events overwrite it then."
    return Done(None, remains={"write_ahead_log": why})


def _wal(connection: Connection[Any]) -> set[str]:
    return {name for (name,) in connection.execute(_WAL).fetchall()}


def rewrite_redis(step: Step) -> Done:
    """Has every server of Redis write its files anew, and waits for it."""
    redis = step.worker.redis
    state, _, until = (step.after or f"begin {time.time() + REDIS_SECONDS}").partition(" ")
    try:
        if state == "begin" and cluster_disks.rewrite(redis):
            return Done(f"wait {until}", waits=True)
    except ResponseError as error:
        return Done(
            None,
            remains={
                "redis_files": f"The files of Redis, which refuses to write them anew ({error}). Run BGREWRITEAOF as its admin, and BGSAVE if it writes snapshots."
            },
        )
    if state == "wait" and not cluster_disks.is_rewriting(redis):
        has_failed = cluster_disks.has_failed(redis)
        return Done(None, remains={"redis_files": "The files of Redis: writing them anew failed; see its log."} if has_failed else {})
    if time.time() > float(until):
        return Done(
            None,
            remains={
                "redis_files": "The files of Redis: they were not written anew in time. Run BGREWRITEAOF, and BGSAVE if it writes snapshots."
            },
        )
    return Done(f"{state} {until}", waits=True)
