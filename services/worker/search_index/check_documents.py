"""Whether each row has its document, and each document its row: for `verify`."""

from collections.abc import Iterator
from typing import Any, Final

from psycopg import Connection

from services.worker.search_index.backfill import BEHIND, DOCUMENTS, keys_behind, orphans
from services.worker.search_index.documents import TABLES, documents_of, ids_of
from services.worker.search_index.write_documents import stored_documents

_ROWS: Final = 1000
_NOTES: Final = "SELECT kind, keys FROM search_pending"


def differing_documents(connection: Connection[Any]) -> int:
    """How many documents are missing, are too many, or say something else than their rows. Reads all rows, in the caller's snapshot.

    Rows whose change is noted and not yet indexed are left out, and tables that are being indexed as a whole.
    """
    noted: dict[str, set[str]] = {kind: set() for kind in (*TABLES, "backfill")}
    for kind, keys in connection.execute(_NOTES).fetchall():
        noted[kind].update(keys if kind != "backfill" else keys[:1])
    differing = 0
    for kind, table in TABLES.items():
        if table not in noted["backfill"]:
            for keys in _chunks(connection, table):
                differing += _differing(connection, kind, [key for key in keys if key not in noted[kind]])
    if not noted["backfill"]:
        waiting = {id for kind in TABLES for id in ids_of(connection, kind, list(noted[kind]))}
        for keys in _chunks(connection, DOCUMENTS):
            differing += sum(id not in waiting for id in orphans(connection, keys))
    return differing


def _differing(connection: Connection[Any], kind: str, keys: list[str]) -> int:
    expected = {document.id: document for document in documents_of(connection, kind, keys)}
    stored = stored_documents(connection, ids_of(connection, kind, keys))
    return sum(expected.get(id) != stored.get(id) for id in expected.keys() | stored.keys())


def _chunks(connection: Connection[Any], table: str) -> Iterator[list[str]]:
    after: tuple[str, ...] = ()
    while rows := keys_behind(connection, table, after, _ROWS):
        yield [row.key for row in rows if row.key is not None]
        after = rows[-1][BEHIND:]
