"""Applies today's rules of redaction to what is stored: table by table, chunk by chunk, its place committed together with the rows it changed.

A worker that dies leaves a lease that runs out, and another goes on behind the last chunk. Aggregates do not depend on texts. Not touched are the names
that aggregates are kept by: of projects, users, tools and models.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.maintenance.scrub_columns import scrubbed_bytes, scrubbed_json, scrubbed_text
from services.worker.persist.kinds import KIND_TABLES
from services.worker.resources import Resources
from shared.search_terms import document_vector

log = structlog.get_logger()

LEASE_SECONDS = 15
MAX_ATTEMPTS = 5
# A task goes on for less than its time limit, then rings for the next.
RUN_SECONDS = 15.0
CHUNK_ROWS = 500
CHUNK_BYTES = 8_000_000

_SCRUBBED: dict[str, Callable[[Any, Counter[str]], Any]] = {
    "text": scrubbed_text,
    "json": scrubbed_json,
    "jsonb": scrubbed_json,
    "bytea": scrubbed_bytes,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A table with its key and the columns, by type, that hold text. The words of `searched` are in the column `terms`."""

    table: str
    key: str
    key_type: str
    columns: Mapping[str, str]
    searched: str | None = None


_OF_KINDS: Final = tuple(Stage(name, "id", "uuid", table.texts, table.searched) for name, table in KIND_TABLES.items() if table.texts)
# A running scrub is stored with the number of its stage, so the tables of new kinds come last.
STAGES: Final = (
    *_OF_KINDS[:3],
    Stage("session_facts", "id", "uuid", {"title": "text", "git_branch": "text", "client_version": "text"}),
    Stage("sessions", "session_id", "text", {"title": "text", "git_branch": "text", "client_version": "text", "source": "text"}),
    Stage("files", "file_key", "uuid", {"file_path": "text"}),
    Stage("dead_letters", "id", "uuid", {"payload": "bytea", "reason": "text"}),
    Stage("import_jobs", "id", "uuid", {"errors": "jsonb", "unknown_records": "jsonb", "user_name": "text"}),
    *_OF_KINDS[3:],
)

_TAKE = """
    UPDATE scrubs SET status = 'running', started_at = coalesce(started_at, now()), attempts = attempts + 1, lease_token = gen_random_uuid(),
        lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
    WHERE id = %(id)s AND status IN ('queued', 'running') AND (lease_expires_at IS NULL OR lease_expires_at < now())
    RETURNING stage, after_key, is_dry_run, attempts, lease_token"""
_ADVANCE = """
    UPDATE scrubs SET stage = %(stage)s, after_key = %(after_key)s, attempts = 0, rows_scanned = rows_scanned + %(scanned)s,
        rows_changed = rows_changed + %(changed)s, redactions = sum_of_each(redactions, %(redactions)s),
        lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
    WHERE id = %(id)s AND lease_token = %(lease_token)s"""
_LEAVE = "UPDATE scrubs SET lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s"
_FINISH = "UPDATE scrubs SET status = %(status)s, finished_at = now(), lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s"
_ABANDONED = """
    SELECT id FROM scrubs WHERE status IN ('queued', 'running')
      AND (lease_expires_at < now() OR lease_expires_at IS NULL AND created_at < now() - interval '5 seconds') ORDER BY created_at LIMIT 100"""


class LeaseLostError(Exception):
    """Another worker goes on with it; what this one did of its chunk must not be committed."""


@dataclass(slots=True)
class _Place:
    """Behind which key of which table it is. `changed` and `redactions` are of one chunk."""

    stage: int
    after_key: str | None
    is_dry_run: bool
    lease_token: UUID


def abandoned(worker: Resources) -> list[UUID]:
    """Scrubs that wait, or that a worker let fall."""
    with worker.transaction() as connection:
        return [row[0] for row in connection.execute(_ABANDONED)]


