"""From rows to a database as the worker would have left it: COPY without indexes, then indexes, then every aggregate from all rows at once.

The aggregates come from the worker's own definitions, those that `services.worker.maintenance.verify` compares with.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing import get_context
from typing import Any

import psycopg
from psycopg import Connection

from services.worker.maintenance import rebuild
from services.worker.maintenance.verify import sums
from services.worker.sessions.session_rebuild import all_sessions
from services.worker.sessions.session_totals import SUMMED
from tests.bench.plan import Plan
from tests.bench.rows import COLUMNS, Rows, file_key

# A subagent works in each tenth quarter of an hour.
_AGENTS = """
    UPDATE {table} SET agent_id = 'a' || to_hex(extract(epoch FROM occurred_at)::bigint / 900)
    WHERE session_id = %(session_id)s AND extract(epoch FROM occurred_at)::bigint / 900 %% 10 = 0"""
_RESULTS = """
    UPDATE tool_calls AS t SET result = left(repeat(m.content || E'\\n', 4), 16384)
    FROM (SELECT id, row_number() OVER (ORDER BY occurred_at) AS place FROM tool_calls WHERE session_id = %(session_id)s) AS c
    JOIN (SELECT content, row_number() OVER (ORDER BY occurred_at) AS place FROM messages WHERE session_id = %(session_id)s) AS m
        ON m.place = 1 + c.place %% 4000
    WHERE t.id = c.id"""
# Every other change was made by a call, and is then no item of its own.
_PATCHES = """
    UPDATE activities AS a SET patch = '@@ -1,4 +1,4 @@' || E'\\n-' || repeat('before ', 40) || E'\\n+' || repeat('after ', 40),
        tool_call_id = CASE WHEN c.place %% 2 = 0 THEN c.call END
    FROM (
        SELECT o.id, o.place, t.id AS call
        FROM (SELECT id, row_number() OVER (ORDER BY occurred_at) AS place FROM activities WHERE session_id = %(session_id)s) AS o
        LEFT JOIN (
            SELECT id, row_number() OVER (ORDER BY occurred_at) AS place FROM tool_calls WHERE session_id = %(session_id)s AND tool_name = 'Edit'
        ) AS t ON t.place = o.place) AS c
    WHERE a.id = c.id"""
_THINKING = """
    INSERT INTO timeline_entries (id, session_id, project_id, user_id, kind, content, occurred_at, agent_id, source, received_at)
    SELECT md5('thinking ' || id)::uuid, session_id, project_id, user_id, 'thinking', repeat('so then ', 60), occurred_at, agent_id, source, received_at
    FROM messages WHERE session_id = %(session_id)s AND role = 'assistant' ORDER BY occurred_at LIMIT 1000"""


def deepen(connection: Connection, session_id: str) -> None:
    """Gives the rows of the session all that."""
    asked = {"session_id": session_id}
    for table in ("messages", "tool_calls", "api_calls", "activities"):
        connection.execute(_AGENTS.format(table=table).encode(), asked)
    for statement in (_RESULTS, _PATCHES, _THINKING):
        connection.execute(statement.encode(), asked)


WITHOUT_TRIGGERS = "SET session_replication_role = 'replica'"
IDLE_GAP = timedelta(seconds=300)
ROW_TABLES = ("session_events", "messages", "tool_calls", "activities", "api_calls")
# Two processes of about the same work each.
SHARES = (("messages",), ("sessions", "session_events", "tool_calls", "activities", "api_calls"))

SESSION_FILES = "INSERT INTO session_files SELECT DISTINCT session_id, file_key FROM activities ORDER BY 1, 2"
# As services/worker/sessions/session_totals.py leaves a session. `session_drafts` is what COPY brought.
SESSIONS = f"""
    INSERT INTO sessions (session_id, project_id, user_id, model, git_branch, client_version, source, started_at, ended_at, counted, created_at,
        first_event_at, last_event_at, idle_closed_at, dated_at, wall_us, active_ranges, active_us, {", ".join(SUMMED)})
    SELECT session_id, d.project_id, d.user_id, d.model, d.git_branch, d.client_version, d.source, d.started_at, d.ended_at, true, d.started_at,
        e.first_event_at, e.last_event_at, CASE WHEN d.ended_at IS NULL THEN e.last_event_at END, e.first_event_at,
        microseconds(e.last_event_at - e.first_event_at), e.active_ranges, measure_us(without_gap(e.active_ranges, %(idle_gap)s)),
        {", ".join(f"e.{name}" for name in SUMMED)}
    FROM session_drafts AS d JOIN ({all_sessions()}) AS e USING (session_id)
    ORDER BY d.started_at"""


def load(database_url: str, plan: Plan) -> None:
    """Fills an empty, migrated database. Meant for a server that does not fsync: see data_sets.py."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE UNLOGGED TABLE session_drafts AS SELECT {COLUMNS['sessions']} FROM sessions WITH NO DATA".encode())
        _what_rows_refer_to(connection, plan)
        # A query host that has no index yet reads all rows, so none need be noted.
        connection.execute(WITHOUT_TRIGGERS)
        with _without_indexes(connection):
            _copy_all(database_url, plan)
            deepen(connection, plan.long_session_id)
        _aggregate(connection)
        connection.execute("DROP TABLE session_drafts")
        # VACUUM calls only those rows visible to all whose commit is on the disk, and here nobody has waited for that.
        for statement in ("CHECKPOINT", "VACUUM (ANALYZE)", "CHECKPOINT"):
            connection.execute(statement)


