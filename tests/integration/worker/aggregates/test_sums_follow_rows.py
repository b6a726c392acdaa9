"""session_quarters has what the rows of each session count for, whatever changes the rows."""

import psycopg
import pytest

from services.worker.maintenance.verify import differing, sums
from services.worker.resources import Resources
from tests.integration.worker.aggregates.arrived_events import arrive

_COPIES = "INSERT INTO {0} SELECT (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid()))).* FROM {0} AS t"
CHANGES = {
    "rows come in": [_COPIES.format(table) for table in ("messages", "tool_calls", "activities", "api_calls")],
    "calls end otherwise": ["UPDATE tool_calls SET status = CASE status WHEN 'success' THEN 'error' ELSE 'success' END"],
    "costs are not known": ["UPDATE api_calls SET cost_nano_usd = NULL, cache_saved_nano_usd = NULL"],
    "lines are counted anew": ["UPDATE activities SET lines_added = lines_added + 3, lines_removed = 0"],
    "a session's rows are another's": ["UPDATE messages SET session_id = 'another'", "UPDATE tool_calls SET session_id = 'another'"],
    "rows lose their session": ["UPDATE messages SET session_id = NULL", "UPDATE tool_calls SET session_id = NULL"],
    "rows change their project and user": ["UPDATE api_calls SET project_id = 77, user_id = 78", "UPDATE messages SET user_id = 78"],
    "rows happened at another time": ["UPDATE tool_calls SET occurred_at = '-infinity'", "UPDATE messages SET occurred_at = occurred_at + interval '7 hours'"],
    "texts are scrubbed": ["UPDATE messages SET content = ''"],
    "some rows go": ["DELETE FROM messages WHERE role = 'user'", "DELETE FROM tool_calls WHERE status = 'success'"],
    "all rows go": [f"DELETE FROM {table}" for table in ("messages", "tool_calls", "activities", "api_calls", "sessions")],
}  # fmt: skip


def quarters(connection: psycopg.Connection[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return connection.execute("SELECT t::text FROM session_quarters AS t ORDER BY 1").fetchall()


@pytest.fixture
def filled(worker: Resources) -> Resources:
    arrive(worker)
    return worker


@pytest.mark.parametrize("what", CHANGES)
def test_quarters_follow_when(filled: Resources, what: str) -> None:
    with psycopg.connect(filled.settings.database_url) as connection:
        before = quarters(connection)

        for statement in CHANGES[what]:
            assert connection.execute(statement.encode()).rowcount > 0
        # As at the end of the transaction.
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")

        assert {check.name: cells for check in sums(connection) if (cells := differing(connection, check, filled.idle_gap))} == {}
        assert (quarters(connection) == before) == (what == "texts are scrubbed")
        assert (quarters(connection) == []) == (what == "all rows go")


def test_what_a_worker_of_the_release_before_adds_itself_is_not_counted_twice(filled: Resources) -> None:
    """given a worker that still adds to cells, as it does until an upgrade replaces it, then the cells stay those of the rows."""
    with psycopg.connect(filled.settings.database_url) as connection:
        for table in ("activity_rollups", "tool_rollups", "error_rollups", "usage_rollups", "file_rollups", "file_sets", "active_days"):
            before = connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1".encode()).fetchall()
            assert before

            connection.execute(f"UPDATE {table} SET project_id = 99".encode())
            connection.execute(f"DELETE FROM {table}".encode())

            assert connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1".encode()).fetchall() == before
