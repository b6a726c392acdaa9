"""Writes documents with their words. What is stored already as it should be is left alone."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import structlog
from psycopg import Connection, DataError, ProgrammingError
from psycopg.errors import ProgramLimitExceeded

from services.worker.search_index.documents import Document
from shared.document_words import Words, words_of
from shared.sql_files import statement

log = structlog.get_logger()

# What a text can do: terms that are no tsvector, too long an entry of an index.
_REFUSED: Final = (DataError, ProgrammingError, ProgramLimitExceeded)
_UNKNOWN_TIME: Final = datetime.min.replace(tzinfo=UTC)
_COLUMNS: Final = tuple(field.name for field in fields(Document))


def write_documents(
    connection: Connection[Any], counts: Counter[str], ids: Collection[UUID], documents: Sequence[Document], *, again: bool = False
) -> int:
    """Stores the documents and deletes those of `ids` that are not among them, and counts their words. Returns how many documents changed.

    A document that Postgres refuses is logged and left out; `verify` counts it.
    `again` writes those too that are stored as they should be, since the terms may have been made by other rules.
    """
    stored = stored_documents(connection, ids)
    wanted = {document.id: document for document in documents}
    gone = [id for id in stored if id not in wanted]
    changed = [document for document in wanted.values() if again or stored.get(document.id) != document]
    words = {document.id: words_of(document.content) for document in changed}
    if gone:
        connection.execute(_statement("delete"), {"ids": gone})
    if changed:
        changed = _write_isolating(connection, changed, words)
    connection.execute(_statement("drop_former"), {"ids": list(ids)})
    for document in changed:
        counts.update(words[document.id].whole)
    for before in (stored[id] for id in (*gone, *(document.id for document in changed)) if id in stored):
        counts.subtract(words_of(before.content).whole)
    return len(gone) + len(changed)


def stored_documents(connection: Connection[Any], ids: Collection[UUID]) -> dict[UUID, Document]:
    """Those of these documents that there are."""
    rows = connection.execute(_statement("stored"), {"ids": list(ids)}).fetchall()
    return {row[0]: Document(*row) for row in rows}


def _write_isolating(connection: Connection[Any], documents: Sequence[Document], words: Mapping[UUID, Words]) -> list[Document]:
    """Writes them together or, if Postgres refuses one, one by one. Those that were written: one document must not hold up all others."""
    try:
        with connection.transaction():
            _write(connection, documents, words)
        return list(documents)
    except _REFUSED as error:
        if len(documents) == 1:
            [document] = documents
            log.error("document_not_indexed", kind=document.kind, id=str(document.id), error=type(error).__name__)
            connection.execute(_statement("delete"), {"ids": [document.id]})
            return []
    return [written for document in documents for written in _write_isolating(connection, [document], words)]


def _write(connection: Connection[Any], documents: Sequence[Document], words: Mapping[UUID, Words]) -> None:
    # By time, as the indexes on it are in order.
    in_order = sorted(documents, key=lambda document: document.occurred_at or _UNKNOWN_TIME)
    columns: dict[str, list[Any]] = {name: [getattr(document, name) for document in in_order] for name in _COLUMNS}
    columns["content"] = [document.kept_content for document in in_order]
    columns["terms"] = [words[document.id].vector for document in in_order]
    columns["has_places"] = [words[document.id].has_places for document in in_order]
    connection.execute(_statement("write"), columns)


def _statement(name: str) -> bytes:
    return statement("services.worker.search_index", "write_documents.sql", name).encode()
