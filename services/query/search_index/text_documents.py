"""The documents of the index for single texts: what is asked exactly, newest or best first."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from tantivy import Document, IndexWriter

from services.query.search_index.fields import BREVITY, ID_HIGH, ID_LOW, KEY, KIND, LABELS, NAME_PARTS, PLACE, SIGNS, WORDS
from services.query.search_index.row_documents import KINDS, RowDocument
from services.query.search_index.text_words import words_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOW_BITS: Final = (1 << 64) - 1
# A place has the microseconds since 1970 and, below them, the first bits of the id.
_ID_BITS: Final = 12
_MOST_MICROSECONDS: Final = (1 << (64 - _ID_BITS)) - 1


def place_of(at: datetime | None, document_id: UUID) -> int:
    """The order of documents in time, and among those of the same microsecond by the beginning of their ids. What has no time comes before all others."""
    if at is None:
        return document_id.int >> (128 - _ID_BITS)
    elapsed = at - _EPOCH
    microseconds = (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds
    return min(max(microseconds, 1), _MOST_MICROSECONDS) << _ID_BITS | document_id.int >> (128 - _ID_BITS)


def delete_text(writer: IndexWriter, document_id: UUID) -> None:
    """Takes a text out. A client may choose ids, so both halves count."""
    raise NotImplementedError


def labels_of(row: RowDocument) -> list[str]:
    """What filters ask of it."""
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
    """What is indexed of a row."""
    words = words_of(row.content)
    made = Document()
    made.add_unsigned(ID_HIGH, row.id.int >> 64)
    made.add_unsigned(ID_LOW, row.id.int & _LOW_BITS)
    made.add_unsigned(KIND, KINDS.index(row.kind))
    made.add_unsigned(PLACE, place_of(row.occurred_at, row.id))
    made.add_text(KEY, row.key)
    for label in labels_of(row):
        made.add_text(LABELS, label)
    made.add_text(WORDS, words.text)
    made.add_text(NAME_PARTS, words.name_parts)
    made.add_text(SIGNS, words.signs)
    made.add_float(BREVITY, 1.0)
    return made
