"""Writes documents: their terms, and what their words count for. What is stored already as it should be is left alone."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import Connection, DataError, ProgrammingError
from psycopg.errors import ProgramLimitExceeded

from services.worker.search_index.documents import Document
from services.worker.search_index.words import add_words
from shared.search_terms import search_vector
from shared.sql_files import statement

log = structlog.get_logger()

# What a text can do: terms that are no tsvector, too long an entry of an index.
_REFUSED: Final = (DataError, ProgrammingError, ProgramLimitExceeded)
_UNKNOWN_TIME: Final = datetime.min.replace(tzinfo=UTC)
_COLUMNS: Final = tuple(field.name for field in fields(Document))

# About 30 MB with the index of trigrams. Prose in many languages and all names of a large code base are fewer.
MAX_WORDS: Final = 500_000


def write_documents(connection: Connection[Any], ids: Collection[UUID], documents: Sequence[Document], *, again: bool = False) -> int:
    """Stores the documents and deletes those of `ids` that are not among them. Returns how many documents changed.

    A document that Postgres refuses is logged and left out; `verify` counts it.
    `again` writes those too that are stored as they should be, since the terms may have been made by other rules.
    """
    stored = stored_documents(connection, ids)
    wanted = {document.id: document for document in documents}
    gone = [id for id in stored if id not in wanted]
    changed = [document for document in wanted.values() if again or stored.get(document.id) != document]
    if gone:
        connection.execute(_statement("delete"), {"ids": gone})
    if changed:
        changed = _write_isolating(connection, changed)
    counts: Counter[str] = Counter()
    for document in changed:
        add_words(counts, document.kind, document.content, document.result_at, 1)
    for before in (stored[id] for id in (*gone, *(document.id for document in changed)) if id in stored):
        add_words(counts, before.kind, before.content, before.result_at, -1)
    _count_words(connection, counts)
    return len(gone) + len(changed)


def drop_rare_words(connection: Connection[Any], most: int = MAX_WORDS) -> None:
    """Of a table of words that is full, drops those of one document. From then on counts are not exact."""
    connection.execute(_statement("drop_rare_words"), {"most": most})


def stored_documents(connection: Connection[Any], ids: Collection[UUID]) -> dict[UUID, Document]:
    """Those of these documents that there are."""
    rows = connection.execute(_statement("stored"), {"ids": list(ids)}).fetchall()
    return {row[0]: Document(*row) for row in rows}


def _write_isolating(connection: Connection[Any], documents: Sequence[Document]) -> list[Document]:
    """Writes them together or, if Postgres refuses one, one by one. Those that were written: one document must not hold up all others."""
    try:
        with connection.transaction():
            _write(connection, documents)
        return list(documents)
    except _REFUSED as error:
        if len(documents) == 1:
            [document] = documents
            log.error("document_not_indexed", kind=document.kind, id=str(document.id), error=type(error).__name__)
            connection.execute(_statement("delete"), {"ids": [document.id]})
            return []
    return [written for document in documents for written in _write_isolating(connection, [document])]


def _write(connection: Connection[Any], documents: Sequence[Document]) -> None:
    # By time, as the indexes on it are in order.
    in_order = sorted(documents, key=lambda document: document.occurred_at or _UNKNOWN_TIME)
    columns: dict[str, list[Any]] = {name: [getattr(document, name) for document in in_order] for name in _COLUMNS}
    connection.execute(_statement("write"), columns | {"terms": [search_vector(document.content) for document in in_order]})


def _count_words(connection: Connection[Any], counts: Counter[str]) -> None:
    more = {word: number for word, number in counts.items() if number > 0}
    less = {word: -number for word, number in counts.items() if number < 0}
    if more:
        connection.execute(_statement("add_words"), {"words": list(more), "numbers": list(more.values())})
    if less:
        parameters = {"words": list(less), "numbers": list(less.values())}
        connection.execute(_statement("subtract_words"), parameters)
        connection.execute(_statement("delete_unused_words"), parameters)


def _statement(name: str) -> bytes:
    return statement("services.worker.search_index", "write_documents.sql", name).encode()
