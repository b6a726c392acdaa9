"""Deletes documents that no longer say what their rows say, without waiting for the indexer: what is undone or scrubbed must not be found.

The triggers have noted every row that changed, and the notes stay: the indexer makes the documents again of rows that there are. The caller holds
`lock_documents` from before it changes rows, or takes it after the change is committed. So no indexer writes meanwhile what it read before.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from psycopg import Connection

from services.worker.search_index.dictionary import counted_words
from services.worker.search_index.documents import documents_of, ids_of
from services.worker.search_index.write_documents import stored_documents, write_documents
from shared.sql_files import statement

_sql = partial(statement, __package__, "forget_documents.sql")

# A note has up to 256 keys.
_NOTES: Final = 16

# A note's time is that of its transaction's begin.
_CHANGED_HERE: Final = "SELECT kind, keys FROM search_pending WHERE noted_at = now() AND kind <> 'backfill'"
_BEHIND: Final = _sql("behind")


def forget_changed_here(connection: Connection[Any]) -> None:
    """Deletes the outdated documents of the rows that the caller's transaction changed."""
    with counted_words(connection) as counts:
        for kind, keys in connection.execute(_CHANGED_HERE).fetchall():
            _forget_outdated(connection, counts, kind, keys)


def forget_noted_behind(connection: Connection[Any], number: int) -> int | None:
    """Deletes the outdated documents of the next notes behind one, whoever changed the rows. The number of the last note; None: there was none."""
    notes = connection.execute(_BEHIND, {"number": number, "limit": _NOTES}).fetchall()
    with counted_words(connection) as counts:
        for _, kind, keys in notes:
            _forget_outdated(connection, counts, kind, keys)
    return notes[-1][0] if notes else None


def _forget_outdated(connection: Connection[Any], counts: Counter[str], kind: str, keys: Sequence[str]) -> None:
    stored = stored_documents(connection, ids_of(connection, kind, keys))
    if stored:
        current = {document.id: document for document in documents_of(connection, kind, keys)}
        write_documents(connection, counts, [id for id, document in stored.items() if current.get(id) != document], [])
