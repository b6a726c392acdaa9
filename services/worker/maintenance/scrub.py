"""Applies today's redaction rules to stored rows: table by table, chunk by chunk. How far it is, is committed with the rows it changed.

If a worker dies, its lease expires and another worker continues after the last chunk. Aggregates do not depend on texts. The names that aggregates
are keyed by do not change: projects, users, tools and models.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.archive.scrub_contents import scrub_some
from services.worker.lock_order import lock_documents
from services.worker.maintenance.scrub_columns import scrubbed_bytes, scrubbed_json, scrubbed_parts, scrubbed_text, scrubbed_texts
from services.worker.persist.event_kind_rows import KIND_TABLES
from services.worker.resources import Resources
from services.worker.row_lease import LEASE_SECONDS, MAX_ATTEMPTS, LeaseLostError
from services.worker.search_index.forget_documents import forget_noted_behind
from services.worker.sql_text import sql
from shared.blobs.contents import ContentStore
from shared.search_terms import document_vector
from shared.session_tags import tag_key

log = structlog.get_logger()

# A task runs for less than its time limit, then sends the next one.
RUN_SECONDS = 15.0
CHUNK_ROWS = 500
CHUNK_BYTES = 8_000_000

_SCRUBBED: dict[str, Callable[[Any, Counter[str]], Any]] = {
    "text": scrubbed_text,
    "json": scrubbed_json,
    "jsonb": scrubbed_json,
    "bytea": scrubbed_bytes,
    "text[]": scrubbed_texts,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A table with its key and the columns, by type, that hold text. The words of `searched` are in the column `terms`, the keys of `tags` in `tag_keys`."""

    table: str
    key: str
    key_type: str
    columns: Mapping[str, str]
    searched: str | None = None
    cut_at: Mapping[str, str] = field(default_factory=dict)
    tags: str | None = None


_OF_KINDS: Final = tuple(
    Stage(name, "id", "uuid", table.texts, table.searched, table.cut_at) for name, table in KIND_TABLES.items() if table.texts
)
# A running scrub is stored with the number of its stage, so the tables of new kinds come last.
STAGES: Final = (
    *_OF_KINDS[:3],
    Stage("session_facts", "id", "uuid", {"title": "text", "git_branch": "text", "client_version": "text"}),
    Stage("sessions", "session_id", "text", {"title": "text", "git_branch": "text", "client_version": "text", "source": "text"}),
    Stage("files", "file_key", "uuid", {"file_path": "text"}),
    Stage("dead_letters", "id", "uuid", {"payload": "bytea", "reason": "text"}),
    Stage("import_jobs", "id", "uuid", {"errors": "jsonb", "unknown_records": "jsonb", "user_name": "text"}),
    *_OF_KINDS[3:],
    Stage("hook_payloads", "id", "uuid", {"payload": "json"}),
    Stage("timeline_entries", "id", "uuid", {"content": "text", "details": "json"}),
    Stage("session_marks", "session_id", "text", {"note": "text", "title": "text", "tags": "text[]"}, tags="tags"),
)
# Behind the tables: stored transcripts (archive/scrub_contents.py).
TRANSCRIPTS: Final = len(STAGES)
# At last, documents of the search index that were made of what rows had before.
DOCUMENTS: Final = TRANSCRIPTS + 1

# $columns and $size are of the stage's texts. A chunk has up to CHUNK_ROWS rows, fewer if they are long, but at least one.
_SELECT_CHUNK = """
    SELECT * FROM (
        SELECT *, row_number() OVER w AS n,
               sum($size) OVER w AS bytes
        FROM (
            SELECT $key::text AS key, $key AS place, $columns
            FROM $table
            $after
            ORDER BY $key LIMIT %(chunk_rows)s
        ) AS r
        WINDOW w AS (ORDER BY place)
    ) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n"""
