"""The query service follows the database with an index of its own, which it makes anew by itself whenever it has to."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pytest
from redis import Redis
from starlette.testclient import TestClient

from deploy.embedded.supervision.processes import wait_until
from services.query.app import create_app
from services.query.search_index.folder import Folder
from services.query.search_index.reader import Lag, SearchIndex
from services.query.search_index.words.fields import PARTS, WORDS
from services.query.settings import Settings
from shared.search_hosts import HOSTS_KEY, SearchHost
from tests.conftest import LOCAL, make_database
from tests.faults.pace import stretched
from tests.integration.query.search_index.indexed import put, searcher_of, sessions_with, texts_with
from tests.kept_connection import Connection

# A look each five seconds, each second while something waits; and the start of a process.
SECONDS = stretched(12)


@contextmanager
def serving(settings: Settings, folder: Path) -> Iterator[SearchIndex]:
    app = create_app(settings.model_copy(update={"search_folder": folder}))
    with TestClient(app, LOCAL):
        yield app.state.search_index


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """A database of Redis for these tests alone: applications that other tests share report to the first one, as long as they run."""
    own = re.sub(r"(\?db=|/)0$", r"\g<1>30", redis_server_url)
    with Redis.from_url(own) as redis:
        redis.flushdb()
    return own


@pytest.fixture
def search_folder(tmp_path: Path) -> Path:
    return tmp_path / "search"


@pytest.fixture
def index(query_settings: Settings, search_folder: Path) -> Iterator[SearchIndex]:
    with serving(query_settings, search_folder) as index:
        yield index


def finds(index: SearchIndex, word: str, *session_ids: str) -> bool:
    """True if these sessions, and no others, are found soon."""
    return wait_until(lambda: sessions_with(index, word) == set(session_ids), SECONDS)


def place(search_folder: Path) -> Folder:
    return Folder(search_folder / "0")


def ask_for_purge(connection: Connection) -> int:
    [(number,)] = connection.execute("INSERT INTO search_purges DEFAULT VALUES RETURNING number").fetchall()
    return int(number)


def host_in(redis: Redis) -> SearchHost | None:
    """The only one that there is."""
    found: Any = redis.hgetall(HOSTS_KEY)
    assert len(found) <= 1
    return next((msgspec.json.decode(value, type=SearchHost) for value in found.values()), None)


def test_a_session_is_found_moved_renamed_and_gone_within_seconds(index: SearchIndex, connection: Connection) -> None:
    # Given a session that comes
    message = put(connection, "one", "zanzibar")
    assert finds(index, "zanzibar", "one")

    # When its message moves to another, which is a fork
    put(connection, "two", "zanzibar", message)
    assert finds(index, "zanzibar", "two")

    # When the title changes
    connection.execute("UPDATE sessions SET title = 'alabaster' WHERE session_id = 'two'")
    assert finds(index, "alabaster", "two")
    connection.execute("UPDATE sessions SET title = 'basalt' WHERE session_id = 'two'")
    assert finds(index, "basalt", "two")
    assert finds(index, "alabaster")

    # When it is deleted
    connection.execute("DELETE FROM messages WHERE session_id = 'two'")
    assert finds(index, "zanzibar")


def test_an_empty_database_has_an_empty_index(index: SearchIndex) -> None:
    assert finds(index, "zanzibar")


def test_a_text_is_found_as_soon_as_it_is_committed(index: SearchIndex, connection: Connection) -> None:
    # Given an index that nobody writes
    first = put(connection, "one", "zanzibar")
    assert finds(index, "zanzibar", "one")
    with stopped_writer(index):
        # When a text comes, changes and goes, then each search sees it as it is
        second = put(connection, "one", "zanzibar alabaster")
        assert texts_with(index, "zanzibar") == sorted([first, second])
        put(connection, "one", "basalt", first)
        assert texts_with(index, "zanzibar") == [second]
        assert texts_with(index, "basalt") == [first]
        connection.execute("DELETE FROM messages WHERE id = %s", (second,))
        assert texts_with(index, "zanzibar") == texts_with(index, "alabaster") == []
        assert index.ask(lambda view: (view.pending, view.is_whole)) == (0, True)

        # When more come than are made for a search, then the newest are found, and the others are counted
        for number in range(1_200):
            put(connection, "two", f"granite {number}", UUID(int=number + 1))
        found = texts_with(index, "granite")
        assert found == [UUID(int=number + 1) for number in range(1_200 - len(found or ()), 1_200)]
        assert len(found or ()) == 1_000
        assert 200 <= (index.ask(lambda view: view.pending) or 0) <= 210
    assert wait_until(lambda: index.is_settled() or index.look(), SECONDS)
    assert len(texts_with(index, "granite") or ()) == 1_200


@contextmanager
def stopped_writer(index: SearchIndex) -> Iterator[None]:
    assert wait_until(lambda: index.look() or writer_pid(index) is not None, SECONDS)
    pid = writer_pid(index) or 0
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def cut_a_file(folder: Folder) -> None:
    state = folder.state()
    assert state is not None
    file = max(folder.index_path(state.index).glob("*.*"), key=lambda each: each.stat().st_size)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def make_older(folder: Folder) -> None:
    written = json.loads((folder.path / "state.json").read_text())
    (folder.path / "state.json").write_text(json.dumps(written | {"version": written["version"] - 1}))


def delete_it(folder: Folder) -> None:
    shutil.rmtree(folder.path.parent)


def cut_the_state(folder: Folder) -> None:
    (folder.path / "state.json").write_text((folder.path / "state.json").read_text()[:20])


def come_from_the_future(folder: Folder) -> None:
    """As if the database was restored: it has had no such transaction."""
    written = json.loads((folder.path / "state.json").read_text())
    (folder.path / "state.json").write_text(json.dumps(written | {"snapshot": "9999999:9999999:"}))


@pytest.mark.parametrize("harm", [cut_a_file, make_older, delete_it, cut_the_state, come_from_the_future])
def test_a_folder_that_is_of_no_use_is_made_anew(
    query_settings: Settings, search_folder: Path, connection: Connection, harm: Callable[[Folder], None]
) -> None:
    # Given an index that was harmed while the service was off
    put(connection, "one", "zanzibar")
    with serving(query_settings, search_folder) as index:
        assert finds(index, "zanzibar", "one")
    harm(place(search_folder))

    # When it runs again, then it finds the session
    with serving(query_settings, search_folder) as index:
        assert finds(index, "zanzibar", "one")


@pytest.mark.parametrize("harm", [make_older, cut_the_state, come_from_the_future])
def test_a_folder_that_is_harmed_beside_a_running_service_is_made_anew(
    index: SearchIndex, search_folder: Path, connection: Connection, harm: Callable[[Folder], None]
) -> None:
    put(connection, "one", "zanzibar")
    assert finds(index, "zanzibar", "one")
    before = place(search_folder).state()

    harm(place(search_folder))

    assert wait_until(lambda: (now := place(search_folder).state()) is not None and now.index != before.index, SECONDS)  # type: ignore[union-attr]
    assert finds(index, "zanzibar", "one")


def test_another_database_gets_another_index(
    postgres_url: str, query_settings: Settings, search_folder: Path, connection: Connection
) -> None:
    # Given an index of one database
    put(connection, "one", "zanzibar")
    with serving(query_settings, search_folder) as index:
        assert finds(index, "zanzibar", "one")

    # When the service starts with another
    other = make_database(postgres_url, f"search_host_{os.getpid()}_test")
    with psycopg.connect(other, autocommit=True) as rows:
        put(rows, "two", "alabaster")
    with serving(query_settings.model_copy(update={"database_url": other}), search_folder) as index:
        # Then nothing of the first is found
        assert finds(index, "alabaster", "two")
        assert sessions_with(index, "zanzibar") == set()


def test_a_purge_leaves_no_word_of_what_is_gone(
    query_settings: Settings, search_folder: Path, connection: Connection, redis_url: str
) -> None:
    # Given a session whose text is taken away, and whose words stay in a file that others need
    message = put(connection, "one", "zanzibar alabaster")
    put(connection, "two", "basalt")
    with serving(query_settings, search_folder) as index, Redis.from_url(redis_url) as redis:
        assert finds(index, "zanzibar", "one")
        put(connection, "one", "alabaster", message)
        assert finds(index, "zanzibar")
        assert has_word(search_folder, "zanzibar")
        before = place(search_folder).state()
        assert before is not None

        # When a purge is asked for, then the index that was there answers, and shows no word of its own
        with stopped_writer(index):
            number = ask_for_purge(connection)
            put(connection, "three", "granite")
            assert index.ask(lambda view: (view.may_show_words, view.is_whole)) == (False, True)
            assert len(texts_with(index, "granite") or ()) == 1
            assert sessions_with(index, "alabaster") == {"one"}
        assert wait_until(lambda: (host := host_in(redis)) is not None and host.purged == number, SECONDS)

        # Then the word is among no terms, and the files that had it are gone
        assert not folder_has(search_folder, b"zanzibar")
        state = place(search_folder).state()
        assert state is not None and state.index != before.index and state.purged == number
        assert not place(search_folder).index_path(before.index).exists()
        assert finds(index, "alabaster", "one")
        assert finds(index, "basalt", "two")
        assert finds(index, "granite", "three")
        assert not has_word(search_folder, "zanzibar")
        assert has_word(search_folder, "alabaster")
        assert index.ask(lambda view: view.may_show_words)


def has_word(search_folder: Path, word: str) -> bool:
    """True if a dictionary of the index has it, also of sessions that are deleted. The bytes of a dictionary do not have words as they are written."""
    searcher = searcher_of(place(search_folder))
    return any(searcher.terms_with_prefix(field, word) for field in (*PARTS, WORDS))


def folder_has(folder: Path, word: bytes) -> bool:
    """A file that goes meanwhile has nothing."""

    def has(file: Path) -> bool:
        try:
            return file.is_file() and word in file.read_bytes()
        except FileNotFoundError:
            return False

    return any(map(has, folder.rglob("*")))


def test_a_host_that_was_off_while_notes_were_deleted_answers_nothing_from_before(
    query_settings: Settings, search_folder: Path, connection: Connection
) -> None:
    # Given a service that was off while texts were purged
    put(connection, "one", "zanzibar")
    with serving(query_settings, search_folder) as index:
        assert finds(index, "zanzibar", "one")
    connection.execute("DELETE FROM messages")
    ask_for_purge(connection)
    connection.execute("DELETE FROM search_changes")
    connection.execute(
        """INSERT INTO search_changes_kept (since) VALUES (pg_snapshot_xmin(pg_current_snapshot()))
           ON CONFLICT (is_one) DO UPDATE SET since = excluded.since"""
    )

    # When it comes back, then no search sees them
    with serving(query_settings, search_folder) as index:
        seen = []
        assert wait_until(lambda: seen.append(sessions_with(index, "zanzibar")) or seen[-1] == set(), SECONDS)  # type: ignore[func-returns-value]
        assert {"one"} not in seen
    assert not has_word(search_folder, "zanzibar")


def test_a_host_says_that_it_is_there_and_leaves(
    query_settings: Settings, search_folder: Path, connection: Connection, redis_url: str
) -> None:
    with Redis.from_url(redis_url) as redis:
        with serving(query_settings, search_folder) as index:
            put(connection, "one", "zanzibar")
            assert finds(index, "zanzibar", "one")
            assert wait_until(lambda: (host := host_in(redis)) is not None and host.waiting == 0, SECONDS)
            host = host_in(redis)
            assert host is not None and abs(host.seen_at - time.time()) < 10
            name = place(search_folder).host()
            assert redis.hkeys(HOSTS_KEY) == [name.encode()]
        assert host_in(redis) is None
        # The next time it has the same name.
        with serving(query_settings, search_folder):
            assert wait_until(lambda: redis.hkeys(HOSTS_KEY) == [name.encode()], SECONDS)


def test_two_services_have_a_place_each(query_settings: Settings, search_folder: Path, connection: Connection, redis_url: str) -> None:
    # Given two replicas before one folder
    put(connection, "one", "zanzibar")
    with serving(query_settings, search_folder) as first, Redis.from_url(redis_url) as redis:
        with serving(query_settings, search_folder) as second:
            assert finds(first, "zanzibar", "one") and finds(second, "zanzibar", "one")
            assert redis.hlen(HOSTS_KEY) == 2
        assert folder_has(search_folder / "1", b"one")

        # When only one is left, and a purge is asked for, then nothing stays in the other's place
        ask_for_purge(connection)
        assert wait_until(lambda: not folder_has(search_folder / "1", b"one"), SECONDS)
        assert finds(first, "zanzibar", "one")


def test_what_an_ended_process_left_is_deleted_at_a_start(query_settings: Settings, search_folder: Path, connection: Connection) -> None:
    put(connection, "one", "zanzibar")
    with serving(query_settings, search_folder), serving(query_settings, search_folder) as second:
        assert finds(second, "zanzibar", "one")
    assert folder_has(search_folder / "1", b"one")

    with serving(query_settings, search_folder):
        assert not folder_has(search_folder / "1", b"one")


def test_sessions_that_wait_are_counted(index: SearchIndex, search_folder: Path, connection: Connection, redis_url: str) -> None:
    # Given an index that nobody can write
    put(connection, "one", "zanzibar")
    assert finds(index, "zanzibar", "one")
    assert index.waiting(connection) == 0
    with stopped_writer(index):
        # When sessions change, one of which is gone
        for session_id in ("two", "three", "gone"):
            put(connection, session_id, "alabaster")
        connection.execute("DELETE FROM messages WHERE session_id = 'gone'")
        connection.execute("DELETE FROM sessions WHERE session_id = 'gone'")

        # Then those that there are wait, and the others can be searched
        assert sessions_with(index, "zanzibar") == {"one"}
        assert index.waiting(connection) == 2
        assert index.lag().texts > 2
        assert 0 < index.lag().oldest_seconds < 60
    assert finds(index, "alabaster", "two", "three")
    assert wait_until(lambda: index.is_settled() or index.look(), SECONDS)
    assert index.waiting(connection) == 0
    assert index.lag() == Lag(0, 0, 0.0, True)


def writer_pid(index: SearchIndex) -> int | None:
    assert index.writer is not None
    return index.writer.pid


def test_a_writer_that_dies_is_started_again(index: SearchIndex, connection: Connection) -> None:
    put(connection, "one", "zanzibar")
    assert finds(index, "zanzibar", "one")
    os.kill(writer_pid(index) or 0, signal.SIGKILL)

    put(connection, "two", "zanzibar")

    assert finds(index, "zanzibar", "one", "two")


def test_a_question_that_is_wrong_costs_no_index(index: SearchIndex, search_folder: Path, connection: Connection) -> None:
    put(connection, "one", "zanzibar")
    assert finds(index, "zanzibar", "one")
    before = place(search_folder).state()

    with pytest.raises(ValueError, match="no_such_field"):
        index.ask(lambda view: view.searcher.terms_with_prefix("no_such_field", ""))

    assert sessions_with(index, "zanzibar") == {"one"}
    now = place(search_folder).state()
    assert before is not None and now is not None and now.index == before.index


def test_without_a_folder_that_can_be_written_there_is_no_index(query_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with serving(query_settings, tmp_path / "file" / "search") as index:
        assert index.view() is None
