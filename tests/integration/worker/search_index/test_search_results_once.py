"""A call's result is kept with the call alone: its document has it from there, and the dictionary counts its words exactly all the same."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection

from services.worker.resources import Resources
from services.worker.search_index.dictionary import counted_words
from services.worker.search_index.documents import documents_of
from services.worker.search_index.write_documents import write_documents
from tests.integration.worker.search_index.test_search_index import assert_up_to_date, call, start, store

WORDS = "SELECT word, found_in FROM search_words WHERE word <> 'bash' ORDER BY word"
STORED = "SELECT content FROM search_documents WHERE kind = 'tool_call'"
TEXT = "SELECT content, input, bytes FROM search_texts WHERE kind = 'tool_call'"
CHANGE = "UPDATE tool_calls SET result = %s WHERE id = %s"


@pytest.fixture
def connection(worker: Resources) -> Iterator[Connection[Any]]:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def call_id(worker: Resources, connection: Connection[Any]) -> UUID:
    """An indexed call whose result is `alpha`."""
    id = uuid4()
    store(worker, start(), call(id, parameters={"command": "make"}, result="alpha"))
    assert_up_to_date(worker, connection)
    return id


def test_the_result_of_a_call_is_not_stored_again(call_id: UUID, connection: Connection[Any]) -> None:
    assert connection.execute(STORED).fetchall() == [("Bash\nmake",)]
    assert connection.execute(TEXT).fetchall() == [("Bash\nmake\nalpha", "Bash\nmake\n", 15)]


@pytest.mark.parametrize("results", [["beta"], ["beta", "gamma"], ["beta", "alpha"], ["beta", None], ["alpha beta"], [None]])
def test_words_follow_a_result_however_often_it_changes(
    worker: Resources, call_id: UUID, connection: Connection[Any], results: list[str | None]
) -> None:
    for result in results:
        connection.execute(CHANGE, (result, call_id))

    assert_up_to_date(worker, connection)

    words = sorted((results[-1] or "").split())
    assert connection.execute(WORDS).fetchall() == [*((word, 1) for word in words), ("make", 1)]


def test_words_go_with_a_call_that_changed_before(worker: Resources, call_id: UUID, connection: Connection[Any]) -> None:
    connection.execute(CHANGE, ("beta", call_id))
    connection.execute("DELETE FROM tool_calls")

    assert_up_to_date(worker, connection)

    assert connection.execute("SELECT FROM search_words").fetchall() == []
    assert connection.execute(STORED).fetchall() == []


def test_a_result_that_changes_while_its_document_is_written_is_counted_once(
    worker: Resources, call_id: UUID, connection: Connection[Any]
) -> None:
    """given a call that was read, when it changes twice before its document is written, then the next slice makes up for it."""
    connection.execute(CHANGE, ("beta", call_id))
    with psycopg.connect(worker.settings.database_url) as indexer:
        documents = documents_of(indexer, "tool_call", [str(call_id)])
        for result in ("gamma", "delta"):
            connection.execute(CHANGE, (result, call_id))
        with counted_words(indexer) as counts:
            write_documents(indexer, counts, [call_id], documents)
    assert connection.execute(WORDS).fetchall() == [("beta", 1), ("make", 1)]

    assert_up_to_date(worker, connection)

    assert connection.execute(WORDS).fetchall() == [("delta", 1), ("make", 1)]