# A row that was changed meanwhile was redacted when it came in.
_UPDATE_ROW = """
    UPDATE $table SET
        $scrubbed
    WHERE $key = %(key)s::$key_type
      AND $is_unchanged"""

_ACQUIRE_LEASE = """
    UPDATE scrubs SET status = 'running', started_at = coalesce(started_at, now()), attempts = attempts + 1, lease_token = gen_random_uuid(),
        lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
    WHERE id = %(id)s AND status IN ('queued', 'running') AND (lease_expires_at IS NULL OR lease_expires_at < now())
    RETURNING stage, after_key, is_dry_run, attempts, lease_token"""
_ADVANCE = """
    UPDATE scrubs SET stage = %(stage)s, after_key = %(after_key)s, attempts = 0, rows_scanned = rows_scanned + %(scanned)s,
        rows_changed = rows_changed + %(changed)s, redactions = sum_of_each(redactions, %(redactions)s),
        lease_expires_at = now() + make_interval(secs => %(lease_seconds)s)
    WHERE id = %(id)s AND lease_token = %(lease_token)s"""
_RELEASE_LEASE = "UPDATE scrubs SET lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s"
_FINISH = "UPDATE scrubs SET status = %(status)s, finished_at = now(), lease_expires_at = NULL WHERE id = %(id)s AND lease_token = %(lease_token)s"


@dataclass(slots=True)
class _Place:
    """How far the scrub is: the stage, and the key of the last row that was read."""

    stage: int
    after_key: str | None
    is_dry_run: bool
    lease_token: UUID


def run(worker: Resources, scrub_id: UUID, run_seconds: float = RUN_SECONDS) -> bool:
    """Continues a scrub for a while. True if there is more to do; False if it has ended, or if another worker has it."""
    with worker.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_ACQUIRE_LEASE, {"id": scrub_id, "lease_seconds": LEASE_SECONDS}).fetchone()
    if row is None:
        return False
    place = _Place(row["stage"], row["after_key"], row["is_dry_run"], row["lease_token"])
    parameters = {"id": scrub_id, "lease_token": place.lease_token}
    if row["attempts"] > MAX_ATTEMPTS:
        log.error(
            "scrub_given_up",
            scrub_id=str(scrub_id),
            stage=(*(stage.table for stage in STAGES), "transcripts", "search_documents")[place.stage],
        )
        return _end(worker, parameters, "failed")
    deadline = time.monotonic() + run_seconds
    try:
        while place.stage <= DOCUMENTS:
            with worker.transaction() as connection:
                if place.stage < TRANSCRIPTS:
                    _scrub_chunk(connection, place, parameters)
                elif place.stage == TRANSCRIPTS:
                    _scrub_transcripts(connection, worker.archive, place, parameters)
                else:
                    _forget_documents(connection, place, parameters)
            if time.monotonic() > deadline:
                with worker.transaction() as connection:
                    connection.execute(_RELEASE_LEASE, parameters)
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
    """Scrubs the next rows of the table, or moves on to the next table."""
    stage = STAGES[place.stage]
    redactions: Counter[str] = Counter()
    with connection.cursor(row_factory=dict_row) as cursor:
        chunk = {"after_key": place.after_key, "chunk_rows": CHUNK_ROWS, "chunk_bytes": CHUNK_BYTES}
        rows = cursor.execute(select_chunk(stage, is_first=place.after_key is None).encode(), chunk).fetchall()
    changed = [change for row in rows if (change := _change(stage, row, redactions))]
    if changed and not place.is_dry_run:
        with connection.cursor() as cursor:
            cursor.executemany(update_row(stage).encode(), changed)
    _advance(connection, place, parameters, rows[-1]["key"] if rows else None, len(rows), len(changed), redactions)


def _scrub_transcripts(connection: Connection[Any], store: ContentStore, place: _Place, parameters: dict[str, Any]) -> None:
    redactions: Counter[str] = Counter()
    done = scrub_some(connection, store, place.after_key, redactions, is_dry_run=place.is_dry_run)
    _advance(connection, place, parameters, done.after, done.scanned, done.changed, redactions)


