"""The rows of the sessions that a reparse is at: their contents before, and which of them today's reader gives too.

It is in a table of its own, `reparse_rows`, so that the reparse goes on in short transactions and live events come in between. A row that comes
meanwhile is not in it, and stays.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from services.worker.importers.formats.plausible_records import Found, plausible
from services.worker.importers.formats.transcript.transcript_reader import Transcript
from services.worker.importers.job.chunks import CHUNK_CHARACTERS, characters_of
from services.worker.persist.dead_letters import VALUE_ERRORS, is_data_error
from services.worker.persist.derived_values import stored_prices
from services.worker.persist.records import FileSummary, Record, RecordError, SessionFacts
from services.worker.persist.staging.stage_records import STAGED
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear, copy_in, stage
from services.worker.resources import Resources
from services.worker.row_tables import KEYS, ROW_TABLES, RowTable, for_all
from services.worker.sql_text import listed, sql
from shared.archive.stored_pieces import Piece, next_pieces, piece_of
from shared.redaction.redacted_lines import redact_lines
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "reparse_rows.sql")

FACTS: Final = "session_facts"
_FORGET = "DELETE FROM reparse_rows WHERE job_number = %(job_number)s"

_SAME_FACTS = "SELECT id FROM session_facts WHERE id = ANY(%(ids)s::uuid[]) AND %(job_number)s = ANY(brought_by)"
_STORED = "SELECT '$table' AS relation, id FROM $table WHERE id = ANY(%($table)s::uuid[])"
_FORGET_ROWS = "DELETE FROM reparse_rows WHERE job_number = %(job_number)s AND relation = %(relation)s AND id = ANY(%(ids)s::uuid[])"


class Scope(NamedTuple):
    """The sessions that a reparse is at, the jobs that brought the contents that it reads, and the facts that these contents gave."""

    job_number: int
    session_ids: list[str]
    job_numbers: list[int]
    facts_ids: list[UUID]
    # Jobs of contents of which it was not noted yet which facts they gave.
    unnoted_job_numbers: list[int]


class Unread(NamedTuple):
    """A row that the archive gave, and that today's reader has not given. `call_id`: the tool call that an activity is of."""

    relation: str
    id: UUID
    call_id: UUID | None


def note(connection: Connection[Any], scope: Scope) -> None:
    """Notes what is stored. Rows that are noted already stay as they are, so a reparse that died goes on."""
    parameters = scope._asdict()
    connection.execute("SET LOCAL statement_timeout = '10min'")
    for table in ROW_TABLES.values():
        call_id = "tool_call_id" if "tool_call_id" in table.uncounted else "NULL"
        connection.execute(sql(_SQL.note_rows, table=table.name, call_id=call_id, columns=_compared(table)).encode(), parameters)
    connection.execute(_SQL.note_facts, parameters)
    connection.execute(sql(_SQL.note_sessions, session=_SQL.content_of_session).encode(), parameters)


def forget_ended(connection: Connection[Any]) -> None:
    """Forgets what reparses noted that have ended."""
    connection.execute(_SQL.forget_ended)


def forget(connection: Connection[Any], job_number: int) -> None:
    """Forgets what a reparse noted, when it is through with its sessions."""
    connection.execute(_FORGET, {"job_number": job_number})


def by_relation(records: Iterable[Record]) -> dict[str, list[UUID]]:
    """The ids of records that become rows, by table."""
    found: dict[str, list[UUID]] = {}
    for record in records:
        if (table := STAGED.get(type(record))) is not None:
            found.setdefault(table.name, []).append(record.id)
    return found


def same_as_stored(connection: Connection[Any], job_number: int, batch: Sequence[ReceivedEvent]) -> set[UUID]:
    """The ids of the records that a job has stored just like this already. Needs no locks."""
    try:
        with connection.transaction():
            stored_prices.refresh(connection)
            copy_in(connection, stage(batch))
            facts_ids = [received.event.id for received in batch if isinstance(received.event, SessionFacts)]
            same = set(connection.execute(_SAME_FACTS, {"ids": facts_ids, "job_number": job_number}).fetchall())
            for table in ROW_TABLES.values():
                names = [*table.fixed, *_versioned(table)]
                of = {"of_row": listed(f"t.{name}" for name in names), "of_staged": listed(f"s.{name}" for name in names)}
                same.update(connection.execute(sql(_SQL.same, table=table.name, **of).encode(), {"job_number": job_number}).fetchall())
            clear(connection)
            return {row[0] for row in same}
    except (psycopg.Error, *VALUE_ERRORS) as error:
        if not is_data_error(error):
            raise
        # One of them cannot be stored: found when they are.
        return set()