def run(worker: Resources, scrub_id: UUID, run_seconds: float = RUN_SECONDS) -> bool:
    """Goes on with a scrub for a while. True if there is more to do; False at its end, or if another worker has it."""
    with worker.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_TAKE, {"id": scrub_id, "lease_seconds": LEASE_SECONDS}).fetchone()
    if row is None:
        return False
    place = _Place(row["stage"], row["after_key"], row["is_dry_run"], row["lease_token"])
    parameters = {"id": scrub_id, "lease_token": place.lease_token}
    if row["attempts"] > MAX_ATTEMPTS:
        log.error("scrub_given_up", scrub_id=str(scrub_id), stage=STAGES[place.stage].table)
        return _end(worker, parameters, "failed")
    deadline = time.monotonic() + run_seconds
    try:
        while place.stage < len(STAGES):
            with worker.transaction() as connection:
                _scrub_chunk(connection, place, parameters)
            if time.monotonic() > deadline:
                with worker.transaction() as connection:
                    connection.execute(_LEAVE, parameters)
                return True
    except LeaseLostError:
        log.warning("scrub_taken_over", scrub_id=str(scrub_id))
        return False
    return _end(worker, parameters, "succeeded")


def _end(worker: Resources, parameters: dict[str, Any], status: str) -> bool:
    with worker.transaction() as connection:
        connection.execute(_FINISH, parameters | {"status": status})
    log.info("scrub_finished", scrub_id=str(parameters["id"]), status=status)
    return False


def _scrub_chunk(connection: Connection[Any], place: _Place, parameters: dict[str, Any]) -> None:
    """The next rows of the table, or on to the next table."""
    stage = STAGES[place.stage]
    redactions: Counter[str] = Counter()
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_select(stage, is_first=place.after_key is None).encode(), {"after_key": place.after_key}).fetchall()
    changed = [change for row in rows if (change := _change(stage, row, redactions))]
    if changed and not place.is_dry_run:
        with connection.cursor() as cursor:
            cursor.executemany(_update(stage).encode(), changed)
    if rows:
        place.after_key = rows[-1]["key"]
    else:
        place.stage, place.after_key = place.stage + 1, None
    progress = {"stage": place.stage, "after_key": place.after_key, "scanned": len(rows), "changed": len(changed)}
    progress |= {"redactions": Jsonb(dict(redactions)), "lease_seconds": LEASE_SECONDS}
    if connection.execute(_ADVANCE, parameters | progress).rowcount == 0:
        raise LeaseLostError


def _change(stage: Stage, row: dict[str, Any], redactions: Counter[str]) -> dict[str, Any] | None:
    """What a row's UPDATE needs, the columns as they are and as they will be; None if nothing changes."""
    values = {name: row[name] if row[name] is None else _SCRUBBED[kind](row[name], redactions) for name, kind in stage.columns.items()}
    if all(values[name] is row[name] for name in stage.columns):
        return None
    change = {"key": row["key"]} | values | {f"old_{name}": row[name] for name in stage.columns}
    if stage.searched is not None:
        change["terms"] = document_vector(values[stage.searched])
    return change


def _select(stage: Stage, *, is_first: bool) -> str:
    """Up to CHUNK_ROWS rows, fewer if they are long."""
    columns = ", ".join(f"{name}::text AS {name}" if kind.startswith("json") else name for name, kind in stage.columns.items())
    size = " + ".join(f"coalesce(octet_length({name}), 0)" for name in stage.columns)
    after = "" if is_first else f"WHERE {stage.key} > %(after_key)s::{stage.key_type}"
    return f"""
        SELECT * FROM (
            SELECT *, row_number() OVER w AS n, sum({size}) OVER w AS bytes
            FROM (SELECT {stage.key}::text AS key, {stage.key} AS place, {columns} FROM {stage.table} {after} ORDER BY {stage.key} LIMIT {CHUNK_ROWS}) AS r
            WINDOW w AS (ORDER BY place)
        ) AS s WHERE n = 1 OR bytes <= {CHUNK_BYTES} ORDER BY n"""


def _update(stage: Stage) -> str:
    """A row that somebody else has changed meanwhile has come in redacted."""
    sets = ", ".join(f"{name} = %({name})s::{kind}" for name, kind in stage.columns.items())
    terms = ", terms = %(terms)s::tsvector" if stage.searched is not None else ""
    unchanged = " AND ".join(f"{name}::text IS NOT DISTINCT FROM %(old_{name})s::{kind}::text" for name, kind in stage.columns.items())
    return f"UPDATE {stage.table} SET {sets}{terms} WHERE {stage.key} = %(key)s::{stage.key_type} AND {unchanged}"
