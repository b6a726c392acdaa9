"""The writer of an index: it may be killed at any moment, and misses nothing that was committed."""

import random
import time
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from deploy.embedded.supervision.processes import wait_until
from deploy.migrations.grants import QUERY
from services.query.search_index.documents.backfill import TABLES, page_of
from services.query.search_index.documents.row_documents import row_documents
from services.query.search_index.folder import Folder
from services.query.search_index.follow import Follower
from tests.conftest import as_role
from tests.faults.pace import stretched
from tests.integration.query import seed
from tests.integration.query.search_index.indexed import (
    follow,
    put,
    sessions_in_index,
    sessions_in_rows,
    texts_in_index,
    texts_in_rows,
    writer_of,
)
from tests.kept_connection import Connection

SESSIONS = 300
KILLS = 50


def folder_of(path: Path, name: str = "0") -> Folder:
    (path / name).mkdir()
    return Folder(path / name)


def is_as_the_rows(folder: Folder, connection: Connection) -> bool:
    """True if the index has exactly the texts, the sessions and their words that the rows have."""
    assert sessions_in_index(folder) == sessions_in_rows(connection)
    assert texts_in_index(folder) == texts_in_rows(connection)
    return True


def change(connection: Connection, seeded: random.Random, number: int) -> None:
    """Sessions come, change, move a message to another, and go."""
    with connection.transaction():
        for _ in range(12):
            message = UUID(int=seeded.randrange(SESSIONS) + 1)
            put(connection, f"session-{seeded.randrange(SESSIONS)}", f"change{number} word{seeded.randrange(40)}", message)
        connection.execute("DELETE FROM messages WHERE id = ANY(%s)", ([UUID(int=seeded.randrange(SESSIONS) + 1) for _ in range(3)],))


def test_a_writer_that_is_killed_50_times_ends_with_what_the_rows_have(database_url: str, connection: Connection, tmp_path: Path) -> None:
    # Given sessions of which no index knows
    folder, seeded = folder_of(tmp_path), random.Random(35)
    for number in range(SESSIONS):
        put(connection, f"session-{number}", f"first{number} words of {number % 7} kinds", UUID(int=number + 1))

    # When the writer is killed at any moment while they change
    for kill in range(KILLS):
        with writer_of(folder, as_role(database_url, QUERY)) as writer:
            if kill % 3 == 0:
                # Its start takes a while.
                wait_for_change(folder)
            change(connection, seeded, kill)
            if kill % 5 == 4:
                # All is read again, into a second index.
                connection.execute("INSERT INTO search_purges DEFAULT VALUES")
            time.sleep(seeded.random() * 0.5)
            change(connection, seeded, kill)
            writer.kill()
    with writer_of(folder, as_role(database_url, QUERY)) as writer:
        assert wait_until(lambda: is_caught_up(folder, connection), stretched(60))
        assert writer.stdin is not None
        writer.stdin.close()
        assert writer.wait(60) == 0

    # Then it has exactly the texts, the sessions and the words of the rows, and nothing is left of other indexes
    assert is_as_the_rows(folder, connection)
    assert not folder.leftovers()


def wait_for_change(folder: Folder) -> None:
    before = folder.stamp()
    wait_until(lambda: folder.stamp() != before, 2)


def is_caught_up(folder: Folder, connection: Connection) -> bool:
    state = folder.state()
    return (
        state is not None
        and folder.next_state() is None
        and not (state.tables or state.waiting)
        and connection.execute("SELECT coalesce(max(number), 0) FROM search_purges").fetchall() == [(state.purged,)]
        and not connection.execute(
            "SELECT FROM search_changes WHERE NOT pg_visible_in_snapshot(changed_by, %s)", (state.snapshot,)
        ).fetchall()
    )


def test_two_hosts_end_with_the_same(database_url: str, connection: Connection, tmp_path: Path) -> None:
    # Given two folders
    folders, seeded = [folder_of(tmp_path, name) for name in ("0", "1")], random.Random(2)
    for number in range(40):
        put(connection, f"session-{number}", f"first{number}", UUID(int=number + 1))

    # When one follows each change, and the other some of them
    for number in range(9):
        change(connection, seeded, number)
        for folder in folders if number % 4 == 0 else folders[:1]:
            follow(folder, database_url)

    # Then both have what the rows have
    assert is_as_the_rows(folders[0], connection) and is_as_the_rows(folders[1], connection)


def test_a_transaction_that_commits_late_is_not_missed(database_url: str, connection: Connection, tmp_path: Path) -> None:
    # Given a transaction that has written, and another that begins behind it, and commits before it
    folder = folder_of(tmp_path)
    with psycopg.connect(database_url) as late:
        put(late, "late", "belated")
        put(connection, "early", "punctual")
        follow(folder, database_url)
        assert sessions_in_index(folder).keys() == {"early"}

        # When it commits behind a look that has seen the other
        put(connection, "next", "punctual too")
        follow(folder, database_url)
        late.commit()
    follow(folder, database_url)

    # Then it is found
    assert is_as_the_rows(folder, connection)
    assert sessions_in_index(folder)["late"] == {"belated"}


