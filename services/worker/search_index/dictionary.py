"""The dictionary of the search index, `search_words`: in how many documents a word stands, and in how many of them somebody wrote it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from services.worker.search_index.dictionary_words import written_words
from services.worker.search_index.documents import Document
from shared.sql_files import statement


class WordCounts:
    """What documents that are written or deleted change in the dictionary."""

    def __init__(self) -> None:
        self.written, self.found_in = Counter[str](), Counter[str]()

    def add(self, document: Document, whole: Iterable[str]) -> None:
        """`whole` are all its words, as words of the index."""
        self.written.update(_written_in(document))
        self.found_in.update(whole)

    def subtract(self, document: Document, whole: Iterable[str]) -> None:
        self.written.subtract(_written_in(document))
        self.found_in.subtract(whole)


@contextmanager
def counted_words(connection: Connection[Any]) -> Iterator[WordCounts]:
    """Writes what was counted inside, once at the end: most words are in many documents. Nothing if an exception ends the transaction."""
    counts = WordCounts()
    yield counts
    _write(connection, counts.written, counts.found_in)


def _write(connection: Connection[Any], written: Counter[str], found_in: Counter[str]) -> None:
    words = [word for word in written.keys() | found_in.keys() if written[word] or found_in[word]]
    parameters = {"words": words, "documents": [written[word] for word in words], "found_in": [found_in[word] for word in words]}
    if words:
        connection.execute(_statement("add_words"), parameters)
    fewer = [word for word in words if written[word] < 0 or found_in[word] < 0]
    if fewer:
        connection.execute(_statement("delete_unused_words"), {"words": fewer})


def _written_in(document: Document) -> set[str]:
    return written_words(document.kind, document.content, document.result_at)


def _statement(name: str) -> bytes:
    return statement("services.worker.search_index", "dictionary.sql", name).encode()
