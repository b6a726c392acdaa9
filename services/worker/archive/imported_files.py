"""The rows of transcripts that imports brought: one for each content of a session's file, with its segments. An import has no machine: ''.

Two machines may go on with one session, and a backup may be older than what is here. So a content takes the place of no other: what an undo takes
away is exactly what only its import brought.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection

from services.worker.archive.archive_locks import refer_to
from services.worker.archive.imported_content import ArchivedFile
from services.worker.archive.segments import Segment, add_segments
from shared.archive.stored_pieces import ContentUnreadable, read_segment
from shared.blobs.contents import ContentStore
from shared.redaction.redact import redact_text
from shared.sql_files import SqlFile


class Content(NamedTuple):
    """The names of a content's segments, and its length in bytes."""

    sha256s: Sequence[bytes]
    raw_bytes: int


def begins_with(store: ContentStore, longer: Content, shorter: Content) -> bool:
    """Whether the one begins with the other, or is the same. False if a segment that would have to be compared cannot be read. BlobStoreAway."""
    if longer.raw_bytes < shorter.raw_bytes:
        return False
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(longer.sha256s, shorter.sha256s, strict=False)))
    try:
        return _are_same(_bytes_of(store, longer.sha256s[same:]), _bytes_of(store, shorter.sha256s[same:]))
    except ContentUnreadable:
        return False


def _are_same(long: Iterator[bytes], short: Iterator[bytes]) -> bool:
    """Whether the bytes of the second are those that the first begins with. Holds a segment of each."""
    ahead = b""
    for part in short:
        while len(ahead) < len(part):
            more = next(long, b"")
            if not more:
                return False
            ahead += more
        if not ahead.startswith(part):
            return False
        ahead = ahead[len(part) :]
    return True


def _bytes_of(store: ContentStore, sha256s: Sequence[bytes]) -> Iterator[bytes]:
    return (read_segment(store, sha256) for sha256 in sha256s)


_SQL: Final = SqlFile(__package__, "imported_files.sql")

_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_OF_SESSION: Final = re.compile(rf"(?:.*/)?({_UUID})\.jsonl", re.DOTALL)
_BELOW_SESSION: Final = re.compile(rf"(?:.*/)?({_UUID})/(subagents/.+\.jsonl)", re.DOTALL)
# Agents were once kept beside the sessions. Claude Code looks for them where it writes them today.
_AGENT: Final = re.compile(r"(?:.*/)?(agent-[^/]+\.jsonl)", re.DOTALL)
MAX_SESSION_ID: Final = 200
MAX_FILE_NAME: Final = 1_000

_CONTINUE: Final = "UPDATE transcript_files SET continued_by = %(id)s WHERE id = ANY(%(ids)s)"
_FORGET: Final = (
    "DELETE FROM transcript_files WHERE brought_by = ARRAY[%(job_number)s]::integer[]",
    """UPDATE transcript_files SET brought_by = array_remove(brought_by, %(job_number)s::integer) WHERE %(job_number)s = ANY(brought_by)""",
)


class Place(NamedTuple):
    """Which file of which session a transcript is."""

    session_id: str
    file_name: str


def place_of(name: str, session_in_records: str | None) -> Place | None:
    """By the file's path: its name is the session, or it is in the session's folder. Else by its records. None if neither names a session."""
    if found := _BELOW_SESSION.fullmatch(name):
        session_id, file_name = found[1], found[2]
    elif found := _OF_SESSION.fullmatch(name):
        session_id, file_name = found[1], f"{found[1]}.jsonl"
    elif session_in_records is None:
        return None
    else:
        session_id = session_in_records
        agent = _AGENT.fullmatch(name)
        file_name = f"subagents/{agent[1]}" if agent else f"{session_id}.jsonl"
    file_name = redact_text(file_name)
    if "\0" in session_id + file_name or len(session_id) > MAX_SESSION_ID or len(file_name) > MAX_FILE_NAME:
        return None
    return Place(session_id, file_name)


class ImportedFile(NamedTuple):
    """A transcript that a job read to its end, and whose segments are in the store. `facts_ids`: of the facts that its reading gave.

    `changed_at`: when it changed last in the tracker whose export has it; None: now.
    """

    place: Place
    size: int
    segments: list[Segment]
    facts_ids: frozenset[UUID] = frozenset()
    changed_at: datetime | None = None


def imported_file(name: str, found: ArchivedFile, facts_ids: frozenset[UUID] = frozenset()) -> ImportedFile | None:
    """Waits until the store has all of a file. None for a file that belongs to no session. BlobStoreError if a segment cannot be put."""
    for put in found.putting:
        put.result()
    place = place_of(name, found.session_id)
    return ImportedFile(place, found.size, found.segments, facts_ids) if place and found.segments else None


def store_files(
    connection: Connection[Any],
    store: ContentStore,
    files: Sequence[ImportedFile],
    *,
    user: str | None,
    job_number: int,
    parser_version: int,
) -> None:
    """Writes the files' rows in the caller's transaction, which has the order of imports. BlobStoreAway if a content has to be put again.

    Each content of a file is kept beside the others, with the imports that brought it.
    """
    refer_to(connection, store, {segment.sha256 for file in files for segment in file.segments})
    for file in sorted(files, key=lambda file: (file.place, file.size)):
        by_whom = {"user_name": user, "job_number": job_number, "parser_version": parser_version}
        _store_file(connection, store, file, by_whom | {"facts_ids": sorted(file.facts_ids), "changed_at": file.changed_at})


def _store_file(connection: Connection[Any], store: ContentStore, file: ImportedFile, parameters: dict[str, Any]) -> None:
    own = Content([segment.sha256 for segment in file.segments], sum(segment.raw_bytes for segment in file.segments))
    parameters |= {"session_id": file.place.session_id, "file_name": file.place.file_name, "size": file.size, "continued_by": None}
    continued: list[int] = []
    # The longest first.
    for file_id, sha256s, raw_bytes in connection.execute(_SQL.known, parameters).fetchall():
        known = Content(sha256s, raw_bytes)
        if begins_with(store, own, known):
            if raw_bytes == own.raw_bytes:
                connection.execute(_SQL.bring_again, parameters | {"id": file_id})
                return
            continued.append(file_id)
        elif parameters["continued_by"] is None and begins_with(store, known, own):
            parameters["continued_by"] = file_id
    [(file_id,)] = connection.execute(_SQL.add, parameters).fetchall()
    add_segments(connection, [(file_id, number, segment) for number, segment in enumerate(file.segments)])
    if continued:
        connection.execute(_CONTINUE, {"id": file_id, "ids": continued})


def forget_files(connection: Connection[Any], job_number: int) -> None:
    """For an undo: deletes the contents that only this job brought."""
    for each in _FORGET:
        connection.execute(each, {"job_number": job_number})
