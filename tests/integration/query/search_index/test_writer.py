"""The writer of an index of sessions: it may be killed at any moment, and misses nothing that was committed."""

import random
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from deploy.embedded.supervision.processes import wait_until
from deploy.migrations.grants import QUERY
from services.query.search_index.folder import Folder
from tests.conftest import as_role
from tests.faults.pace import stretched
from tests.integration.query.search_index.indexed import follow, in_index, in_rows, put, writer_of

SESSIONS = 300
KILLS = 50


def folder_of(path: Path, name: str = "0") -> Folder:
    (path / name).mkdir()
    return Folder(path / name)


def change(connection: psycopg.Connection[Any], seeded: random.Random, number: int) -> None:
    """Sessions come, change, move a document to another, and go."""
    with connection.transaction():
        for _ in range(12):
            document = UUID(int=seeded.randrange(SESSIONS) + 1)
            put(connection, f"session-{seeded.randrange(SESSIONS)}", f"change{number} word{seeded.randrange(40)}", document)
        connection.execute(
            "DELETE FROM search_documents WHERE id = ANY(%s)", ([UUID(int=seeded.randrange(SESSIONS) + 1) for _ in range(3)],)
        )


def test_a_writer_that_is_killed_50_times_ends_with_what_the_rows_have(
    database_url: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
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
            time.sleep(seeded.random() * 0.5)
            change(connection, seeded, kill)
            writer.kill()
    with writer_of(folder, as_role(database_url, QUERY)) as writer:
        assert wait_until(lambda: is_caught_up(folder, connection), stretched(60))
        assert writer.stdin is not None
        writer.stdin.close()
        assert writer.wait(60) == 0

    # Then it has exactly the sessions and the words of the rows
    assert in_index(folder) == in_rows(connection)


def wait_for_change(folder: Folder) -> None:
    before = folder.stamp()
    wait_until(lambda: folder.stamp() != before, 2)


def is_caught_up(folder: Folder, connection: psycopg.Connection[Any]) -> bool:
    state = folder.state()
    return (
        state is not None
        and not state.waiting
        and not connection.execute(
            "SELECT FROM search_session_changes WHERE NOT pg_visible_in_snapshot(changed_by, %s)", (state.snapshot,)
        ).fetchall()
    )


def test_two_hosts_end_with_the_same(database_url: str, connection: psycopg.Connection[Any], tmp_path: Path) -> None:
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
    assert in_index(folders[0]) == in_index(folders[1]) == in_rows(connection)


def test_a_transaction_that_commits_late_is_not_missed(database_url: str, connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    # Given a transaction that has written, and another that begins behind it, and commits before it
    folder = folder_of(tmp_path)
    with psycopg.connect(database_url) as late:
        put(late, "late", "belated")
        put(connection, "early", "punctual")
        follow(folder, database_url)
        assert in_index(folder).keys() == {"early"}

        # When it commits behind a look that has seen the other
        put(connection, "next", "punctual too")
        follow(folder, database_url)
        late.commit()
    follow(folder, database_url)

    # Then it is found
    assert in_index(folder) == in_rows(connection)
    assert in_index(folder)["late"] == {"belated"}


def test_what_is_known_is_not_written_again_while_an_older_transaction_is_open(
    database_url: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    folder = folder_of(tmp_path)
    with psycopg.connect(database_url) as late:
        put(late, "late", "belated")
        put(connection, "early", "punctual")
        follow(folder, database_url)
        before = folder.stamp()

        follow(folder, database_url)

        assert folder.stamp() == before


def test_a_number_of_another_servers_transaction_is_no_change(
    database_url: str, connection: psycopg.Connection[Any], tmp_path: Path
) -> None:
    # Given a dump of a server that has had more transactions
    folder = folder_of(tmp_path)
    put(connection, "one", "words")
    connection.execute("UPDATE search_session_changes SET changed_by = '99999999'")

    # When it is followed, then the session is in the index, and waits no more
    follow(folder, database_url)
    assert in_index(folder) == in_rows(connection)
    before = folder.stamp()
    follow(folder, database_url)
    assert folder.stamp() == before

    # When it changes, then that is seen
    put(connection, "one", "other")
    follow(folder, database_url)
    assert in_index(folder) == in_rows(connection)


def test_the_newest_sessions_are_the_first_in_a_new_index(database_url: str, connection: psycopg.Connection[Any], tmp_path: Path) -> None:
    # Given sessions of several days
    folder = folder_of(tmp_path)
    for day in (2, 3, 1):
        put(connection, f"day-{day}", "words")
        connection.execute(
            "INSERT INTO sessions (session_id, project_id, path_project_id, last_event_at) VALUES (%s, 0, 0, make_date(2026, 5, %s))",
            (f"day-{day}", day),
        )

    # When a writer is killed as soon as it knows them
    with writer_of(folder, database_url) as writer:
        assert wait_until(lambda: folder.state() is not None, 30)
        state = folder.state()
        writer.kill()

    # Then they stand in this order, those that are done left out
    assert state is not None
    assert state.waiting == ["day-3", "day-2", "day-1"][3 - len(state.waiting) :]


def test_a_writer_whose_connection_is_ended_goes_on(database_url: str, connection: psycopg.Connection[Any], tmp_path: Path) -> None:
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
    assert in_index(folder) == in_rows(connection)


def test_one_writer_at_a_time(database_url: str, connection: psycopg.Connection[Any], tmp_path: Path) -> None:
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
