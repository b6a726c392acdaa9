"""Indexers are killed at any instant: in the end every row has its document, and every word is counted once."""

import multiprocessing
import random
import time
from typing import Any
from uuid import UUID

import psycopg
import pytest

from services.worker.resources import Resources, open_resources
from services.worker.search_index import index_pending as indexer
from services.worker.search_index.backfill import begin_again
from services.worker.search_index.check_documents import differing_documents
from services.worker.search_index.index_pending import index_pending
from services.worker.settings import Settings
from tests.integration.worker.search_index.test_search_index import change, message, start, store

KILLS = 12
INDEX = (
    "SELECT id, kind, session_id, content, terms::text, has_places FROM search_documents ORDER BY id",
    "SELECT word, found_in FROM search_words ORDER BY word",
)


def index_for_ever(settings: Settings) -> None:
    resources = open_resources(settings)
    while True:
        index_pending(resources)


def index_of(worker: Resources) -> list[list[tuple[Any, ...]]]:
    with worker.transaction() as connection:
        assert differing_documents(connection) == 0
        return [connection.execute(select.encode()).fetchall() for select in INDEX]


def test_indexers_that_are_killed_lose_nothing(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given slices of a few rows; a forked process has them too
    monkeypatch.setattr(indexer, "KEYS", 20)
    monkeypatch.setattr(indexer, "SLICE_SECONDS", 0.02)
    seeded = random.Random(5)
    context = multiprocessing.get_context("fork")
    store(worker, start())

    # When rows come and change, two processes index, and one of them is killed at any instant
    indexers = [context.Process(target=index_for_ever, args=(worker.settings,)) for _ in range(2)]
    for process in indexers:
        process.start()
    try:
        for kill in range(KILLS):
            ids = [UUID(int=seeded.randrange(400) + 1) for _ in range(60)]
            said = [message(f"text {kill} word{'abcdefghij'[id.int % 10] * 4}", minutes=n, id=id) for n, id in enumerate(set(ids))]
            store(worker, *said, *(change(f"/p/{seeded.randrange(30)}.py", minutes=n) for n in range(20)))
            if kill % 4 == 1:
                with worker.transaction() as connection:
                    begin_again(connection)
            with psycopg.connect(worker.settings.database_url) as connection:
                connection.execute("DELETE FROM messages WHERE id = ANY(%s)", (ids[:15],))
                connection.execute("UPDATE messages SET content = content || ' more' WHERE id = ANY(%s)", (ids[15:30],))
            time.sleep(seeded.random() * 0.2)
            killed = seeded.randrange(2)
            indexers[killed].kill()
            indexers[killed].join()
            indexers[killed] = context.Process(target=index_for_ever, args=(worker.settings,))
            indexers[killed].start()
    finally:
        for process in indexers:
            process.kill()
            process.join()
    # Postgres may keep the lock of a killed indexer for a moment.
    while waits(worker):
        index_pending(worker)

    # Then the index is the one that is made of the rows at once
    found = index_of(worker)
    with worker.transaction() as connection:
        connection.execute("TRUNCATE search_documents, search_words")
        begin_again(connection)
    assert index_pending(worker, seconds=60) is False
    assert index_of(worker) == found
    assert len(found[0]) > 100


def waits(worker: Resources) -> bool:
    with worker.transaction() as connection:
        return bool(connection.execute("SELECT FROM search_pending LIMIT 1").fetchall())
