"""The stages of an erasure beside the rows of sessions: the tombstones before them, then every other place that has a name, an id or a text."""

import time
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from psycopg import Connection
from psycopg.rows import dict_row, scalar_row
from psycopg.types.json import Jsonb
from redis import Redis

from services.worker import lock_order
from services.worker.archive.archive_locks import lock_file
from services.worker.importers.job.run_shard import delete_files
from services.worker.maintenance.erase.erase_tables import condition, erased_tables, projects_of_sessions, sessions_of
from services.worker.maintenance.erase.erasure import Erasure
from services.worker.maintenance.scrub.scrub_files import delete_exports
from services.worker.maintenance.scrub.scrub_redis import KEYS_AT_ONCE, rewrite_feed
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from services.worker.persist.live.captured_feed import TOLD_KEY
from services.worker.persist.tombstones import write_range_tombstone, write_tombstones
from services.worker.sql_text import sql
from shared.feed import FeedItem, decode_items
from shared.journal.partitions import streams_in_use
from shared.journal.streams import transcript_key
from shared.sql_files import SqlFile
from shared.tables.table import Table

_SQL: Final = SqlFile(__package__, "erase_stores.sql")

log = structlog.get_logger()

ROWS_AT_ONCE: Final = 200
# For jobs that are asked to end.
PATIENCE_SECONDS: Final = 60.0
# Replaces a name.
ERASED: Final = "erased"

_SESSION_IDS: Final = "SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s"
_COUNT: Final = "SELECT count(*) FROM $table WHERE $condition"
_DELETE_FILES: Final = "DELETE FROM transcript_files WHERE id = ANY(%(ids)s)"
_FORGET_JOBS: Final = (_SQL.forget_own_jobs, _SQL.forget_names_in_jobs)
_NAMES: Final = {name: _SQL[name] for name in ("machines", "machine_reports", "key_logins", "api_keys", "users")}
_FORGET_PROJECTS: Final = {name: _SQL[f"forget_{name}"] for name in ("project_changes", "project_places", "project_rules")}
_EXPORTS: Final = "SELECT count(*) FROM import_jobs WHERE kind = 'export' AND status IN ('queued', 'running')"
_FORGET_BINDINGS: Final = "UPDATE exports SET bound_user = 'erased' WHERE %(kind)s = 'user' AND bound_user = ANY(%(names)s)"
_DROPPED: Final = "Retention had dropped the session. What it counted stays in the sums of its project and person: without its id, so it cannot be told apart."
_OF_PART: Final = "The project is part of another. What retention has dropped of it counts there, and cannot be told apart."
_FORGET: Final = (
    "DELETE FROM erasure_sessions WHERE erasure_id = %(erasure_id)s",
    "UPDATE jobs SET names = NULL, user_ids = NULL, project_ids = NULL WHERE id = %(erasure_id)s",
)
_OTHERS_UPLOADS: Final = "SELECT count(*) FROM import_jobs WHERE has_files"


def write_erasures_tombstones(erasure: Erasure, step: Step) -> Done:
    """Finds the sessions, and keeps out what comes late. Batches that were at work before have committed by then: they are found too."""
    connection, parameters = step.connection, erasure.parameters
    if not step.is_dry_run:
        lock_order.lock_import_order(connection)
        lock_order.lock_writing_exclusive(connection)
    sessions = sessions_of("session" if erasure.kind == "range" else erasure.kind)
    connection.execute(sql(_SQL.collect, sessions=sessions).encode(), parameters)
    if erasure.kind != "project":
        connection.execute(sql(_SQL.note_projects, named=projects_of_sessions()).encode(), parameters)
    if step.is_dry_run:
        return Done(None)
    if erasure.kind == "range":
        assert erasure.from_at is not None
        assert erasure.to_at is not None
        write_range_tombstone(connection, erasure.names[0], erasure.from_at, erasure.to_at, erasure.id)
        return Done(None)
    remains = _what_is_not_told_apart(connection, erasure)
    written = write_tombstones(connection, "session", session_ids_of(connection, erasure), reason="erased", job_id=erasure.id)
    if erasure.kind != "session":
        written += write_tombstones(connection, erasure.kind, erasure.names, reason="erased", job_id=erasure.id)
    return Done(None, {"tombstones": written}, remains)


