"""What a reparse reads: the contents of files, each as one import brought it, as today's reader understands them."""

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from services.worker.importers.formats.plausible_records import Found, plausible
from services.worker.importers.formats.transcript.transcript_reader import Transcript
from services.worker.importers.job.chunks import CHUNK_CHARACTERS, characters_of
from services.worker.persist.records import FileSummary, Record, RecordError
from services.worker.resources import Resources
from shared.archive.stored_pieces import Piece, next_pieces, piece_of
from shared.redaction.redacted_lines import redact_lines
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "reparse_reading.sql")

# Of one transaction. Others wait for it, so it has fewer than a chunk of an import.
RECORDS_AT_ONCE: Final = 500


class Content(NamedTuple):
    """A content of a file, as an import brought it, or live capture."""

    id: int
    session_id: str
    file_name: str
    # Of its last reading.
    facts_ids: list[UUID]
    job_number: int
    job_id: UUID
    user: str | None
    accepted_at: datetime
    # What the key was bound to that brought it.
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
