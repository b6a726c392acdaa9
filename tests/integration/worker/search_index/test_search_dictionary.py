"""The dictionary of the search index, and what an upgrade makes again."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import Connection

from services.worker.resources import Resources
from services.worker.search_index import index_pending as index_pending_module
from tests.integration.worker.search_index.test_search_index import assert_up_to_date, call, message, start, store


@pytest.fixture
def connection(worker: Resources) -> Iterator[Connection[Any]]:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        yield connection


def test_the_dictionary_has_each_word_of_three_letters_as_long_as_a_document_has_it(worker: Resources, connection: Connection[Any]) -> None:
    id = uuid4()
    store(
        worker,
        start(),
        message("useEffect a1b2 ok Café", id=id, role="assistant"),
        message("cafe", role="assistant"),
        call(result="a1b2 検索 my_func"),
    )
    assert_up_to_date(worker, connection)
    words = "SELECT word, found_in FROM search_words WHERE word = ANY('{useeffect,effect,a1b2,ok,cafe,検索,my_func}') AND found_in > 0 ORDER BY 1"
    assert connection.execute(words).fetchall() == [("a1b2", 2), ("cafe", 2), ("my_func", 1), ("useeffect", 1)]

    connection.execute("DELETE FROM messages WHERE id = %s::uuid", (id,))
    assert_up_to_date(worker, connection)

    assert connection.execute(words).fetchall() == [("a1b2", 1), ("cafe", 1), ("my_func", 1)]
    assert connection.execute("SELECT FROM search_words WHERE word = 'useeffect'").fetchall() == []


def test_a_slice_writes_the_dictionary_once(worker: Resources, connection: Connection[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """given changes that are read one by one, when a slice indexes them, then one statement has counted all their words."""
    monkeypatch.setattr(index_pending_module, "KEYS", 1)
    store(worker, start(), message("alpha beta", role="assistant"))
    store(worker, message("beta gamma", role="assistant"))

    assert_up_to_date(worker, connection)

    assert connection.execute("SELECT word, found_in FROM search_words ORDER BY 1").fetchall() == [
        ("alpha", 1),
        ("beta", 2),
        ("gamma", 1),
    ]
    assert connection.execute("SELECT count(DISTINCT (xmin::text, cmin::text)) FROM search_words").fetchall() == [(1,)]