def _what_is_not_told_apart(connection: Connection[Any], erasure: Erasure) -> dict[str, str]:
    """{"sums": reason} if the base still counts some of it: the base knows neither sessions nor parts of projects."""
    [(has_expired, is_part)] = connection.execute(_SQL.has_expired, erasure.parameters).fetchall()
    return {"sums": _DROPPED if has_expired else _OF_PART} if has_expired or is_part else {}


def session_ids_of(connection: Connection[Any], erasure: Erasure) -> list[str]:
    """The sessions that go."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_SESSION_IDS, erasure.parameters).fetchall()


def erase_tables(erasure: Erasure, step: Step) -> Done:
    """The next rows of the next table that is erased by its owner. `after`: the name of a table that is done."""
    tables = erased_tables()
    names = [table.name for table in tables]
    number = names.index(step.after) + 1 if step.after in names else 0
    if number == len(tables):
        return Done(None)
    table = tables[number]
    deleted = _erase_some_of(table, erasure, step)
    is_done = step.is_dry_run or deleted < ROWS_AT_ONCE
    # The table before this one, if there is more in this one. "-" stands before the first, whose name would mean that it is done.
    after = table.name if is_done else names[number - 1] if number else "-"
    return Done(after, {table.name: deleted} if deleted else {})


def _erase_some_of(table: Table, erasure: Erasure, step: Step) -> int:
    gone = condition(table, erasure.kind)
    if step.is_dry_run:
        [(count,)] = step.connection.execute(sql(_COUNT, table=table.name, condition=gone).encode(), erasure.parameters).fetchall()
        return int(count)
    delete = sql(_SQL.delete, table=table.name, condition=gone).encode()
    return step.connection.execute(delete, erasure.parameters | {"limit": ROWS_AT_ONCE}).rowcount


def erase_transcripts(erasure: Erasure, step: Step) -> Done:
    """Captured and archived files. Their contents in the archive's store are collected later, unless another file has them too."""
    connection = step.connection
    with connection.cursor(row_factory=dict_row) as cursor:
        files = cursor.execute(_SQL.files, erasure.parameters | {"limit": None if step.is_dry_run else ROWS_AT_ONCE}).fetchall()
    if step.is_dry_run:
        return Done(None, {"transcript_files": len(files)} if files else {})
    if not files:
        connection.execute(_SQL.forget_sender, erasure.parameters)
        return Done(None)
    for file in files:
        lock_file(connection, file["id"])
    # Before the commit: ingest asks Postgres then, and finds the tombstone.
    redis = step.worker.redis
    for stream in streams_in_use(redis, step.worker.settings.journal_partitions):
        for file in files:
            redis.delete(transcript_key(stream, file["session_id"], file["machine_id"], file["file_name"]))
    connection.execute(_DELETE_FILES, {"ids": [file["id"] for file in files]})
    return Done("more", {"transcript_files": len(files)})


def erase_imports(erasure: Erasure, step: Step) -> Done:
    """Jobs of the person end, and their uploads go; other jobs forget names and contents. `after`: until when jobs are waited for."""
    connection, parameters = step.connection, erasure.parameters
    if step.is_dry_run:
        return Done(None)
    until = float(step.after or time.time() + PATIENCE_SECONDS)
    connection.execute(_SQL.cancel_jobs, parameters)
    [(running,)] = connection.execute(_SQL.running_jobs, parameters).fetchall()
    if running and time.time() < until:
        return Done(str(until), waits=True)
    taken = connection.execute(_SQL.take_uploads, parameters).fetchall()
    for (files,) in taken:
        delete_files(files)
    forgotten = connection.execute(_SQL.forget_contents, parameters).rowcount
    changed = sum(connection.execute(command, parameters).rowcount for command in _FORGET_JOBS)
    [(others,)] = connection.execute(_OTHERS_UPLOADS).fetchall()
    remains = {}
    if running:
        remains["imports"] = f"{running} imports of the person did not end in time; their uploads go when they do. Then erase again."
    if others:
        remains["uploads"] = f"The uploads of {others} import jobs that are not done: they go with their job, or a day after it failed."
    counts = {"uploads": len(taken), "imported_files": forgotten, "import_jobs": changed}
    return Done(None, {name: count for name, count in counts.items() if count}, remains)


