"""A word that the database refuses, so that a message with it becomes a dead letter, until the cause is mended."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg

from tests.flow.conftest import Stack


@contextmanager
def forbidden_word(stack: Stack) -> Iterator[str]:
    """A word that no message may have until `mend`."""
    word = f"w{uuid4().hex}"
    _execute(stack, f"ALTER TABLE messages ADD CONSTRAINT no_{word} CHECK (content NOT LIKE '%{word}%')")
    yield word
    mend(stack, word)


def mend(stack: Stack, word: str) -> None:
    """From now on the word may be stored."""
    _execute(stack, f"ALTER TABLE messages DROP CONSTRAINT IF EXISTS no_{word}")


def _execute(stack: Stack, sql: str) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(sql.encode())
