"""The rows of transcripts that imports brought: one for each file of a session, with its segments. An import has no machine: ''."""

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from psycopg import Connection

from services.worker.archive.archive_locks import lock_file, refer_to
from services.worker.archive.imported_content import ArchivedFile
from services.worker.archive.segments import Segment, add_segments
from shared.blobs.contents import ContentStore
from shared.redaction.redact import redact_text

_UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_OF_SESSION: Final = re.compile(rf"(?:.*/)?({_UUID})\.jsonl", re.DOTALL)
_BELOW_SESSION: Final = re.compile(rf"(?:.*/)?({_UUID})/(subagents/.+\.jsonl)", re.DOTALL)
# Agents were once kept beside the sessions. Claude Code looks for them where it writes them today.
_AGENT: Final = re.compile(r"(?:.*/)?(agent-[^/]+\.jsonl)", re.DOTALL)
MAX_SESSION_ID: Final = 200
MAX_FILE_NAME: Final = 1_000

# A file that was known before is replaced by one that is at least as long: it has grown. An older copy changes nothing but who brought it.
_WRITE_FILES: Final = """
    INSERT INTO transcript_files AS f (session_id, file_name, user_name, brought_by, stored_offset, parsed_offset, parser_version)
    SELECT n.session_id, n.file_name, %(user_name)s, ARRAY[%(job_number)s]::integer[], n.size, n.size, %(parser_version)s
    FROM unnest(%(session_ids)s::text[], %(file_names)s::text[], %(sizes)s::bigint[]) AS n (session_id, file_name, size)
    ON CONFLICT (session_id, file_name, machine_id, generation) DO UPDATE
        SET brought_by = CASE WHEN %(job_number)s = ANY(f.brought_by) THEN f.brought_by ELSE f.brought_by || %(job_number)s::integer END,
            stored_offset = greatest(f.stored_offset, excluded.stored_offset),
            parsed_offset = greatest(f.stored_offset, excluded.stored_offset),
            parser_version = CASE WHEN excluded.stored_offset >= f.stored_offset THEN excluded.parser_version ELSE f.parser_version END,
            user_name = CASE WHEN excluded.stored_offset >= f.stored_offset THEN excluded.user_name ELSE f.user_name END,
            changed_at = CASE WHEN excluded.stored_offset >= f.stored_offset THEN now() ELSE f.changed_at END
    RETURNING session_id, file_name, id, stored_offset, xmax = 0"""
_DELETE_SEGMENTS: Final = "DELETE FROM transcript_segments WHERE file_id = ANY(%(ids)s)"
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
    """A transcript that a job read to its end, and whose segments are in the store."""

    place: Place
    size: int
    segments: list[Segment]


def imported_file(name: str, found: ArchivedFile) -> ImportedFile | None:
    """Waits until the store has all of a file. None for a file that belongs to no session. BlobStoreError if a segment cannot be put."""
    for put in found.putting:
        put.result()
    place = place_of(name, found.session_id)
    return ImportedFile(place, found.size, found.segments) if place and found.segments else None


def store_files(
    connection: Connection[Any],
    store: ContentStore,
    files: Sequence[ImportedFile],
    *,
    user: str | None,
    job_number: int,
    parser_version: int,
) -> None:
    """Writes the files' rows in the caller's transaction. BlobStoreAway if a content has to be put again."""
    # In one order, so that two jobs do not deadlock. If a file comes twice, the longer copy is taken.
    by_place = {file.place: file for file in sorted(files, key=lambda file: (file.place, file.size))}
    if not by_place:
        return
    parameters = {
        "session_ids": [place.session_id for place in by_place],
        "file_names": [place.file_name for place in by_place],
        "sizes": [file.size for file in by_place.values()],
        "user_name": user,
        "job_number": job_number,
        "parser_version": parser_version,
    }
    segments: list[tuple[int, int, Segment]] = []
    replaced: list[int] = []
    for session_id, file_name, file_id, stored_offset, is_new in connection.execute(_WRITE_FILES, parameters).fetchall():
        file = by_place[Place(session_id, file_name)]
        if file.size == stored_offset:
            segments += ((file_id, number, segment) for number, segment in enumerate(file.segments))
            if not is_new:
                replaced.append(file_id)
    for file_id in sorted(replaced):
        lock_file(connection, file_id)
    refer_to(connection, store, {segment.sha256 for _, _, segment in segments})
    if replaced:
        connection.execute(_DELETE_SEGMENTS, {"ids": replaced})
    add_segments(connection, segments)


def forget_files(connection: Connection[Any], job_number: int) -> None:
    """For an undo: deletes the files that only this job brought. Their contents are garbage then."""
    for statement in _FORGET:
        connection.execute(statement, {"job_number": job_number})
