"""Undo in short transactions: aggregates stay correct after each, live events continue, and only affected rows are read."""

import threading
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from deploy.embedded.supervision.processes import wait_until
from services.worker.importers.job import undo
from services.worker.maintenance.verify import sums, verify
from services.worker.persist.staging.staging_tables import prepare_connection
from services.worker.resources import Resources
from shared.events.messages import Conversation, SessionStart
from tests.integration.worker.imports.files_of_sessions import EPOCH, GAP, add_job, bring, file_of
from tests.integration.worker.statements import select

ACTS = list(range(12))
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"


def said(session_id: str, minutes: int) -> Conversation:
    return Conversation(session_id=session_id, content="live", role="user", timestamp=EPOCH + timedelta(minutes=minutes), id=uuid4())


def messages(worker: Resources) -> int:
    [(found,)] = select(worker, "SELECT count(*) FROM messages WHERE content = 'live'")
    return int(found)


@pytest.fixture
def imported(worker: Resources) -> int:
    """The number of an import of a session that has a live event too, and of one that has none."""
    with worker.connection() as connection:
        bring(connection, [SessionStart(project_path="/p/live", start_time=EPOCH, user="bob", session_id="s1", id=uuid4()), said("s1", 1)])
        with connection.transaction():
            number = add_job(connection)
        bring(connection, file_of("s1", ACTS) + file_of("s2", [12, 13, 14, 15]), number)
    return number


def test_aggregates_agree_with_the_rows_after_each_transaction(worker: Resources, imported: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """given an undo of three rows a transaction, when live events come in between, then nothing drifts at any commit."""
    monkeypatch.setattr(undo, "ROWS_AT_ONCE", 3)
    steps, is_more = 0, True

    while is_more:
        with worker.transaction() as connection:
            is_more = undo.undo_some(worker, connection, imported)
            if not is_more:
                undo.clear_up(connection, imported)
        with worker.connection() as connection:
            bring(connection, [said("s1", 100 + steps)])
            assert not any(verify(connection, GAP).values()), f"after transaction {steps}"
        steps += 1

    assert steps > 5

    with worker.transaction() as connection:
        left = connection.execute("SELECT (SELECT count(*) FROM messages), (SELECT array_agg(session_id) FROM sessions)").fetchone()
        assert left == (steps + 1, ["s1"])
        # Nor is there a cell that nothing is left in.
        for check in sums(connection):
            all_and_filled = f"SELECT (SELECT count(*) FROM {check.name}) - (SELECT count(*) FROM {check.name} {check.where()})"
            assert connection.execute(all_and_filled.encode()).fetchone() == (0,), check.name


def test_live_events_are_stored_during_an_undo(worker: Resources, imported: int, database_url: str) -> None:
    """given an undo that stands still in a transaction, at a table that somebody holds, then a batch of live events commits."""
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url, autocommit=True) as watcher:
        holder.execute("LOCK TABLE contested_rows IN ACCESS EXCLUSIVE MODE")
        pids: list[int] = []

        def take_back() -> None:
            # The worker has one connection; a drain is another process.
            with psycopg.connect(database_url) as connection:
                prepare_connection(connection)
                connection.commit()
                pids.append(connection.info.backend_pid)
                undo.undo_some(worker, connection, imported)

        thread = threading.Thread(target=take_back)
        thread.start()
        try:
            assert wait_until(lambda: bool(pids) and watcher.execute(WAITS, pids).fetchone() == (1,), 60)
            with worker.connection() as connection:
                bring(connection, [said("s3", 1)])
            assert messages(worker) == 2
        finally:
            holder.rollback()
            thread.join(60)
    assert not thread.is_alive()


def test_an_undo_reads_only_affected_rows(worker: Resources, imported: int) -> None:
    """given a database with many other cells, sessions and rows, then no table that grows with them is read from end to end."""
    tables = (
        "activity_rollups",
        "tool_rollups",
        "error_rollups",
        "usage_rollups",
        "file_rollups",
        "file_sets",
        "session_quarters",
        "active_days",
        "messages",
        "tool_calls",
        "activities",
        "api_calls",
        "timeline_entries",
        "sessions",
        "session_facts",
        "files",
    )

    with worker.transaction() as connection:
        # Cells are among them.
        connection.execute("SET LOCAL tracker.sums_stay = 'on'")
        for statement in OTHERS:
            connection.execute(statement.encode())
    with worker.connection() as connection:
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
        connection.autocommit = False
    read = "SELECT relname, seq_scan, seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = ANY(%s) AND seq_tup_read > 0"

    with worker.transaction() as connection:
        while undo.undo_some(worker, connection, imported):
            continue
        undo.clear_up(connection, imported)
        assert connection.execute(read, (list(tables),)).fetchall() == []


