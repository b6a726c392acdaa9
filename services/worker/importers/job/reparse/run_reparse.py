"""A reparse: the rows of archived transcripts are derived anew by today's reader. The archive itself does not change.

It takes one session after the other, with the sessions that share rows with it:

1. note what is stored of it (reparse_rows.py)
2. read each content again (reparse_rows.py), and store what it gives as an import does, some records in each transaction. Where a row came with
   archived contents alone, today's version takes its place; if nothing differs, nothing is written
3. remove what the archive gave and today's reader does not give, some rows in each transaction

Live events, captured files and imports go on in between. A row is removed only if a content that was read names it (ids.py). So what came with
a content that is not in the archive stays, and so does what hooks alone know: their rows, and the durations that they reported.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection, Rollback
from psycopg.types.json import Jsonb

from services.worker import lock_order
from services.worker.archive.segments import forget_damage, note_damage
from services.worker.importers.formats.ids import ids_named_in
from services.worker.importers.job import errors, shards
from services.worker.importers.job.reparse import reparse_rows
from services.worker.importers.job.reparse.reparse_rows import (
    Content,
    ContentReading,
    ContentsChanged,
    Scope,
    Unread,
    check_still_brought,
    contents_of,
    pieces_from,
)
from services.worker.importers.job.shards import Checkpoint, Progress, Shard
from services.worker.importers.job.withdraw_rows import withdraw_rows
from services.worker.kept_out import know_kept_out
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.ownership import foreign_among
from services.worker.persist.records import Record, SessionFacts, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from shared.archive.stored_pieces import ContentUnreadable
from shared.claude_formats.upload_kinds import READER_VERSION
from shared.events.messages import binding
from shared.redaction.redacted_structs import redact_structs
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "run_reparse.sql")

# Rows that one transaction removes. No other transaction can write meanwhile.
ROWS_AT_ONCE: Final = 200

_SET_TOTAL = "UPDATE import_jobs SET bytes_total = %(bytes)s WHERE number = %(job_number)s"
_NEXT = "SELECT session_id FROM import_sessions WHERE job_number = %(job_number)s ORDER BY session_id LIMIT 1"
_DONE = "DELETE FROM import_sessions WHERE job_number = %(job_number)s AND session_id = ANY(%(session_ids)s)"
_ADD_CHANGES = "UPDATE import_jobs SET changes = sum_of_each(changes, %(changes)s) WHERE number = %(job_number)s"

_READ_BY = "UPDATE transcript_files SET parser_version = %(version)s, facts_ids = %(facts_ids)s WHERE id = %(id)s"


class _Ended(Exception):
    """The job goes no further, for the reason that its outcome says."""

    def __init__(self, outcome: str) -> None:
        super().__init__(outcome)
        self.outcome = outcome


def choose_sessions(connection: Connection[Any], job_number: int) -> None:
    """Notes the sessions of the job's selection as left to do. Harmless when repeated, as by a job that is tried again."""
    reparse_rows.forget_ended(connection)
    connection.execute(_SQL.choose, {"job_number": job_number})
    [(left,)] = connection.execute(_SQL.bytes_left, {"job_number": job_number}).fetchall()
    connection.execute(_SET_TOTAL, {"job_number": job_number, "bytes": left})


def run(worker: Resources, shard: Shard) -> str:
    """Works on a job to its end. Gives the outcome."""
    if shard.is_cancelled:
        return "cancelled"
    if shard.checkpoint == Checkpoint():
        with worker.transaction() as connection:
            choose_sessions(connection, shard.job_number)
            shards.advance(connection, shard, Progress(Checkpoint(records=1), 0))
    reparse = _Reparse(worker, shard)
    try:
        while reparse.next_sessions():
            pass
    except _Ended as end:
        return end.outcome
    return "succeeded"


