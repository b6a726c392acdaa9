"""The contents of an index, and rows to be indexed."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any
from uuid import UUID, uuid4

import psycopg
from tantivy import FieldType, Occur, Query, Searcher

from services.query.search_index.documents.row_documents import KINDS, row_documents
from services.query.search_index.documents.session_texts import session_document
from services.query.search_index.documents.text_documents import any_of
from services.query.search_index.folder import Folder
from services.query.search_index.follow import Follower
from services.query.search_index.reader import SearchIndex, View
from services.query.search_index.words.fields import ID_HIGH, ID_LOW, KIND, PARTS, PLACE, SESSION_ID, WORDS, open_index, schema, words_of
from services.query.search_index.words.text_words import query_words
from tests.integration.query import seed
from tests.kept_connection import Connection

ROOT = Path(__file__).parents[4]
TABLES = {"message": "messages", "tool_call": "tool_calls", "timeline_entry": "timeline_entries", "session": "sessions"}

Words = dict[str, set[str]]

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


def put(connection: Connection, session_id: str, text: str, message: UUID | None = None) -> UUID:
    """A prompt. One that changes is given by its id."""
    message = message or uuid4()
    connection.execute(
        "INSERT INTO sessions (session_id, project_id, path_project_id, counted) VALUES (%s, 1, 1, true) ON CONFLICT DO NOTHING",
        (session_id,),
    )
    connection.execute(
        """INSERT INTO messages (id, session_id, project_id, user_id, role, content, occurred_at, received_at)
           VALUES (%(id)s, %(session)s, 1, 0, 'user', %(text)s, now(), now())
           ON CONFLICT (id) DO UPDATE SET session_id = excluded.session_id, content = excluded.content""",
        {"id": message, "session": session_id, "text": text},
    )
    return message


def sessions_in_rows(connection: Connection) -> Words:
    """{session: its words}, as Postgres has them, of messages."""
    found: Words = {session_id: set() for (session_id,) in connection.execute("SELECT session_id FROM sessions")}
    for session_id, content in connection.execute("SELECT session_id, content FROM messages"):
        found[session_id].update(words_of(content))
    return found


def texts_in_rows(connection: Connection) -> Words:
    """{kind and id: its words}, as Postgres has them."""
    keys = {kind: [key for (key,) in connection.execute(_keys(table))] for kind, table in TABLES.items()}
    files = connection.execute("SELECT DISTINCT concat_ws(' ', project_id, file_key, user_id) FROM activities JOIN files USING (file_key)")
    keys["file"] = [key for (key,) in files]
    return {f"{kind} {row.id}": set(query_words(row.content)) for kind in KINDS for row in row_documents(connection, kind, keys[kind])}


def _keys(table: str) -> bytes:
    return f"SELECT {'session_id' if table == 'sessions' else 'id::text'} FROM {table}".encode()


def sessions_in_index(folder: Folder) -> Words:
    """The same, as the index has them. ValueError if it has a session twice, or none."""
    searcher = searcher_of(folder, of_sessions=True)
    found: Words = {}
    for _, address in searcher.search(Query.all_query(), max(searcher.num_docs, 1)).hits:
        session_id = searcher.doc(address)[SESSION_ID][0]
        if session_id in found:
            raise ValueError(f"{session_id} is there twice")
        only = Query.term_query(schema(), SESSION_ID, session_id)
        found[session_id] = {word for part in PARTS for word, _ in searcher.terms_with_prefix(part, "", only, 1_000)}
    return found


def texts_in_index(folder: Folder) -> Words:
    """The same for texts."""
    searcher = searcher_of(folder)
    texts = Query.range_query(schema(), PLACE, FieldType.Unsigned, 0)
    addresses = [address for _, address in searcher.search(texts, max(searcher.num_docs, 1)).hits]
    kinds, highs, lows = ([int(value) for value in searcher.fast_field_values(name, addresses)] for name in (KIND, ID_HIGH, ID_LOW))
    found: Words = {}
    for kind, high, low in zip((KINDS[number] for number in kinds), highs, lows, strict=True):
        text_id = UUID(int=high << 64 | low)
        if f"{kind} {text_id}" in found:
            raise ValueError(f"{kind} {text_id} is there twice")
        only = any_of([(kind, text_id)])
        found[f"{kind} {text_id}"] = {word for word, _ in searcher.terms_with_prefix(WORDS, "", only, 1_000)}
    return found


def searcher_of(folder: Folder, *, of_sessions: bool = False) -> Searcher:
    """The texts of the index as it was committed last."""
    state = folder.state()
    if state is None:
        raise ValueError("There is no index.")
    path = folder.sessions_path(state.index) if of_sessions else folder.index_path(state.index)
    return open_index(str(path)).searcher()


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
    """As the documents of sessions have it; None without an index."""

    def ask(view: View) -> set[str]:
        query = Query.boolean_query([(Occur.Should, Query.term_query(schema(), part, word)) for part in PARTS])
        return {view.sessions.doc(address)[SESSION_ID][0] for _, address in view.sessions.search(query, 1_000).hits}

    return index.ask(ask)


def texts_with(index: SearchIndex, word: str) -> list[UUID] | None:
    """As a search finds messages, each as often as it is there; None without an index."""

    def ask(view: View) -> list[UUID]:
        query, found = Query.term_query(schema(), WORDS, word), []
        for searcher in (view.searcher, view.fresh):
            if searcher is not None:
                asked = query.and_must_not_match(view.stale) if view.stale is not None and searcher is view.searcher else query
                addresses = [address for _, address in searcher.search(asked, 10_000).hits]
                highs, lows = ([int(value) for value in searcher.fast_field_values(name, addresses)] for name in (ID_HIGH, ID_LOW))
                found += [UUID(int=high << 64 | low) for high, low in zip(highs, lows, strict=True)]
        return sorted(found)

    return index.ask(ask)


def indexed(connection: Connection) -> Searcher:
    """An index in memory of all sessions."""
    index = open_index(None)
    writer = index.writer(20_000_000, 1)
    for (session_id,) in connection.execute("SELECT session_id FROM sessions").fetchall():
        if (document := session_document(connection, session_id)) is not None:
            writer.add_document(document)
    writer.commit()
    index.reload()
    return index.searcher()


def texts_in(connection: Connection, sessions: dict[str, list[str]], **columns: Any) -> None:
    """Sessions of a project each, with these prompts a minute apart."""
    for number, (session, texts) in enumerate(sessions.items()):
        seed.add_session(connection, session, seed.add_project(connection, f"/{session}"))
        for minute, text in enumerate(texts):
            seed.add_document(connection, session, NOON + timedelta(hours=number, minutes=minute), text, **columns)
