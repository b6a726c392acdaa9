"""The documents of the index for single texts: what is asked exactly, newest or best first."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, md5
from math import log1p
from typing import Final
from uuid import UUID

from tantivy import Document, IndexWriter, Query

from services.query.search_index.documents.row_documents import KINDS, DocumentKind, RowDocument
from services.query.search_index.words.fields import (
    BREVITY,
    ID_HASH,
    ID_HIGH,
    ID_LOW,
    KEY,
    KIND,
    LABELS,
    NAME_PARTS,
    PLACE,
    SIGNS,
    WORDS,
    schema,
)
from services.query.search_index.words.text_words import words_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOW_BITS: Final = (1 << 64) - 1
# A place has the microseconds since 1970 and, below them, the first bits of the id.
_ID_BITS: Final = 12
_MOST_MICROSECONDS: Final = (1 << (64 - _ID_BITS)) - 1


def place_of(at: datetime | None, document_id: UUID) -> int:
    """The order of documents in time, and among those of the same microsecond by the beginning of their ids. A document without a time comes before all others."""
    if at is None:
        return document_id.int >> (128 - _ID_BITS)
    elapsed = at - _EPOCH
    microseconds = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    return min(max(microseconds, 1), _MOST_MICROSECONDS) << _ID_BITS | document_id.int >> (128 - _ID_BITS)


def time_of(place: int) -> datetime | None:
    """The time of a place."""
    microseconds = place >> _ID_BITS
    return _EPOCH + timedelta(microseconds=microseconds) if microseconds else None


def id_of(kind: DocumentKind, key: str) -> UUID:
    """The id of a row's document, as row_documents.sql makes it."""
    return UUID(bytes=md5(f"{kind} {key}".encode(), usedforsecurity=False).digest()) if kind in ("session", "file") else UUID(key)


def delete_text(writer: IndexWriter, kind: DocumentKind, document_id: UUID) -> None:
    """Takes a text out. Texts that are added behind it stay."""
    # By a term of a number nothing is deleted.
    writer.delete_documents_by_query(Query.term_query(schema(), ID_HASH, _hash_of(kind, document_id)))


def any_of(ids: Iterable[tuple[DocumentKind, UUID]]) -> Query:
    """Matches the documents of these texts."""
    return Query.term_set_query(schema(), ID_HASH, [_hash_of(kind, document_id) for kind, document_id in ids])


def _hash_of(kind: DocumentKind, document_id: UUID) -> int:
    """Clients may choose ids, and half of one to be that of another's. They cannot choose this."""
    return int.from_bytes(blake2b(bytes([KINDS.index(kind)]) + document_id.bytes, digest_size=8).digest())


def labels_of(row: RowDocument) -> list[str]:
    """The facts that filters ask for."""
    told = {
        "session": row.session_id,
        "project": row.project_id,
        "user": row.user_id,
        "role": row.role,
        "tool": row.tool_name.lower() if row.tool_name else None,
        "error": "true" if row.is_error else "false",
        "agent": row.agent_id,
        "model": row.model,
        "source": row.source,
    }
    return [f"{name}:{value}" for name, value in told.items() if value is not None]


def text_document(row: RowDocument) -> Document:
    """The document of a row."""
    words = words_of(row.content)
    made = Document()
    made.add_unsigned(ID_HIGH, row.id.int >> 64)
    made.add_unsigned(ID_LOW, row.id.int & _LOW_BITS)
    made.add_unsigned(ID_HASH, _hash_of(row.kind, row.id))
    made.add_unsigned(KIND, KINDS.index(row.kind))
    made.add_unsigned(PLACE, place_of(row.occurred_at, row.id))
    if row.kind in ("session", "file"):
        made.add_text(KEY, row.key)
    for label in labels_of(row):
        made.add_text(LABELS, label)
    made.add_text(WORDS, words.text)
    made.add_text(NAME_PARTS, words.name_parts)
    made.add_text(SIGNS, words.signs)
    made.add_float(BREVITY, _brevity(len(row.content)))
    return made


def _brevity(chars: int) -> float:
    """A factor that makes a score smaller by the logarithm of the text's length. tantivy multiplies it by log2(2 + this)."""
    return 2 ** (1 / (1 + log1p(chars / 5))) - 2