class _Reparse:
    """A job that is worked on, in short transactions."""

    def __init__(self, worker: Resources, shard: Shard) -> None:
        self._worker = worker
        self._shard = shard
        self._number = shard.job_number
        with worker.transaction() as connection:
            [job] = connection.execute(_SQL.job, {"job_number": self._number}).fetchall()
        self._bytes_total, self._is_dry_run, self._max_removed, changes = job
        self._removed = sum(count for name, count in changes.items() if name.endswith("_removed"))
        self._bytes_done = 0

    def next_sessions(self) -> bool:
        """Reparses the next session, and all that share rows with it. False if none is left."""
        with self._worker.transaction() as connection:
            following = connection.execute(_NEXT, {"job_number": self._number}).fetchone()
            if following is None:
                return False
            [(left,)] = connection.execute(_SQL.bytes_left, {"job_number": self._number}).fetchall()
            self._bytes_done = max(self._bytes_total - left, 0)
            session_ids = sorted(_sharing(connection, {following[0]}))
            contents = contents_of(connection, session_ids)
            scope = _scope(self._number, session_ids, contents)
            reparse_rows.note(connection, scope)
        try:
            self._reparse(scope, contents)
        except ContentsChanged:
            # They are read again, without what was taken away.
            with self._worker.transaction() as connection:
                reparse_rows.forget(connection, self._number)
        return True

    def _reparse(self, scope: Scope, contents: Sequence[Content]) -> None:
        found: list[dict[str, Any]] = []
        facts_ids: dict[int, set[UUID]] = {}
        for content in contents:
            try:
                given = self._read(content)
                facts_ids.setdefault(content.id, set()).update(given)
            except ContentUnreadable as error:
                found.append(errors.of_unreadable_content(content.name, error))
                with self._worker.transaction() as connection:
                    note_damage(connection, content.id, error)
        if not found:
            found += self._remove_unread(scope, contents)
            self._note_read(facts_ids)
        with self._worker.transaction() as connection:
            changes = reparse_rows.changes(connection, scope, is_dry_run=self._is_dry_run)
        with self._worker.transaction() as connection:
            reparse_rows.forget(connection, self._number)
            connection.execute(_DONE, {"job_number": self._number, "session_ids": scope.session_ids})
            self._advance(connection, errors=found, changes=changes)

    def _read(self, content: Content) -> set[UUID]:
        """Stores what a content gives. Gives the ids of its facts."""
        reading = ContentReading(self._worker, content)
        facts_ids: set[UUID] = set()
        begun_at = self._bytes_done
        while True:
            for chunk in reading.chunks():
                know_kept_out(self._worker)
                with self._worker.transaction() as connection:
                    self._store(connection, content, chunk)
                facts_ids |= _facts_among(chunk)
                self._bytes_done = min(begun_at + reading.offset, self._bytes_total)
            with self._worker.transaction() as connection:
                # Live capture may have added to it; it reads and stores under this order too.
                lock_order.lock_import_order(connection)
                if reading.is_at_end(connection):
                    rest = reading.rest()
                    self._store(connection, content, rest)
                    return facts_ids | _facts_among(rest)

    def _store(self, connection: Connection[Any], content: Content, records: list[Record]) -> None:
        """Stores records as an import does, in the caller's transaction. Rows that are stored like this already are looked up before the locks."""
        if self._worker.settings.redact:
            redact_structs(records, {})
        # Foreign rows are neither stored nor removed.
        ids = reparse_rows.by_relation(records)
        added = reparse_rows.not_stored(connection, ids)
        foreign = {received.event.id for received in foreign_among(connection, _batch(content, records))}
        kept = [record for record in records if record.id not in foreign]
        _keep_reported_durations(connection, kept)
        same = reparse_rows.same_as_stored(connection, content.job_number, _batch(content, kept))
        kept = [record for record in kept if record.id not in same]
        if self._is_dry_run:
            reparse_rows.note_differing(connection, self._number, reparse_rows.by_relation(kept), same)
        elif kept:
            lock_order.lock_import_order(connection)
            check_still_brought(connection, content)
            self._persist(connection, content, kept)
        reparse_rows.mark_read(connection, self._number, ids, {relation: more - foreign for relation, more in added.items()})
        self._advance(connection, rows=len(records))

    def _persist(self, connection: Connection[Any], content: Content, records: list[Record]) -> None:
        if displaced := self._persist_unless_displaced(connection, content, records):
            # The lock keeps others from seeing the row without the version that takes its place.
            lock_order.lock_writing_exclusive(connection)
            self._withdraw(connection, displaced)
            self._persist_unless_displaced(connection, content, records)

    def _persist_unless_displaced(
        self, connection: Connection[Any], content: Content, records: list[Record]
    ) -> list[tuple[UUID, str | None]]:
        """Stores records. Gives the rows that have to be deleted first, each with its session; then nothing is stored."""
        batch = _batch(content, records)
        displaced: list[tuple[UUID, str | None]] = []
        with connection.transaction() as savepoint:
            reparse_rows.list_renewed(connection, self._number, reparse_rows.by_relation(records))
            persist_isolating(connection, batch, idle_gap=self._worker.idle_gap, job_number=content.job_number)
            displaced = reparse_rows.displaced(connection)
            if displaced:
                raise Rollback(savepoint)
        return displaced

    def _remove_unread(self, scope: Scope, contents: Sequence[Content]) -> list[dict[str, Any]]:
        """Removes what the archive gave and today's reader does not give. Gives an error for rows that no content names."""
        with self._worker.transaction() as connection:
            unread = reparse_rows.unread(connection, self._number)
            facts_ids = reparse_rows.unread_facts(connection, scope)
        named = self._ids_named_in(contents) if unread else set[UUID]()
        removed = [row for row in unread if row.id in named or row.call_id in named]
        kept = Counter(row.relation for row in unread if not (row.id in named or row.call_id in named))
        self._check_removed(removed)
        if self._is_dry_run:
            with self._worker.transaction() as connection:
                self._advance(connection, changes=_removed(removed))
            return list(errors.of_rows_without_content(scope.session_ids[0], kept))
        for start in range(0, len(removed), ROWS_AT_ONCE):
            self._remove(scope, removed[start : start + ROWS_AT_ONCE])
        if facts_ids:
            self._remove(scope, [], facts_ids)
        return list(errors.of_rows_without_content(scope.session_ids[0], kept))

    def _remove(self, scope: Scope, rows: Sequence[Unread], facts_ids: Sequence[UUID] = ()) -> None:
        with self._worker.transaction() as connection:
            lock_order.lock_import_order(connection)
            lock_order.lock_writing_exclusive(connection)
            still_archived = reparse_rows.still_archived(connection, scope, rows)
            self._withdraw(connection, [row for of_table in still_archived.values() for row in of_table], scope.session_ids, facts_ids)
            reparse_rows.forget_rows(connection, self._number, rows)
            changes = {f"{relation}_removed": len(of_table) for relation, of_table in still_archived.items() if of_table}
            self._advance(connection, changes=changes)

    def _withdraw(
        self,
        connection: Connection[Any],
        rows: Sequence[tuple[UUID, str | None]],
        session_ids: Sequence[str] = (),
        facts_ids: Sequence[UUID] = (),
    ) -> None:
        """In the caller's transaction, which has writing exclusively."""
        of_rows = {session_id for _, session_id in rows if session_id is not None}
        withdraw_rows(
            connection,
            session_ids=of_rows | set(session_ids),
            row_ids=[row_id for row_id, _ in rows],
            fact_ids=facts_ids,
            idle_gap=self._worker.idle_gap,
        )

    def _ids_named_in(self, contents: Sequence[Content]) -> set[UUID]:
        named: set[UUID] = set()
        for content_id in {content.id: None for content in contents}:
            for piece in pieces_from(self._worker, content_id):
                named.update(ids_named_in(piece.content))
        return named

    def _check_removed(self, rows: Sequence[Unread]) -> None:
        """Ends the job if it would remove more rows than it may."""
        self._removed += len(rows)
        if self._max_removed is not None and self._removed > self._max_removed and not self._is_dry_run:
            with self._worker.transaction() as connection:
                self._advance(connection, errors=[errors.of_too_many_removed(self._removed, self._max_removed, _removed(rows))])
            raise _Ended("given_up")

    def _note_read(self, facts_ids: dict[int, set[UUID]]) -> None:
        """Notes the facts that the contents give, and that all of them could be read."""
        if self._is_dry_run:
            return
        with self._worker.transaction() as connection:
            for file_id, ids in sorted(facts_ids.items()):
                connection.execute(_READ_BY, {"version": READER_VERSION, "facts_ids": sorted(ids), "id": file_id})
                forget_damage(connection, file_id)

    def _advance(
        self, connection: Connection[Any], *, rows: int = 0, errors: Sequence[dict[str, Any]] = (), changes: dict[str, int] | None = None
    ) -> None:
        """Notes progress with what was done. Ends the job if that was asked for meanwhile."""
        if changes:
            connection.execute(_ADD_CHANGES, {"job_number": self._number, "changes": Jsonb(changes)})
        progress = Progress(Checkpoint(records=1), self._bytes_done, rows=rows, errors=list(errors))
        if shards.advance(connection, self._shard, progress):
            raise _Ended("cancelled")