def _what_rows_refer_to(connection: Connection, plan: Plan) -> None:
    with connection.cursor() as cursor:
        with cursor.copy("COPY projects (path, name) FROM STDIN") as copy:
            for path in plan.project_paths:
                copy.write_row((path, path.rpartition("/")[2]))
        with cursor.copy("COPY users (name) FROM STDIN") as copy:
            for name in plan.user_names:
                copy.write_row((name,))
        with cursor.copy("COPY files (file_key, file_path) FROM STDIN") as copy:
            for path in sorted({path for paths in plan.file_paths for path in paths}):
                copy.write_row((file_key(path), path))


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """Drops what slows COPY down, and makes it again from its own definition."""
    keys = connection.execute(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'p' AND conrelid::regclass::text = ANY(%s)",
        [list(ROW_TABLES)],
    ).fetchall()
    for table, name, _ in keys:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
    indexes = connection.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s)", [list(ROW_TABLES)]).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    yield
    for table, name, definition in keys:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}".encode())
    for _, definition in indexes:
        connection.execute(definition.encode())


def _copy_all(database_url: str, plan: Plan) -> None:
    _together(*((_copy_tables, (database_url, plan, tables)) for tables in SHARES))


def _together(*work: tuple[Callable[..., None], tuple[Any, ...]]) -> None:
    context = get_context("fork")
    processes = [context.Process(target=target, args=arguments) for target, arguments in work]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("a process that makes rows has failed; its error is above")


def _copy_tables(database_url: str, plan: Plan, tables: tuple[str, ...]) -> None:
    rows = Rows(plan)
    with psycopg.connect(database_url) as connection, connection.cursor() as cursor:
        cursor.execute(WITHOUT_TRIGGERS)
        for table in tables:
            target = "session_drafts" if table == "sessions" else table
            # In the transaction that empties a table, COPY writes no WAL (wal_level = minimal).
            cursor.execute(f"TRUNCATE {target}".encode())
            with cursor.copy(f"COPY {target} ({COLUMNS[table]}) FROM STDIN".encode()) as copy:
                for block in rows.blocks(table):
                    copy.write(block)
            connection.commit()


def _aggregate(connection: Connection) -> None:
    parameters = {"idle_gap": IDLE_GAP}
    connection.execute(SESSION_FILES)
    connection.execute("ANALYZE messages, tool_calls, activities, api_calls, session_events, session_drafts")
    connection.execute(SESSIONS.encode(), parameters)
    # As each batch makes them.
    connection.execute(
        "UPDATE sessions SET title = t.title, title_source = t.source FROM sessions AS s, session_title(s.session_id) AS t WHERE s.session_id = sessions.session_id"
    )
    connection.execute("ANALYZE sessions")
    for check in sums(connection):
        # By time, as the rows would have come one after the other; then by key.
        order = "day" if check.name == "active_days" else "bucket_start"
        connection.execute(f"{rebuild.fill_statement(check)} ORDER BY {order}, project_id".encode())
        connection.execute(f"ANALYZE {check.name}".encode())
    connection.execute("INSERT INTO ledger (slot, last_received_at) SELECT 0, max(received_at) FROM session_events")
