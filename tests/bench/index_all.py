"""The search index of a data set: documents by the indexer's own rules, written together and not row by row.

Tool calls are drawn from a pool (tool_pool.py), so the documents of the pool are made once, and its terms with them. Sessions, files and calls with
results go through the indexer itself.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import namedtuple_row
from services.worker.search_index.backfill import BEHIND, keys_behind
from services.worker.search_index.dictionary import counted_words
from services.worker.search_index.documents import TABLES, documents_of, ids_of
from services.worker.search_index.write_documents import write_documents

from shared.document_words import words_of

_AT_ONCE = 1_000
_MESSAGES = "SELECT id, session_id, project_id, user_id, role, occurred_at::text AS occurred_at, agent_id, content FROM messages WHERE content <> ''"
_MESSAGE_DOCUMENTS = """
    COPY search_documents (id, kind, session_id, project_id, user_id, occurred_at, role, agent_id, content, terms, has_places) FROM STDIN"""
# What is compressed here is copied as it is.
_POOL_TABLE = """
    CREATE UNLOGGED TABLE call_pool (tool_name text, parameters text, content text STORAGE MAIN, terms tsvector STORAGE MAIN, has_places boolean)
    WITH (toast_tuple_target = 256)"""
_POOL = """
    SELECT min(id::text) AS id, parameters::text AS parameters, count(*) AS calls FROM tool_calls WHERE result IS NULL GROUP BY tool_name, parameters::text"""
_CALL_DOCUMENTS = """
    INSERT INTO search_documents (id, kind, session_id, project_id, user_id, occurred_at, tool_name, is_error, agent_id, content, terms, has_places)
    SELECT t.id, 'tool_call', t.session_id, t.project_id, t.user_id, t.occurred_at, t.tool_name, t.status IN ('error', 'timeout'), t.agent_id,
        p.content, p.terms, p.has_places
    FROM tool_calls AS t JOIN call_pool AS p ON p.tool_name = t.tool_name AND p.parameters = t.parameters::text
    WHERE t.result IS NULL"""
_CALLS_WITH_RESULTS = "SELECT id::text FROM tool_calls WHERE result IS NOT NULL ORDER BY occurred_at"
_WORDS = """
    INSERT INTO search_words AS w (word, found_in)
    SELECT * FROM unnest(%(words)s::text[], %(found_in)s::bigint[]) AS a (word, found_in)
    ORDER BY word ON CONFLICT (word) DO UPDATE SET found_in = w.found_in + excluded.found_in"""


def index_events() -> tuple[Callable[[str], None], ...]:
    """What can go on at the same time, each given the database's URL. The table has no indexes meanwhile."""
    return _index_messages, _index_calls


def index_sessions_and_files(connection: Connection[Any]) -> None:
    """By the indexer, and so what the long session's calls gave back."""
    for kind in ("session", "file"):
        after: tuple[str, ...] = ()
        while rows := keys_behind(connection, TABLES[kind], after, _AT_ONCE):
            _write(connection, kind, [row.key for row in rows if row.key is not None])
            after = rows[-1][BEHIND:]
    keys = [row[0] for row in connection.execute(_CALLS_WITH_RESULTS)]
    for at in range(0, len(keys), _AT_ONCE):
        _write(connection, "tool_call", keys[at : at + _AT_ONCE])


def _write(connection: Connection[Any], kind: str, keys: list[str]) -> None:
    with connection.transaction(), counted_words(connection) as counts:
        write_documents(connection, counts, ids_of(connection, kind, keys), documents_of(connection, kind, keys))


def _index_messages(database_url: str) -> None:
    found_in = Counter[str]()
    with psycopg.connect(database_url) as reading, psycopg.connect(database_url) as writing, writing.cursor() as cursor:
        with reading.cursor("messages", row_factory=namedtuple_row) as rows, cursor.copy(_MESSAGE_DOCUMENTS) as copy:
            rows.itersize = _AT_ONCE
            rows.execute(_MESSAGES)
            for row in rows:
                who = (row.id, "message", row.session_id, row.project_id, row.user_id, row.occurred_at)
                words = words_of(row.content)
                copy.write_row((*who, row.role, row.agent_id, row.content, words.vector, words.has_places))
                found_in.update(words.whole)
        _count(writing, found_in)


def _index_calls(database_url: str) -> None:
    found_in = Counter[str]()
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        pool = {call_id: (parameters, calls) for call_id, parameters, calls in cursor.execute(_POOL).fetchall()}
        cursor.execute(_POOL_TABLE)
        documents = documents_of(connection, "tool_call", list(pool))
        with cursor.copy("COPY call_pool FROM STDIN") as copy:
            for document in documents:
                parameters, calls = pool[str(document.id)]
                words = words_of(document.content)
                copy.write_row((document.tool_name, parameters, document.content, words.vector, words.has_places))
                found_in.update(dict.fromkeys(words.whole, calls))
        cursor.execute("ANALYZE call_pool")
        cursor.execute(_CALL_DOCUMENTS)
        cursor.execute("DROP TABLE call_pool")
        _count(connection, found_in)


def _count(connection: Connection[Any], found_in: Counter[str]) -> None:
    connection.execute(_WORDS, {"words": list(found_in), "found_in": list(found_in.values())})