def note_differing(connection: Connection[Any], job_number: int, ids: dict[str, list[UUID]], same: Collection[UUID]) -> None:
    """For a reparse that stores nothing: notes that rows would change."""
    for relation, of_relation in ids.items():
        if relation != FACTS:
            differing = [row_id for row_id in of_relation if row_id not in same]
            connection.execute(_SQL.note_differing, {"job_number": job_number, "relation": relation, "ids": differing})


def list_renewed(connection: Connection[Any], job_number: int, ids: dict[str, list[UUID]]) -> None:
    """Lists in `renewed_ids` the rows of which these records are the first that today's reader gives."""
    connection.execute(_SQL.to_renew, {"job_number": job_number} | _pairs(ids))


def displaced(connection: Connection[Any]) -> list[tuple[UUID, str | None]]:
    """Renewed rows, each with its session, that have to be deleted before the staged version of them can be stored."""
    found: list[tuple[UUID, str | None]] = []
    for table in ROW_TABLES.values():
        fixed = {
            "fixed_of_row": listed(f"t.{name}" for name in table.fixed),
            "fixed_of_staged": listed(f"s.{name}" for name in table.fixed),
        }
        found += connection.execute(sql(_SQL.displaced, table=table.name, **fixed).encode()).fetchall()
    return found


def not_stored(connection: Connection[Any], ids: dict[str, list[UUID]]) -> dict[str, set[UUID]]:
    """Those of the rows that there are not yet."""
    missing = {relation: set(ids.get(relation, ())) for relation in ROW_TABLES}
    parameters = {relation: list(of_relation) for relation, of_relation in missing.items()}
    for relation, row_id in connection.execute(for_all(_STORED).encode(), parameters).fetchall():
        missing[relation].discard(row_id)
    return missing


def mark_read(connection: Connection[Any], job_number: int, ids: dict[str, list[UUID]], added: dict[str, set[UUID]]) -> None:
    """Notes what today's reader gives, and which rows of it were added."""
    connection.execute(_SQL.mark_read, {"job_number": job_number} | _pairs(ids))
    if any(added.values()):
        connection.execute(_SQL.note_added, {"job_number": job_number} | _pairs(added))


def unread(connection: Connection[Any], job_number: int) -> list[Unread]:
    """Rows from the archive that today's reader has not given, without facts."""
    return [Unread(*row) for row in connection.execute(_SQL.unread, {"job_number": job_number}).fetchall()]


def unread_facts(connection: Connection[Any], scope: Scope) -> list[UUID]:
    """The same of facts, but for those that files of other sessions gave too."""
    return [row[0] for row in connection.execute(_SQL.unread_facts, scope._asdict()).fetchall()]


def still_archived(connection: Connection[Any], scope: Scope, rows: Sequence[Unread]) -> dict[str, list[tuple[UUID, str]]]:
    """By table, the rows that nothing else has brought meanwhile, each with its session."""
    found = {}
    for relation in sorted({row.relation for row in rows}):
        ids = [row.id for row in rows if row.relation == relation]
        parameters = {"ids": ids, "job_numbers": scope.job_numbers}
        found[relation] = connection.execute(sql(_SQL.still_archived, table=relation).encode(), parameters).fetchall()
    return found


def forget_rows(connection: Connection[Any], job_number: int, rows: Sequence[Unread]) -> None:
    """Forgets rows that are dealt with."""
    for relation in {row.relation for row in rows}:
        ids = [row.id for row in rows if row.relation == relation]
        connection.execute(_FORGET_ROWS, {"job_number": job_number, "relation": relation, "ids": ids})


def changes(connection: Connection[Any], scope: Scope, *, is_dry_run: bool) -> dict[str, int]:
    """How many rows were added and changed, or would be, by table: {"messages_changed": 3}."""
    parameters = scope._asdict() | {"is_dry_run": is_dry_run}
    connection.execute("SET LOCAL statement_timeout = '10min'")
    found = []
    for table in ROW_TABLES.values():
        columns = ", ".join(f"t.{name}" for name in _columns(table))
        found += connection.execute(_SQL.count_added.replace("$table", table.name).encode(), parameters).fetchall()
        statement = _SQL.count_changed.replace("$table", table.name)
        found += connection.execute(sql(statement, columns=columns).encode(), parameters).fetchall()
    found += connection.execute(sql(_SQL.count_changed_sessions, session=_SQL.content_of_session).encode(), parameters).fetchall()
    return {name: count for name, count in found if count}