def test_what_is_known_is_not_written_again_while_an_older_transaction_is_open(
    database_url: str, connection: Connection, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path)
    with psycopg.connect(database_url) as late:
        put(late, "late", "belated")
        put(connection, "early", "punctual")
        follow(folder, database_url)
        before = folder.stamp()

        follow(folder, database_url)

        assert folder.stamp() == before


def test_a_number_of_another_servers_transaction_is_no_change(database_url: str, connection: Connection, tmp_path: Path) -> None:
    # Given a dump of a server that has had more transactions
    folder = folder_of(tmp_path)
    [[known]] = connection.execute("SELECT coalesce(max(number), 0) FROM search_changes").fetchall()
    put(connection, "one", "words")
    connection.execute("UPDATE search_changes SET changed_by = '99999999' WHERE number > %s", (known,))

    # When it is followed, then the session is in the index, and waits no more
    follow(folder, database_url)
    assert is_as_the_rows(folder, connection)
    before = folder.stamp()
    follow(folder, database_url)
    assert folder.stamp() == before

    # When it changes, then that is seen
    put(connection, "one", "other")
    follow(folder, database_url)
    assert is_as_the_rows(folder, connection)
    # Other tests follow the same notes.
    connection.execute("DELETE FROM search_changes WHERE changed_by = '99999999'")


def test_a_long_session_that_changes_is_not_made_again_at_once(database_url: str, connection: Connection, tmp_path: Path) -> None:
    # Given a session whose document takes a while
    folder = folder_of(tmp_path)
    put(connection, "long", "first")
    connection.execute(
        """INSERT INTO messages (id, session_id, project_id, user_id, role, content, occurred_at, received_at)
           SELECT gen_random_uuid(), 'long', 1, 0, 'user', repeat('the same words ', 25), now(), now() FROM generate_series(1, 1500)"""
    )
    follower = Follower(folder)
    with psycopg.connect(database_url, autocommit=True) as rows:
        rows.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        follower.catch_up(rows, lambda: False)

        # When it changes, then its text is in the index, and the session waits
        put(connection, "long", "zanzibar")
        rest = follower.catch_up(rows, lambda: False)
        state = folder.state()
        assert rest and state is not None and state.waiting == ["long"]
        assert texts_in_index(folder) == texts_in_rows(connection)
        assert "zanzibar" not in sessions_in_index(folder)["long"]

        # When it has waited, then it is made again
        time.sleep(rest)
        assert follower.catch_up(rows, lambda: False) is None
    follower.close()
    assert "zanzibar" in sessions_in_index(folder)["long"]


@pytest.mark.parametrize("table", TABLES)
def test_every_row_is_read_once_and_the_newest_first(connection: Connection, table: str) -> None:
    # Given rows of several days, some of the same moment, and some without a time
    days = ["2026-05-02", "2026-05-03", "2026-05-01", "2026-05-03", seed.UNDATED, seed.UNDATED]
    project = seed.add_project(connection, "/p")
    for number, day in enumerate(days):
        session_id = f"{number}"
        seed.add_session(connection, session_id, project, dated_at=day)
        if table != "sessions":
            seed.add_document(connection, session_id, day, f"text {number}", kind=TABLES[table])

    # When they are read two at a time
    keys, after, pages = list[str](), list[str](), 0
    while (page := page_of(connection, table, after, 2)).after:
        keys, after, pages = keys + page.keys, page.after, pages + 1

    # Then each is there once, and the newest are the first where there is an index for that
    assert (len(keys), len(set(keys)), pages) == (6, 6, 3)
    if table in ("messages", "tool_calls", "sessions"):
        at = {row.key: row.occurred_at for row in row_documents(connection, TABLES[table], keys)}
        dated = [at[key] for key in keys[:4]]
        assert dated == sorted(dated, key=str, reverse=True)


def test_a_writer_whose_connection_is_ended_goes_on(database_url: str, connection: Connection, tmp_path: Path) -> None:
    # Given a writer for which nothing waits
    folder = folder_of(tmp_path)
    put(connection, "one", "words")
    with writer_of(folder, database_url) as writer:
        assert wait_until(lambda: is_caught_up(folder, connection), stretched(30))

        # When Postgres ends its connection, and something changes
        ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'tracker-search'"
        assert set(connection.execute(ended).fetchall()) == {(True,)}
        put(connection, "two", "more words")
        assert writer.stdin is not None
        writer.stdin.write(b"\n")
        writer.stdin.flush()

        # Then it connects again
        assert wait_until(lambda: is_caught_up(folder, connection), stretched(30))
        writer.stdin.close()
        assert writer.wait(60) == 0
    assert is_as_the_rows(folder, connection)


def test_one_writer_at_a_time(database_url: str, connection: Connection, tmp_path: Path) -> None:
    # Given a folder that is being written
    folder = folder_of(tmp_path)
    put(connection, "one", "words")
    with folder.writing() as is_ours:
        assert is_ours

        # When a second writer comes
        with writer_of(folder, database_url) as writer:
            time.sleep(1)
            assert folder.state() is None
            # Then it waits, and ends with its query service
            assert writer.poll() is None
            assert writer.stdin is not None
            writer.stdin.close()
            assert writer.wait(60) == 0
