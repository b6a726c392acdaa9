"""An export: rows and transcripts of everything, of a user or of a project, as one archive in the store. It reads from top to bottom.

1. take one snapshot of the database, on a connection of its own, and choose the sessions in it
2. write the rows, table by table (export_rows.py), and then the transcripts, byte for byte as the archive has them
3. write the manifest, which lists all with their hashes; then the archive is durable, and its row says where it is

Everything is read in one transaction, REPEATABLE READ, so the archive is of one moment, whatever is written meanwhile. It locks nothing that a writer
waits for. While it lasts, no garbage is collected: neither by the archive, which could delete what the snapshot refers to, nor by Postgres. A worker
that dies loses the snapshot, so the next one begins again.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from tempfile import TemporaryFile
from typing import IO, Any, Final
from urllib.parse import quote

import msgspec
import psycopg
import structlog
from psycopg import Connection, IsolationLevel
from psycopg.types.json import Jsonb

from services.worker.archive.archive_locks import lock_referring
from services.worker.importers.formats.export_manifest import (
    FORMAT,
    MANIFEST,
    VERSION,
    ExportManifest,
    ManifestMember,
    Selection,
    StoredTranscript,
    row_tables_in_order,
    rows_member,
)
from services.worker.importers.job import shards
from services.worker.importers.job.export import export_rows
from services.worker.importers.job.export.archive_writer import ArchiveWriter, as_json_lines
from services.worker.importers.job.shards import Checkpoint, Progress, Shard
from services.worker.resources import Resources
from services.worker.row_lease import LeaseLostError
from shared.archive.stored_pieces import ContentUnreadable, pieces_of
from shared.blobs.store import BlobStoreError, NewBlob
from shared.blobs.stores import delete_blob, exports_url, store_at
from shared.claude_formats.upload_kinds import EXPORT_MARKER
from shared.database import connect_options
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "run_export.sql")

log = structlog.get_logger()

_FORGET_PROGRESS: Final = (_SQL.forget_progress, _SQL.forget_progress_of_share)
_KEEP_ATTEMPTS: Final = "UPDATE import_shares SET attempts = %(attempts)s WHERE job_id = %(job_id)s"
_SCHEMA: Final = "SELECT version_num FROM alembic_version"

# The time between two looks for a cancel, which write the progress too.
_TELL_SECONDS: Final = 1.0
# A slow store may let the snapshot's connection wait between two statements.
_SNAPSHOT_TIMEOUTS: Final = "SET LOCAL idle_in_transaction_session_timeout = '1h'; SET LOCAL statement_timeout = '10min'"

_README: Final = """An export of Claude Code Tracker.

