"""Reads all that is archived, and names the files that cannot be read. Reading a terabyte takes hours, so nothing does it by itself."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from services.worker.archive.segments import forget_damage, note_damage
from services.worker.resources import Resources
from shared.archive.stored_pieces import ContentUnreadable, read_segment

_NEXT_FILE: Final = "SELECT id, session_id, file_name, machine_id FROM transcript_files WHERE id > %(id)s ORDER BY id LIMIT 1"
_SEGMENTS: Final = "SELECT sha256 FROM transcript_segments WHERE file_id = %(id)s ORDER BY number"


class DamagedFile(NamedTuple):
    """A file of which a piece cannot be read. `machine`: '' for an import's."""

    session_id: str
    file_name: str
    machine: str
    reason: str


def damaged_files(worker: Resources) -> Iterator[DamagedFile]:
    """Reads every segment of every file, and notes for Health what it finds. BlobStoreError if the store is away."""
    file_id = 0
    while True:
        with worker.transaction() as connection:
            found = connection.execute(_NEXT_FILE, {"id": file_id}).fetchone()
            if found is None:
                return
            file_id, session_id, file_name, machine = found
            sha256s = [row[0] for row in connection.execute(_SEGMENTS, {"id": file_id}).fetchall()]
        damage = [error for sha256 in sha256s if (error := _damage_of(worker, sha256)) is not None]
        with worker.transaction() as connection:
            forget_damage(connection, file_id)
            for error in damage:
                note_damage(connection, file_id, error)
        if damage:
            yield DamagedFile(session_id, file_name, machine, damage[0].reason)


def _damage_of(worker: Resources, sha256: bytes) -> ContentUnreadable | None:
    try:
        read_segment(worker.archive, sha256)
    except ContentUnreadable as error:
        return error
    return None
