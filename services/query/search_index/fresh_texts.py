"""Texts that changed since the index was written: a small index of their own, in memory. So a search finds what was committed before it began."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct
from psycopg import Connection
from tantivy import Document, Query, Searcher

from services.query.search_index.documents.row_documents import DocumentKind, row_documents
from services.query.search_index.documents.text_documents import any_of, id_of, text_document
from services.query.search_index.look import Note
from services.query.search_index.words.fields import open_index

# The newest are taken, as long as they have no more characters than these.
MOST_ROWS: Final = 1_000
_MOST_CHARS: Final = 1_000_000
# Rows that are read together.
_ROWS: Final = 100
_HEAP_BYTES: Final = 15_000_000

_Key = tuple[DocumentKind, str]


class FreshTexts(Struct, frozen=True):
    """`stale` matches the documents of these rows in the index. `left_out`: rows that are noted, and too many to be here."""

    searcher: Searcher | None = None
    stale: Query | None = None
    left_out: int = 0


class _Made(Struct, frozen=True):
    """The document of a row, None if it is gone, as the notes of these numbers left it."""

    numbers: tuple[int, ...]
    document: Document | None
    characters: int


class FreshIndex:
    """Makes only what changed since it was asked before. One thread at a time."""

    def __init__(self) -> None:
        self._numbers: tuple[int, ...] = ()
        self._made: dict[_Key, _Made] = {}
        self._texts = FreshTexts()

    def texts(self, connection: Connection[Any], notes: Sequence[Note]) -> FreshTexts:
        """The texts of these notes, the newest first. The connection must see all that they tell of."""
        numbers = tuple(note.number for note in notes)
        if numbers != self._numbers:
            self._texts = self._index(self._read(connection, _numbers_of(notes)), _numbers_of(notes))
            self._numbers = numbers
        return self._texts

    def _read(self, connection: Connection[Any], wanted: dict[_Key, tuple[int, ...]]) -> dict[_Key, _Made]:
        """The documents of the first of them."""
        keys, read, characters = list(wanted)[:MOST_ROWS], dict[_Key, _Made](), 0
        for start in range(0, len(keys), _ROWS):
            some = keys[start : start + _ROWS]
            known = {key: self._made[key] for key in some if key in self._made and self._made[key].numbers == wanted[key]}
            read |= known | _documents(connection, {key: wanted[key] for key in some if key not in known})
            characters += sum(read[key].characters for key in some)
            if characters > _MOST_CHARS:
                break
        self._made = read
        return read

    @staticmethod
    def _index(read: dict[_Key, _Made], wanted: dict[_Key, tuple[int, ...]]) -> FreshTexts:
        if not wanted:
            return FreshTexts()
        stale = any_of((kind, id_of(kind, key)) for kind, key in wanted)
        documents = [made.document for made in read.values() if made.document is not None]
        if not documents:
            return FreshTexts(None, stale, len(wanted) - len(read))
        index = open_index(None)
        writer = index.writer(_HEAP_BYTES, 1)
        for document in documents:
            writer.add_document(document)
        writer.commit()
        index.reload()
        return FreshTexts(index.searcher(), stale, len(wanted) - len(read))


def _numbers_of(notes: Iterable[Note]) -> dict[_Key, tuple[int, ...]]:
    """The rows, the newest first, and the notes of each."""
    numbers: dict[_Key, tuple[int, ...]] = {}
    for note in notes:
        for key in note.keys:
            numbers[note.kind, key] = (*numbers.get((note.kind, key), ()), note.number)
    return numbers


def _documents(connection: Connection[Any], wanted: dict[_Key, tuple[int, ...]]) -> dict[_Key, _Made]:
    made = {key: _Made(numbers, None, 0) for key, numbers in wanted.items()}
    for kind in {kind for kind, _ in wanted}:
        for row in row_documents(connection, kind, [key for of_kind, key in wanted if of_kind == kind]):
            made[kind, row.key] = _Made(wanted[kind, row.key], text_document(row), len(row.content))
    return made
