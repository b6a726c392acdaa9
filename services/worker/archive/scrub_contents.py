"""Applies today's rules of redaction, or another change, to stored transcripts: to ranges, then to segments, some of them in each transaction.

Ranges come first. Compaction may move one meanwhile, and then into a segment that is still to come. A segment that changes is put under a new
name; the old content is garbage then. It keeps its place in the file, so it may be shorter or longer than others.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from psycopg import Connection

from services.worker.archive.archive_locks import lock_file, lock_referring
from services.worker.archive.segments import frame_of, note_damage, packed
from shared.archive.stored_pieces import ContentUnreadable, StoredPiece, read_piece, read_segment
from shared.blobs.contents import ContentStore
from shared.redaction.redact import redact_text
from shared.redaction.redacted_lines import redact_lines
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "scrub_contents.sql")

# The pieces of one transaction, about a megabyte each.
PIECES_AT_ONCE: Final = 8


class Scrubbed(NamedTuple):
    """How many pieces were looked at and changed, and where to go on; None at the end."""

    scanned: int
    changed: int
    after: str | None


class _Change(NamedTuple):
    """The changes to a piece's content, and to the id of the request that brought a range."""

    content: Callable[[bytes], bytes]
    request_id: Callable[[str], str]


def scrub_some(
    connection: Connection[Any], store: ContentStore, after: str | None, redactions: Counter[str], *, is_dry_run: bool
) -> Scrubbed:
    """The next pieces behind `after`, in the caller's transaction. BlobStoreAway if the store is away; a content that cannot be read is noted."""
    change = _Change(lambda content: redact_lines(content, redactions), lambda request_id: redact_text(request_id, redactions))
    return _change_some(connection, store, after, change, session_id=None, is_dry_run=is_dry_run)


def rewrite_some(
    connection: Connection[Any],
    store: ContentStore,
    session_id: str,
    after: str | None,
    changed: Callable[[bytes], bytes],
    *,
    is_dry_run: bool,
) -> Scrubbed:
    """The same with the contents of one session. `changed` gives the same object where it changes nothing, and keeps the number of lines."""
    return _change_some(
        connection, store, after, _Change(changed, lambda request_id: request_id), session_id=session_id, is_dry_run=is_dry_run
    )


def _change_some(
    connection: Connection[Any], store: ContentStore, after: str | None, change: _Change, *, session_id: str | None, is_dry_run: bool
) -> Scrubbed:
    kind, _, place = (after or "ranges").partition(" ")
    file_id, number = map(int, place.split("/")) if place else (0, -1)
    parameters = {"file_id": file_id, "place": number, "limit": PIECES_AT_ONCE, "session_id": session_id}
    rows = connection.execute(_SQL.ranges if kind == "ranges" else _SQL.segments, parameters).fetchall()
    if not rows:
        return Scrubbed(0, 0, "segments" if kind == "ranges" else None)
    change_one: Callable[..., bool] = _change_range if kind == "ranges" else _change_segment
    if not is_dry_run:
        for each in sorted({row[0] for row in rows}):
            lock_file(connection, each)
        lock_referring(connection)
    changed = sum(change_one(connection, store, row, change, is_dry_run) for row in rows)
    return Scrubbed(len(rows), changed, f"{kind} {rows[-1][0]}/{rows[-1][1]}")


def _change_range(
    connection: Connection[Any], store: ContentStore, row: tuple[int, int, bytes, str | None], change: _Change, is_dry_run: bool
) -> bool:
    file_id, place, frame, request_id = row
    try:
        content = read_piece(store, StoredPiece(0, 0, 0, None, frame))
    except ContentUnreadable as error:
        note_damage(connection, file_id, error)
        return False
    changed = change.content(content)
    changed_id = request_id and change.request_id(request_id)
    if changed is content and changed_id is request_id:
        return False
    if not is_dry_run:
        parameters = {"file_id": file_id, "place": place, "frame": frame_of(changed), "raw_bytes": len(changed)}
        connection.execute(_SQL.update_range, parameters | {"request_id": changed_id})
    return True


def _change_segment(
    connection: Connection[Any], store: ContentStore, row: tuple[int, int, bytes], change: _Change, is_dry_run: bool
) -> bool:
    file_id, place, before = row
    try:
        content = read_segment(store, before)
    except ContentUnreadable as error:
        note_damage(connection, file_id, error)
        return False
    changed = change.content(content)
    if changed is content:
        return False
    if not is_dry_run:
        digest, frame = packed(changed)
        store.put(digest.hex(), frame)
        parameters = {"file_id": file_id, "place": place, "before": before, "sha256": digest}
        connection.execute(_SQL.update_segment, parameters | {"raw_bytes": len(changed), "stored_bytes": len(frame)})
    return True