def _pairs(ids: Mapping[str, Collection[UUID]]) -> dict[str, list[Any]]:
    """In one order, so that two transactions do not deadlock."""
    pairs = sorted((relation, row_id) for relation, of_relation in ids.items() for row_id in of_relation)
    return {"relations": [relation for relation, _ in pairs], "ids": [row_id for _, row_id in pairs]}


def _compared(table: RowTable) -> str:
    return listed(_columns(table))


def _columns(table: RowTable) -> list[str]:
    return [*KEYS, *table.fixed, *_versioned(table)]


def _versioned(table: RowTable) -> list[str]:
    return [*table.counted, *table.uncounted]


# The records of one transaction. Others wait for it, so it has fewer than a chunk of an import.
RECORDS_AT_ONCE: Final = 500


class Content(NamedTuple):
    """A content of a file, as an import brought it, or live capture."""

    id: int
    session_id: str
    file_name: str
    # The facts that its last reading gave.
    facts_ids: list[UUID]
    job_number: int
    job_id: UUID
    user: str | None
    accepted_at: datetime
    # The binding of the key that brought it.
    bound_user: str | None
    bound_projects: list[int] | None
    # It came before it was noted which facts a content gives.
    has_unnoted_facts: bool

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.session_id}/{self.file_name}"


class ContentsChanged(Exception):
    """A content was taken away while it was read."""


def contents_of(connection: Connection[Any], session_ids: list[str]) -> list[Content]:
    """All that is archived of some sessions."""
    with connection.cursor(row_factory=class_row(Content)) as cursor:
        return cursor.execute(_SQL.contents, {"session_ids": session_ids}).fetchall()


def check_still_brought(connection: Connection[Any], content: Content) -> None:
    """Under the order of imports: ContentsChanged if the import was undone meanwhile."""
    if connection.execute(_SQL.is_still_brought, {"id": content.id, "job_number": content.job_number}).fetchone() is None:
        raise ContentsChanged


def pieces_from(worker: Resources, file_id: int, position: int = 0) -> Iterator[Piece]:
    """The content of a file from a position on. A connection is held only to look for the next pieces. ContentUnreadable, BlobStoreError."""
    while True:
        with worker.transaction() as connection:
            stored = next_pieces(connection, file_id, position)
        if not stored:
            return
        for each in stored:
            piece = piece_of(worker.archive, each, position)
            yield piece
            position += len(piece.content)


class ContentReading:
    """One reading of a content from its beginning. It may grow meanwhile: chunks() goes on where it stopped."""

    def __init__(self, worker: Resources, content: Content) -> None:
        self._worker = worker
        self._content = content
        self._transcript = Transcript(content.user, worker.idle_gap, worker.kept_results)
        self._lines = 0
        # In bytes of what is stored, and of the file.
        self._position = 0
        self.offset = 0

    def chunks(self) -> Iterator[list[Record]]:
        """The records that what is stored completes. Between two chunks no connection is held. ContentUnreadable, BlobStoreError."""
        chunk: list[Record] = []
        characters = 0
        for piece in pieces_from(self._worker, self._content.id, self._position):
            for record in self._records(self._read(piece)):
                chunk.append(record)
                characters += characters_of(record)
                if len(chunk) >= RECORDS_AT_ONCE or characters >= CHUNK_CHARACTERS:
                    yield chunk
                    chunk, characters = [], 0
        if chunk:
            yield chunk

    def is_at_end(self, connection: Connection[Any]) -> bool:
        """Whether all that is stored by now was read."""
        return not next_pieces(connection, self._content.id, self._position)

    def rest(self) -> list[Record]:
        """The records that are still open at the end. Nothing can be read after it."""
        return list(self._records(self._transcript.rest()))

    def _read(self, piece: Piece) -> Iterator[Found]:
        # Rules that are newer than what is archived must find secrets before results are cut.
        content = redact_lines(piece.content, {}) if self._worker.settings.redact else piece.content
        yield from self._transcript.read_part(BytesIO(content), number=self._lines, offset=piece.start_offset)
        self._lines += piece.content.count(b"\n")
        self._position += len(piece.content)
        self.offset = piece.end_offset

    def _records(self, found: Iterator[Found]) -> Iterator[Record]:
        for each in plausible(found, self._content.accepted_at):
            if not isinstance(each, (RecordError, FileSummary)):
                yield each