def _forget_documents(connection: Connection[Any], place: _Place, parameters: dict[str, Any]) -> None:
    """A scrub that has succeeded leaves nothing that can be found, however long the indexer needs."""
    last = None
    if not place.is_dry_run:
        lock_documents(connection)
        last = forget_noted_behind(connection, int(place.after_key or 0))
    _advance(connection, place, parameters, None if last is None else str(last), 0, 0, Counter())


def _advance(
    connection: Connection[Any],
    place: _Place,
    parameters: dict[str, Any],
    after_key: str | None,
    scanned: int,
    changed: int,
    redactions: Counter[str],
) -> None:
    """Commits how far the scrub is with what it changed. Without an `after_key` the stage is done. LeaseLostError if another worker has it."""
    place.stage, place.after_key = (place.stage, after_key) if after_key else (place.stage + 1, None)
    progress: dict[str, Any] = {"stage": place.stage, "after_key": place.after_key, "scanned": scanned, "changed": changed}
    progress |= {"redactions": Jsonb(dict(redactions)), "lease_seconds": LEASE_SECONDS}
    if connection.execute(_ADVANCE, parameters | progress).rowcount == 0:
        raise LeaseLostError


def _change(stage: Stage, row: dict[str, Any], redactions: Counter[str]) -> dict[str, Any] | None:
    """The parameters of a row's UPDATE, with the old and new values of the columns; None if nothing changes."""
    values = {name: row[name] if row[name] is None else _SCRUBBED[kind](row[name], redactions) for name, kind in stage.columns.items()}
    places = {place: row[place] for place in stage.cut_at.values()}
    for name, place in stage.cut_at.items():
        if row[place] is not None:
            values[name], places[place] = scrubbed_parts(row[name], row[place], redactions)
    if all(values[name] is row[name] for name in stage.columns):
        return None
    change = {"key": row["key"]} | values | places | {f"old_{name}": row[name] for name in stage.columns}
    if stage.searched is not None:
        change["terms"] = document_vector(values[stage.searched])
    if stage.tags is not None:
        change["tag_keys"] = [tag_key(tag) for tag in values[stage.tags]]
    return change


def select_chunk(stage: Stage, *, is_first: bool) -> str:
    """Selects the rows after %(after_key)s."""
    return sql(
        _SELECT_CHUNK,
        table=stage.table,
        key=stage.key,
        columns=", ".join(f"{name}::text AS {name}" if kind.startswith("json") else name for name, kind in stage.columns.items())
        + "".join(f", {place}" for place in stage.cut_at.values()),
        size="\n    + ".join(
            f"coalesce(octet_length({f'{name}::text' if kind == 'text[]' else name}), 0)" for name, kind in stage.columns.items()
        ),
        after="" if is_first else f"WHERE {stage.key} > %(after_key)s::{stage.key_type}",
    )


def update_row(stage: Stage) -> str:
    """Replaces the texts of the row %(key)s, unless they have changed since they were read."""
    scrubbed = [f"{name} = %({name})s::{kind}" for name, kind in stage.columns.items()]
    scrubbed += [f"{place} = %({place})s" for place in stage.cut_at.values()]
    if stage.searched is not None:
        scrubbed.append("terms = %(terms)s::tsvector")
    if stage.tags is not None:
        scrubbed.append("tag_keys = %(tag_keys)s::text[]")
    is_unchanged = "\nAND ".join(f"{name}::text IS NOT DISTINCT FROM %(old_{name})s::{kind}::text" for name, kind in stage.columns.items())
    return sql(
        _UPDATE_ROW, table=stage.table, key=stage.key, key_type=stage.key_type, scrubbed=",\n".join(scrubbed), is_unchanged=is_unchanged
    )