OTHERS = (
    """INSERT INTO projects (path, name) SELECT '/other/' || n, n::text FROM generate_series(1, 200) AS n""",
    """INSERT INTO sessions (session_id, project_id, user_id, counted, dated_at, first_event_at, last_event_at)
       SELECT 'other ' || n, 10 + n % 200, 1, true, t, t, t + interval '1 h'
       FROM generate_series(1, 5000) AS n, LATERAL (SELECT timestamptz '2020-01-01Z' + n * interval '8 h' AS t) AS at""",
    """INSERT INTO session_facts (id, session_id, source, received_at) SELECT gen_random_uuid(), 'other ' || n, 'transcript', now()
       FROM generate_series(1, 5000) AS n""",
    """INSERT INTO messages (id, session_id, project_id, user_id, role, content, occurred_at, received_at)
       SELECT gen_random_uuid(), 'other ' || n % 5000, 10 + n % 200, 1, 'user', 'x', timestamptz '2020-01-01Z' + n * interval '1 h', now()
       FROM generate_series(1, 20000) AS n""",
    """INSERT INTO tool_calls (id, session_id, project_id, user_id, tool_name, status, occurred_at, received_at)
       SELECT gen_random_uuid(), 'other ' || n % 5000, 10 + n % 200, 1, 'Bash', 'success', timestamptz '2020-01-01Z' + n * interval '1 h', now()
       FROM generate_series(1, 20000) AS n""",
    """INSERT INTO files (file_key, file_path) SELECT md5(n::text)::uuid, '/other/' || n FROM generate_series(1, 5000) AS n""",
    """INSERT INTO activities (id, session_id, project_id, user_id, file_key, action, lines_added, lines_removed, occurred_at, received_at)
       SELECT gen_random_uuid(), 'other ' || n % 5000, 10 + n % 200, 1, md5((1 + n % 5000)::text)::uuid, 'modified', 1, 1,
              timestamptz '2020-01-01Z' + n * interval '1 h', now() FROM generate_series(1, 20000) AS n""",
    """INSERT INTO api_calls (id, session_id, project_id, user_id, occurred_at, received_at)
       SELECT gen_random_uuid(), 'other ' || n % 5000, 10 + n % 200, 1, timestamptz '2020-01-01Z' + n * interval '1 h', now()
       FROM generate_series(1, 20000) AS n""",
    """INSERT INTO timeline_entries (id, session_id, project_id, user_id, kind, content, occurred_at, received_at)
       SELECT gen_random_uuid(), 'other ' || n % 5000, 10 + n % 200, 1, 'thinking', 'x', timestamptz '2020-01-01Z' + n * interval '1 h', now()
       FROM generate_series(1, 20000) AS n""",
    """INSERT INTO activity_rollups (project_id, user_id, grain_minutes, bucket_start, sessions)
       SELECT 10 + n % 200, 1, 15, timestamptz '2020-01-01Z' + n * interval '15 min', 1 FROM generate_series(1, 50000) AS n""",
    """INSERT INTO tool_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, calls)
       SELECT 10 + n % 200, 1, 1440, timestamptz '2020-01-01Z' + n * interval '1 day', 'Bash', 1 FROM generate_series(1, 50000) AS n""",
    """INSERT INTO error_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, error_class, calls)
       SELECT 10 + n % 200, 1, 1440, timestamptz '2020-01-01Z' + n * interval '1 day', 'Bash', 'other', 1 FROM generate_series(1, 50000) AS n""",
    """INSERT INTO usage_rollups (project_id, user_id, grain_minutes, bucket_start, model, api_calls)
       SELECT 10 + n % 200, 1, 1440, timestamptz '2020-01-01Z' + n * interval '1 day', 'm', 1 FROM generate_series(1, 50000) AS n""",
    """INSERT INTO file_rollups (project_id, grain_minutes, bucket_start, file_key, touches)
       SELECT 10 + n % 200, 15, timestamptz '2020-01-01Z' + n * interval '15 min', md5((1 + n % 5000)::text)::uuid, 1 FROM generate_series(1, 50000) AS n""",
    """INSERT INTO file_sets (project_id, grain_minutes, bucket_start, chunk, bits)
       SELECT 10 + n % 200, 1440, timestamptz '2020-01-01Z' + n * interval '1 day', 0, set_bit(0::bit(4096), n % 4096, 1) FROM generate_series(1, 5000) AS n""",
    """INSERT INTO active_days (project_id, user_id, day, ranges)
       SELECT 10 + n % 200, 1, date '2020-01-01' + n, '{}' FROM generate_series(1, 20000) AS n""",
)


def test_a_project_imported_again_keeps_its_id(worker: Resources) -> None:
    """given an import that is undone, when it is imported again, then keys that are bound to its project see it again."""
    ids = []

    for _ in range(2):
        with worker.connection() as connection:
            with connection.transaction():
                number = add_job(connection)
            bring(connection, file_of("s2", ACTS), number)
            with connection.transaction():
                ids.append(
                    connection.execute(
                        "SELECT p.id, u.id FROM projects AS p, users AS u WHERE path = '/p/s2' AND u.name = 'ann'"
                    ).fetchall()
                )
                while undo.undo_some(worker, connection, number):
                    continue
                undo.clear_up(connection, number)

    assert ids[0] == ids[1]
    assert len(ids[0]) == 1
