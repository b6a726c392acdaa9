"""Puts the transcripts of an export into the archive, byte for byte, and writes their rows, so that they are read, resumed and parsed again as before."""

from collections.abc import Iterator
from typing import IO, Any, Final

import msgspec
from psycopg import Connection

from services.worker import lock_order
from services.worker.archive.archive_locks import refer_to
from services.worker.archive.imported_files import ImportedFile, Place, store_files
from services.worker.archive.segments import Segment, add_segments, packed
from services.worker.importers.formats.export_manifest import StoredTranscript
from services.worker.importers.job.shards import Shard
from services.worker.persist.dropped_texts import sessions_without_texts
from services.worker.persist.tombstones import Kind, with_tombstones
from shared.blobs.contents import ContentStore
from shared.redaction.redacted_lines import redact_lines
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "besides.sql")


class NotAsListed(Exception):
    """The pieces of a transcript are not what its member has."""


def put_segments(store: ContentStore, content: IO[bytes], file: StoredTranscript, redactions: dict[str, int] | None) -> Iterator[Segment]:
    """Puts a transcript's content, cut where it was cut before. NotAsListed; BlobStoreError if the store is away.

    Redacted by today's rules, which changes nothing of what is redacted already. `redactions`: None to redact nothing.
    """
    last = 0
    for end_offset, size in file.pieces:
        piece = content.read(size)
        if len(piece) != size or end_offset < last or not size:
            raise NotAsListed
        last = end_offset
        if redactions is not None:
            piece = redact_lines(piece, redactions)
        digest, frame = packed(piece)
        store.put(digest.hex(), frame)
        yield Segment(end_offset, digest, len(piece), len(frame))
    if content.read(1):
        raise NotAsListed


def store_transcript(
    connection: Connection[Any], store: ContentStore, shard: Shard, file: StoredTranscript, segments: list[Segment], user: str | None
) -> None:
    """Writes the rows of one, in the caller's transaction. BlobStoreAway if a content has to be put again.

    A content of an import is one of this import. A machine's file keeps its machine and generation, so that the machine goes on with it where it was.
    """
    lock_order.lock_import_order(connection)
    size = segments[-1].end_offset if segments else file.dropped_to
    if not file.machine_id:
        place = Place(file.session_id, file.file_name)
        found = ImportedFile(place, size, segments, frozenset(file.facts_ids), file.changed_at)
        store_files(connection, store, [found], user=user, job_number=shard.job_number, parser_version=file.parser_version)
        return
    refer_to(connection, store, {segment.sha256 for segment in segments})
    parameters = msgspec.structs.asdict(file) | {"user_name": user, "size": size, "job_number": shard.job_number}
    added = connection.execute(_SQL.live_file, parameters).fetchone()
    if added is None:
        connection.execute(_SQL.brought_again, parameters | {"sha256s": [segment.sha256 for segment in segments]})
    else:
        add_segments(connection, [(added[0], number, segment) for number, segment in enumerate(segments)])


def is_gone(connection: Connection[Any], file: StoredTranscript, user: str | None) -> bool:
    """Whether the session, or some of it, or its user was erased here or has expired, or nothing would be left of the file without its texts."""
    named: set[tuple[Kind, str]] = {("session", file.session_id)}
    is_gone = with_tombstones(connection, named if user is None else {*named, ("user", user)})
    return bool(is_gone) or (not file.machine_id and bool(sessions_without_texts(connection, [file.session_id])))


def without_dropped(connection: Connection[Any], file: StoredTranscript, segments: list[Segment]) -> tuple[StoredTranscript, list[Segment]]:
    """Without segments if the session's texts were dropped here alone. The file stays, so that its machine goes on behind it."""
    if segments and sessions_without_texts(connection, [file.session_id]) and not file.dropped_to:
        return msgspec.structs.replace(file, dropped_to=segments[-1].end_offset), []
    return file, segments
