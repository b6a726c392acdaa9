"""A database of the release before, with rows, is migrated: the indexer then makes the document of every row, and search works meanwhile."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from deploy.migrations import migrate as migrations
from services.worker.resources import Resources, open_resources
from services.worker.search_index import index_pending as indexer
from services.worker.search_index.check_documents import differing_documents
from services.worker.search_index.index_pending import index_pending
from services.worker.settings import Settings

RELEASE_BEFORE = "0021"
ROWS = 700
# What the release before has stored: of one session each kind of row, and calls without a session.
STORED = f"""
    INSERT INTO projects (path, name) VALUES ('/home/ann/shop', 'shop');
    INSERT INTO users (name) VALUES ('ann');
    INSERT INTO sessions (session_id, project_id, user_id, counted, dated_at, first_event_at, last_event_at, title, git_branch)
    SELECT 's' || n, 1, 1, n > 0, '2026-05-01', '2026-05-01', '2026-05-01', 'title ' || n, 'main' FROM generate_series(0, 5) AS n;
    INSERT INTO messages (id, session_id, project_id, user_id, role, content, occurred_at, received_at, terms)
    SELECT gen_random_uuid(), 's' || n % 5 + 1, 1, 1, 'user', 'text ' || n, '2026-05-01'::timestamptz + n / 3 * interval '1 s', now(), ''
    FROM generate_series(1, {ROWS}) AS n;
    INSERT INTO tool_calls (id, session_id, project_id, user_id, tool_name, status, parameters, occurred_at, received_at)
    SELECT gen_random_uuid(), CASE WHEN n % 2 = 0 THEN 's1' END, 1, 1, 'Bash', 'error', '{{"command": "make"}}', '2026-05-01', now()
    FROM generate_series(1, {ROWS}) AS n;
    INSERT INTO files (file_key, file_path) SELECT md5('/p/' || n)::uuid, '/p/' || n FROM generate_series(1, {ROWS}) AS n;
    INSERT INTO activities (id, session_id, project_id, user_id, file_key, action, lines_added, lines_removed, occurred_at, received_at)
    SELECT gen_random_uuid(), 's1', n % 2, 1, md5('/p/' || n)::uuid, 'modified', 1, 0, '2026-05-01', now() FROM generate_series(1, {ROWS}) AS n"""
DOCUMENTS = "SELECT kind, count(*) FROM search_documents GROUP BY kind ORDER BY kind"


@pytest.fixture
def migrated(postgres_url: str, redis_url: str) -> Iterator[Resources]:
    """A database that the release before has filled, at today's schema."""
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("CREATE DATABASE upgraded_test")
    url = urlsplit(postgres_url)._replace(path="/upgraded_test").geturl()
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, RELEASE_BEFORE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(STORED.encode())
    command.upgrade(config, "head")
    worker = open_resources(Settings(database_url=url, redis_url=redis_url))
    yield worker
    worker.close()
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute("DROP DATABASE upgraded_test WITH (FORCE)")


def test_rows_of_the_release_before_get_their_documents(migrated: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a message that comes while nothing is indexed yet
    monkeypatch.setattr(indexer, "SLICE_SECONDS", 0.0)
    with migrated.transaction() as connection:
        connection.execute(
            "INSERT INTO messages (id, project_id, user_id, role, content, occurred_at, received_at, terms)"
            " VALUES (gen_random_uuid(), 1, 1, 'user', 'new', now(), now(), '')"
        )

    # When one slice is indexed, it is found
    assert index_pending(migrated, seconds=0.0) is True
    with migrated.transaction() as connection:
        assert connection.execute("SELECT FROM search_documents WHERE content = 'new'").fetchall() == [()]
        assert connection.execute("SELECT count(*) < 1000 FROM search_documents").fetchall() == [(True,)]

    # When the rest is, slice by slice
    while index_pending(migrated, seconds=0.0):
        pass

    # Then every row has its document
    with migrated.transaction() as connection:
        assert connection.execute(DOCUMENTS).fetchall() == [("file", ROWS), ("message", ROWS + 1), ("session", 5), ("tool_call", ROWS)]
        assert connection.execute("SELECT FROM search_pending").fetchall() == []
        assert differing_documents(connection) == 0


def test_a_text_that_changes_takes_the_words_of_the_release_before_along(migrated: Resources) -> None:
    """given words that the release before stored, when a text is replaced, then they are gone; other texts keep theirs."""
    with migrated.transaction() as connection:
        connection.execute("UPDATE messages SET terms = to_tsvector('simple', content)")

        connection.execute("UPDATE messages SET content = 'text of now' WHERE content = 'text 7'")
        connection.execute("UPDATE messages SET content = content, role = 'assistant' WHERE content = 'text 8'")

        words = "SELECT terms::text FROM messages WHERE content IN ('text of now', 'text 8') ORDER BY content"
        assert connection.execute(words).fetchall() == [("'8':2 'text':1",), ("",)]


def test_the_index_of_the_release_before_stays_while_there_are_messages(migrated: Resources, database_url: str) -> None:
    """given a migrated and a new database, then only the first has an index for services of the release before."""
    for url, expected in ((migrated.settings.database_url, "messages_by_terms"), (database_url, None)):
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT to_regclass('messages_by_terms')::text").fetchone() == (expected,)
