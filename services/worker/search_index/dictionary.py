"""The dictionary of the search index, `search_words`: in how many documents a word stands."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from shared.sql_files import statement


@contextmanager
def counted_words(connection: Connection[Any]) -> Iterator[Counter[str]]:
    """How many more documents have a word, or fewer. It is written once at the end: most words are in many documents."""
    counts = Counter[str]()
    yield counts
    changed = {word: number for word, number in counts.items() if number}
    if changed:
        connection.execute(_statement("add_words"), {"words": list(changed), "found_in": list(changed.values())})
    if fewer := [word for word, number in changed.items() if number < 0]:
        connection.execute(_statement("delete_unused_words"), {"words": fewer})


def _statement(name: str) -> bytes:
    return statement("services.worker.search_index", "dictionary.sql", name).encode()
