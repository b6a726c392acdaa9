"""All rows of a table, some at a time: a rebuild. How far it is, is committed with the documents."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import namedtuple_row

from services.worker.search_index.documents import TABLES, documents_of, ids_of
from services.worker.search_index.write_documents import write_documents
from shared.sql_files import statement

# The table of documents itself, to find those whose rows are gone.
DOCUMENTS: Final = "search_documents"
# Of a row of `keys_behind`: where the place begins from which to go on.
BEHIND: Final = 1

# A table's name in a note of kind backfill, and the kind of document.
_KINDS: Final = {table: kind for kind, table in TABLES.items()}


def begin_again(connection: Connection[Any]) -> None:
    """Notes that all documents are to be made again. Those that there are stay until then, so that search goes on."""
    connection.execute(_statement("stop"))
    connection.execute(_statement("begin_again"))


def backfill_some(connection: Connection[Any], counts: Counter[str], number: int, place: Sequence[str], limit: int) -> int:
    """Makes the documents of the next rows, and notes how far it is. The count of rows; 0: the table is done, and the caller deletes the note.

    `place` is the table's name, then what `keys_behind` gave last.
    """
    table, *after = place
    rows = keys_behind(connection, table, after, limit)
    if not rows:
        return 0
    keys = [row.key for row in rows if row.key is not None]
    if table in _KINDS:
        kind = _KINDS[table]
        write_documents(connection, counts, ids_of(connection, kind, keys), documents_of(connection, kind, keys), again=True)
    else:
        write_documents(connection, counts, orphans(connection, keys), [])
    connection.execute(_statement("advance"), {"number": number, "keys": [table, *rows[-1][BEHIND:]], "rows": len(rows)})
    return len(rows)


def keys_behind(connection: Connection[Any], table: str, after: Sequence[str], limit: int) -> list[Any]:
    """The next keys of a table: `key`, as a note has it or None where there is nothing to index, then the place to go on from: two texts."""
    parameters: dict[str, Any] = {"limit": limit}
    if after:
        parameters |= {"after": after[0], "after_id": after[1]}
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return cursor.execute(_statement(f"{'next' if after else 'first'}_{table}"), parameters).fetchall()


def orphans(connection: Connection[Any], keys: Sequence[str]) -> list[UUID]:
    """Those of these documents whose rows are gone."""
    return [row[0] for row in connection.execute(_statement("orphans"), {"keys": list(keys)}).fetchall()]


def _statement(name: str) -> bytes:
    return statement("services.worker.search_index", "backfill.sql", name).encode()
