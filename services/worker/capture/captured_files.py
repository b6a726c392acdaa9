"""The rows of captured files: which are due to be read, and how far each is read."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from services.worker.sweep.sweep_statements import CAPTURED_FILES_WAIT, DUE_CAPTURED_FILES
from shared.archive.stored_pieces import decompressed
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "captured_files.sql")

# More than that is a backlog: history of old sessions, or what waited while the server was away.
LONG_BYTES: Final = 256 * 1024

# Committed before the file is read. A crash of the server may forget it, so that nothing waits for the disk.
_BEGIN = "SET LOCAL synchronous_commit = off"
_SET_ASIDE = "UPDATE transcript_files SET read_again_at = now() + interval '10 minutes' WHERE id = %(id)s"


class CapturedFile(NamedTuple):
    """A file of which some is not read yet."""

    id: int
    session_id: str
    file_name: str
    user: str | None
    parsed_offset: int
    stored_offset: int
    # The facts that the last reading stored.
    facts_ids: list[UUID]
    # Readings that were begun since.
    attempts: int
    # It was set aside until then, and is tried again now.
    was_set_aside_until: datetime | None
    # The user whose API key brought it, who must not touch sessions of others; None: the key was not bound.
    bound_user: str | None
    # How often lines were taken out of what is stored of it.
    rewrites: int = 0

    @property
    def is_long(self) -> bool:
        """Whether there is more to read than a running session adds at once."""
        return self.stored_offset - self.parsed_offset > LONG_BYTES

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.session_id}/{self.file_name}"


class MovedOnError(Exception):
    """Somebody else has read the file meanwhile; what was read here must not be committed."""


def due_files(connection: Connection[Any], limit: int) -> list[CapturedFile]:
    """Files to be read in the next round: those with the least to read, the one that waits longest, and one whose reading failed before.

    A running session must not wait for the backlog of old ones, and neither may wait for a file that ends the process.
    """
    found = connection.execute(DUE_CAPTURED_FILES, {"limit": limit}).fetchall()
    return [CapturedFile(*row[:11]) for row in found]


def is_any_due(connection: Connection[Any]) -> bool:
    """Whether anything is left to be read."""
    return connection.execute(CAPTURED_FILES_WAIT).fetchone() is not None


def count_attempt(connection: Connection[Any], file: CapturedFile) -> None:
    """To be committed before the file is read. advance() resets it."""
    connection.execute(_BEGIN)
    connection.execute(_SQL.count_attempt, {"id": file.id})


def set_aside(connection: Connection[Any], file: CapturedFile) -> None:
    """The file is not due for ten minutes, and for longer each time that its reading fails again."""
    connection.execute(_SET_ASIDE, {"id": file.id})


def wait_for_archive(connection: Connection[Any], file: CapturedFile) -> None:
    """The file is not due for a minute, and the attempt that was counted does not count: the file is not to blame."""
    connection.execute(_SQL.wait_for_archive, {"id": file.id})


def advance(connection: Connection[Any], file: CapturedFile, end_offset: int, facts_ids: Collection[UUID], parser_version: int) -> None:
    """Notes how far the file is read. MovedOnError if it is not where it was."""
    parameters = {"id": file.id, "start": file.parsed_offset, "end": end_offset, "facts_ids": list(facts_ids)}
    if not connection.execute(_SQL.advance, parameters | {"parser_version": parser_version}).rowcount:
        raise MovedOnError(file.name)


def superseded_facts(connection: Connection[Any], file_ids: Sequence[int], facts_ids: Collection[UUID]) -> list[UUID]:
    """Facts of the last readings of files that neither their readings now nor other files have. `facts_ids`: of the readings now."""
    return [row[0] for row in connection.execute(_SQL.superseded, {"file_ids": list(file_ids), "facts_ids": list(facts_ids)})]


# Most have a mebibyte at most.
RANGES_AT_ONCE = 4


class UnreadRange(NamedTuple):
    """Whole lines of a file, redacted. Offsets are in bytes of the file on its machine, so `content` may have another length."""

    start_offset: int
    end_offset: int
    content: bytes
    received_at: datetime
    request_id: str


def unread_ranges(connection: Connection[Any], file_id: int, start: int) -> Iterator[UnreadRange]:
    """The ranges that begin at `start` or behind it, in order. The first may begin later: behind a gap, or if its beginning is not kept any more."""
    while True:
        rows = connection.execute(_SQL.ranges, {"file_id": file_id, "start": start, "limit": RANGES_AT_ONCE}).fetchall()
        for start_offset, end_offset, frame, received_at, request_id in rows:
            yield UnreadRange(start_offset, end_offset, decompressed(frame), received_at, request_id)
            start = end_offset
        if len(rows) < RANGES_AT_ONCE:
            return
