"""What is in an index, and rows to be indexed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any
from uuid import UUID, uuid4

import psycopg
from tantivy import Occur, Query, Searcher

from services.query.search_index.fields import PARTS, SESSION_ID, open_index, schema, words_of
from services.query.search_index.folder import Folder
from services.query.search_index.follow import Follower
from services.query.search_index.reader import SearchIndex

ROOT = Path(__file__).parents[4]


def put(connection: psycopg.Connection[Any], session_id: str, text: str, document: UUID | None = None) -> UUID:
    """A document of a prompt, as the worker's indexer writes it. What changes is given by its id."""
    document = document or uuid4()
    connection.execute(
        """INSERT INTO search_documents (id, kind, session_id, project_id, user_id, occurred_at, role, content, terms, has_places)
           VALUES (%(id)s, 'message', %(session)s, 1, 0, now(), 'user', %(text)s, to_tsvector('simple', %(text)s), true)
           ON CONFLICT (id) DO UPDATE SET session_id = excluded.session_id, content = excluded.content, terms = excluded.terms""",
        {"id": document, "session": session_id, "text": text},
    )
    return document


def in_rows(connection: psycopg.Connection[Any]) -> dict[str, set[str]]:
    """{session: its words}, as Postgres has them."""
    found: dict[str, set[str]] = {}
    for session_id, content in connection.execute("SELECT session_id, content FROM search_documents WHERE session_id IS NOT NULL"):
        found.setdefault(session_id, set()).update(words_of(content))
    return found


def in_index(folder: Folder) -> dict[str, set[str]]:
    """The same, as the index has them. ValueError if it has a session twice, or none."""
    searcher = searcher_of(folder)
    found = {}
    for _, address in searcher.search(Query.all_query(), max(searcher.num_docs, 1)).hits:
        session_id = searcher.doc(address)[SESSION_ID][0]
        if session_id in found:
            raise ValueError(f"{session_id} is there twice")
        only = Query.term_query(schema(), SESSION_ID, session_id)
        found[session_id] = {word for part in PARTS for word, _ in searcher.terms_with_prefix(part, "", only, 1_000)}
    return found


def searcher_of(folder: Folder) -> Searcher:
    """Of the index as it was committed last."""
    state = folder.state()
    if state is None:
        raise ValueError("There is no index.")
    return open_index(str(folder.index_path(state.index))).searcher()


@contextmanager
def writer_of(folder: Folder, database_url: str) -> Iterator["Popen[bytes]"]:
    """The writer as the query service starts it. Its input ends with the block, and it with that."""
    environment = os.environ | {"TRACKER_DATABASE_URL": database_url}
    command = [sys.executable, "-m", "services.query.search_index", str(folder.path)]
    with Popen(command, cwd=ROOT, env=environment, stdin=PIPE, stdout=DEVNULL) as writer:
        yield writer


def follow(folder: Folder, database_url: str) -> None:
    """Writes until nothing waits, in this process."""
    follower = Follower(folder)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        follower.catch_up(connection, lambda: False)
    follower.close()


def sessions_with(index: SearchIndex, word: str) -> set[str] | None:
    """As a search finds them; None without an index."""

    def ask(searcher: Searcher) -> set[str]:
        query = Query.boolean_query([(Occur.Should, Query.term_query(schema(), part, word)) for part in PARTS])
        return {searcher.doc(address)[SESSION_ID][0] for _, address in searcher.search(query, 1_000).hits}

    return index.ask(ask)