manifest.json      what this is, and every file here with its SHA-256
rows/*.ndjson      one JSON object a line, a file for each table
transcripts/       Claude Code's transcripts, by session and by where they came from

It holds what was said in the sessions: keep it as private as they are. It holds no API keys. `tracker import` brings it into another tracker.
"""


class _Cancelled(Exception):
    """The job is to go no further."""


def run(worker: Resources, shard: Shard) -> str:
    """Works on an export to its end. Gives the outcome."""
    if shard.is_cancelled:
        return "cancelled"
    with worker.transaction() as connection:
        begun = connection.execute(_SQL.begin, {"job_id": shard.job_id, "lease_token": shard.lease_token}).fetchone()
        if begun is None:
            raise LeaseLostError
        left, user, project_id = begun
        for each in _FORGET_PROGRESS:
            connection.execute(each, {"job_id": shard.job_id})
    if left is not None:
        _delete(left)
    blob = store_at(exports_url(worker.settings.archive_url)).new()
    try:
        with _snapshot(worker.settings.database_url) as connection:
            _Export(worker, shard, connection, Selection(user, project_id)).write(blob)
    except _Cancelled:
        blob.discard()
        return "cancelled"
    except BaseException:
        blob.discard()
        raise
    return "succeeded"


def _delete(url: str) -> None:
    try:
        delete_blob(url)
    except BlobStoreError as error:
        log.warning("export_not_deleted", blob_url=url, reason=str(error))


@contextmanager
def _snapshot(database_url: str) -> Iterator[Connection[Any]]:
    """A transaction that sees one moment, on a connection of its own. It commits nothing."""
    options = connect_options(statement_timeout_ms=30_000, lock_timeout_ms=5_000, read_only=False)
    with psycopg.connect(database_url, application_name="tracker-export", **options) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.execute(_SNAPSHOT_TIMEOUTS)
        # Before the first look at the rows: what they refer to stays until they are written.
        lock_referring(connection)
        yield connection
        connection.rollback()


class _Export:
    """One attempt."""

    def __init__(self, worker: Resources, shard: Shard, connection: Connection[Any], selection: Selection) -> None:
        self._worker = worker
        self._shard = shard
        self._connection = connection
        self._selection = selection
        self._bytes_done = self._rows = self._files = self._sessions_done = 0
        self._told_at = time.monotonic()
        self._counts: dict[str, int] = {}
        self._damaged: list[str] = []

    def write(self, blob: NewBlob) -> None:
        """The whole archive. _Cancelled if the job is to end; LeaseLostError if another worker has it."""
        chosen = export_rows.choose(self._connection, self._selection)
        [(at, schema)] = self._connection.execute(f"SELECT transaction_timestamp(), ({_SCHEMA})").fetchall()
        self._note(_SQL.set_total, bytes=chosen.bytes)
        self._note(_SQL.set_written, blob_url=blob.url, sessions=chosen.sessions, snapshot_at=at)
        archive = ArchiveWriter(blob, at.astimezone(UTC), self._on_bytes)
        marker = {"format": FORMAT, "version": VERSION, "manifest": MANIFEST}
        archive.add(EXPORT_MARKER, [msgspec.json.encode(marker) + b"\n"], is_packed=False)
        archive.add("README.txt", [_README.encode()])
        for table in row_tables_in_order():
            if table == "transcript_files":
                self._write_transcripts(archive, chosen.bytes)
            else:
                archive.add(rows_member(table), as_json_lines(self._rows_of(table)), expected_bytes=chosen.bytes)
        manifest = self._manifest(archive, at, schema)
        archive.add(MANIFEST, [msgspec.json.format(msgspec.json.encode(manifest), indent=1)])
        size, digest = archive.finish()
        self._tell()
        self._note(_SQL.finish, bytes=size, sha256=digest, counts=Jsonb(self._counts), days=self._worker.settings.export_days)
        log.info("export_written", sessions=chosen.sessions, bytes=size, damaged=len(self._damaged))

    def _manifest(self, archive: ArchiveWriter, at: datetime, schema: str) -> ExportManifest:
        return ExportManifest(
            format=FORMAT,
            version=VERSION,
            schema=schema,
            snapshot_at=at,
            selection=self._selection,
            idle_gap_seconds=round(self._worker.idle_gap.total_seconds()),
            counts=self._counts,
            totals=export_rows.totals(self._connection),
            not_told_apart=export_rows.not_told_apart(self._connection, self._selection),
            damaged=self._damaged,
            members=[ManifestMember(member.name, member.bytes, member.sha256) for member in archive.members],
        )

    def _rows_of(self, table: str) -> Iterator[bytes]:
        self._counts[table] = 0
        for row in export_rows.rows_of(self._connection, table, self._selection):
            self._counts[table] += 1
            self._rows += 1
            yield row

    def _write_transcripts(self, archive: ArchiveWriter, expected_bytes: int) -> None:
        """Each content of each file as a member, and behind them how they lie in the archive."""
        with TemporaryFile() as listed:
            self._write_contents(archive, listed)
            listed.seek(0)
            archive.add(rows_member("transcript_files"), iter(partial(listed.read, 1 << 18), b""), expected_bytes=expected_bytes)

    def _write_contents(self, archive: ArchiveWriter, listed: IO[bytes]) -> None:
        """Each content of each file as a member, and into `listed` how it lies in the archive."""
        last_session: str | None = None
        for row in self._rows_of("transcript_files"):
            file = msgspec.json.decode(row)
            if last_session not in (None, file["session_id"]):
                self._sessions_done += 1
            last_session = file["session_id"]
            member = _member_name(file)
            pieces: list[tuple[int, int]] = []
            archive.add(member, self._content(file, member, pieces), expected_bytes=file["raw_bytes"])
            self._files += 1
            given = {name: file[name] for name in StoredTranscript.__struct_fields__ if name in file}
            is_damaged = member in self._damaged[-1:]
            listed.write(msgspec.json.encode(given | {"member": member, "pieces": pieces, "is_damaged": is_damaged}) + b"\n")

    def _content(self, file: dict[str, Any], member: str, pieces: list[tuple[int, int]]) -> Iterator[bytes]:
        """A file's content as far as it was read, and into `pieces` where each part of it ends. Ends where a part of it is lost."""
        try:
            for piece in pieces_of(self._connection, file["id"], self._worker.archive):
                if piece.end_offset > file["parsed_offset"]:
                    return
                pieces.append((piece.end_offset, len(piece.content)))
                yield piece.content
        except ContentUnreadable as error:
            self._damaged.append(member)
            log.error("export_content_unreadable", member=member, reason=str(error))

    def _on_bytes(self, size: int) -> None:
        self._bytes_done += size
        if time.monotonic() - self._told_at > _TELL_SECONDS:
            self._tell()

    def _tell(self) -> None:
        """Writes the progress and renews the lease. _Cancelled, LeaseLostError."""
        self._told_at = time.monotonic()
        with self._worker.transaction() as connection:
            connection.execute(_SQL.set_sessions_done, {"job_id": self._shard.job_id, "sessions_done": self._sessions_done})
            progress = Progress(Checkpoint(), self._bytes_done, rows=self._rows, files=self._files)
            is_cancelled = shards.advance(connection, self._shard, progress)
            # An attempt that gets on is no success: the next one begins again.
            connection.execute(_KEEP_ATTEMPTS, {"job_id": self._shard.job_id, "attempts": self._shard.attempts})
        self._rows = self._files = 0
        if is_cancelled:
            raise _Cancelled

    def _note(self, command: str, **values: object) -> None:
        with self._worker.transaction() as connection:
            connection.execute(command.encode(), values | {"job_id": self._shard.job_id})


def _member_name(file: dict[str, Any]) -> str:
    """`transcripts/<session>/<machine or "imported">.<generation>/<file>`. A name that is not plain is escaped, so that nothing leads elsewhere."""
    machine = file["machine_id"] or "imported"
    parts = [file["session_id"], f"{machine}.{file['generation']}", *file["file_name"].split("/")]
    return "/".join(["transcripts", *map(_escaped, parts)])


def _escaped(part: str) -> str:
    escaped = quote(part, safe=" @+=,~")
    return escaped.replace(".", "%2E") if escaped.strip(".") == "" else escaped