def _sharing(connection: Connection[Any], session_ids: set[str]) -> set[str]:
    """The sessions, and all that share rows with them."""
    while True:
        found = {row[0] for row in connection.execute(_SQL.sharing, {"session_ids": sorted(session_ids)})}
        if found <= session_ids:
            return session_ids
        session_ids = session_ids | found


def _scope(job_number: int, session_ids: list[str], contents: Sequence[Content]) -> Scope:
    unnoted = {content.job_number for content in contents if content.has_unnoted_facts}
    facts_ids = {facts_id for content in contents for facts_id in content.facts_ids}
    return Scope(job_number, session_ids, sorted({content.job_number for content in contents}), sorted(facts_ids), sorted(unnoted))


def _batch(content: Content, records: Iterable[Record]) -> list[ReceivedEvent]:
    bound = binding(content.bound_user, content.bound_projects)
    return [ReceivedEvent(record, content.accepted_at, "", f"import:{content.job_id}", bound=bound) for record in records]


def _facts_among(records: Iterable[Record]) -> set[UUID]:
    return {record.id for record in records if isinstance(record, SessionFacts)}


def _keep_reported_durations(connection: Connection[Any], records: Sequence[Record]) -> None:
    """Keeps durations of calls that were reported: only a hook may have known them."""
    calls = {record.id: record for record in records if isinstance(record, ToolUse) and record.duration_source != "reported"}
    for call_id, duration_ms in connection.execute(_SQL.reported, {"ids": list(calls)}).fetchall():
        call = calls[call_id]
        elapsed_ms, call.duration_ms, call.duration_source = call.duration_ms, duration_ms, "reported"
        call.wait_ms = None if elapsed_ms is None else max(elapsed_ms - duration_ms, 0)


def _removed(rows: Sequence[Unread]) -> dict[str, int]:
    return {f"{relation}_removed": count for relation, count in Counter(row.relation for row in rows).items()}