def erase_names(erasure: Erasure, step: Step) -> Done:
    """The user, the project, and machines and API keys that are of the person alone; projects that are left empty."""
    connection = step.connection
    if step.is_dry_run:
        return Done(None)
    # The lock keeps others from referring to the user or the project.
    lock_order.lock_writing_exclusive(connection)
    counts = {name: connection.execute(command, erasure.parameters).rowcount for name, command in _NAMES.items()}
    counts["projects"] = 0
    # A project can go when its parts are gone.
    while gone := connection.execute(_SQL.projects, erasure.parameters).rowcount:
        counts["projects"] += gone
    counts |= {name: connection.execute(command, erasure.parameters).rowcount for name, command in _FORGET_PROJECTS.items()}
    connection.execute(_SQL.forget_owners, erasure.parameters)
    return Done(None, {name: count for name, count in counts.items() if count})


def erase_exports(erasure: Erasure, step: Step) -> Done:
    """Archives of exports go, and exports that are being written end. `after`: until when these are waited for."""
    delete_exports(step)
    until = float(step.after or time.time() + PATIENCE_SECONDS)
    [(running,)] = step.connection.execute(_EXPORTS).fetchall()
    if running and time.time() < until:
        return Done(str(until), waits=True)
    step.connection.execute(_FORGET_BINDINGS, erasure.parameters)
    why = "Exports that did not end in time: their archives may hold it. Delete them, or erase again."
    return Done(None, remains={"exports": why} if running else {})


def erase_audit_log(erasure: Erasure, step: Step) -> Done:
    """Records stay, without the name of what was erased."""
    if step.is_dry_run:
        return Done(None)
    changed = step.connection.execute(_SQL.audit, erasure.parameters | {"erased": ERASED, "details": Jsonb({})}).rowcount
    return Done(None, {"audit_log": changed} if changed else {})


def forget_names(erasure: Erasure, step: Step) -> Done:
    """Forgets the names of the erasure itself. The stages behind this one need none."""
    forget(step.connection, erasure.id)
    return Done(None)


def forget(connection: Connection[Any], erasure_id: UUID) -> None:
    """Deletes the names and ids that the erasure is of, and the list of its sessions."""
    for command in _FORGET:
        connection.execute(command, {"erasure_id": erasure_id})


def erase_redis(erasure: Erasure, step: Step) -> Done:
    """Cached sessions, and the live feed. Offsets of transcripts went with their files."""
    redis = step.worker.redis
    session_ids = set(session_ids_of(step.connection, erasure))
    keys = list(_keys_of(redis, erasure, session_ids))
    if keys and not step.is_dry_run:
        for key in keys:
            redis.delete(key)
    items = _Feed(erasure, session_ids)
    rewrite_feed(redis, items.without, is_dry_run=step.is_dry_run)
    counts = {"redis_keys": len(keys), "live_feed": items.found}
    return Done(None, {name: count for name, count in counts.items() if count})


def _keys_of(redis: Redis, erasure: Erasure, session_ids: set[str]) -> Iterator[bytes]:
    own = {f"session:{each}" for each in session_ids} | {TOLD_KEY.format(session_id=each) for each in session_ids}
    users = {msgspec.json.encode(name) for name in erasure.names} if erasure.kind == "user" else set()
    for key in redis.scan_iter(count=KEYS_AT_ONCE):
        name = key.decode("utf-8", "replace")
        value: Any = None
        if users and name.startswith("session:"):
            value = redis.get(key)
        elif users and name.startswith("transcript:"):
            found: Any = redis.hget(key, "user")
            value = found and msgspec.json.encode(found.decode("utf-8", "replace"))
        if name in own or (value is not None and any(user in value for user in users)):
            yield key


class _Feed:
    """Items of the live feed without those of what is erased. `found`: how many there were."""

    def __init__(self, erasure: Erasure, session_ids: set[str]) -> None:
        self._session_ids = session_ids
        self._users = set(erasure.names) if erasure.kind == "user" else set()
        self._project_ids = set(erasure.project_ids) if erasure.kind == "project" else set()
        self.found = 0

    def without(self, before: bytes) -> bytes:
        """The same object if nothing is found. Items that cannot be read go: a hole in the feed does no harm."""
        try:
            items = decode_items(before)
        except msgspec.MsgspecError:
            return b"[]"
        kept = [item for item in items if not self._is_erased(item)]
        self.found += len(items) - len(kept)
        return before if len(kept) == len(items) else msgspec.json.encode(kept)

    def _is_erased(self, item: FeedItem) -> bool:
        return item.session_id in self._session_ids or item.user in self._users or item.project_id in self._project_ids
