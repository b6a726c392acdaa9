"""Sums of wall time and cost hold any number of rows, and the shown value is exact."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.worker.maintenance import rebuild
from services.worker.maintenance.verify import sums, verify
from services.worker.resources import Resources
from shared.events.event_kinds import MAX_DURATION_MS, MAX_LINES, MAX_TOKENS
from shared.events.messages import Conversation
from tests.example_counts import examples
from tests.integration.whole_session import whole_session
from tests.integration.worker.journal_entries import store
from tests.kept_connection import Connection

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MAX_BIGINT = 2**63 - 1
_CELL = (
    "SELECT wall_us, cost_nano_usd FROM activity_rollups WHERE (project_id, user_id, grain_minutes) = (-1, -1, 0)"
    " UNION ALL SELECT NULL, coalesce(sum(cost_nano_usd), 0) FROM usage_rollups WHERE (project_id, user_id, grain_minutes) = (-1, -1, 0)"
)
_SESSIONS = """
    INSERT INTO sessions (session_id, counted, wall_us, cost_nano_usd, snapshot, usage_from_snapshot)
    SELECT 'w' || n, true, wall, cost, '{}', true FROM unnest(%s::bigint[], %s::bigint[]) WITH ORDINALITY AS s (wall, cost, n)"""


def arrive(worker: Resources, session_id: str, user: str) -> None:
    """A session whose first two minutes are active."""
    again = Conversation(session_id=session_id, content="y", role="user", timestamp=NOW + timedelta(minutes=2), id=uuid4())
    store(worker, *whole_session(session_id, user, NOW), again, received_at=NOW)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, MAX_BIGINT), st.integers(0, MAX_BIGINT)), min_size=1, max_size=30))
def check(worker: Resources, connection: Connection, values: list[tuple[int, int]]) -> None:
    # Given sessions of any length and cost, their aggregates made from the rows
    connection.execute("DELETE FROM sessions")
    connection.execute(_SESSIONS, [[wall for wall, _ in values], [cost for _, cost in values]])
    with connection.transaction():
        every = sums(connection)
        rebuild.lock(connection, every)
        rebuild.refill(connection, every)
    wall, cost = (sum(each) for each in zip(*values, strict=True))
    assert connection.execute(_CELL).fetchall() == [(wall, cost), (None, cost)]

    # When another session comes, it is added to them
    arrive(worker, f"more-{wall}-{cost}", "ann")
    [(wall_after, cost_after), _] = connection.execute(_CELL).fetchall()
    assert (wall_after, cost_after) == (wall + 600_000_000, cost + 35_000)
    assert connection.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM sessions WHERE session_id LIKE 'more-%' AND counted").fetchone() == (1,)
    for table in ("messages", "api_calls", "activities", "tool_calls", "session_events", "session_files"):
        connection.execute(f"DELETE FROM {table}".encode())


def test_sums_of_wall_time_and_cost_never_overflow(worker: Resources) -> None:
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        check(worker, connection)
        with connection.transaction():
            rebuild.refill(connection, sums(connection))
        assert verify(connection, worker.idle_gap)["activity_rollups"] == 0


def test_a_full_sum_of_active_time_stops_no_write(worker: Resources) -> None:
    # Given people who were active for longer than a bigint of microseconds holds
    arrive(worker, "first", "ann")
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("SET tracker.sums_stay = 'on'")
        connection.execute("UPDATE activity_rollups SET active_us = %s", (MAX_BIGINT,))

        # When others work, then what they do is stored and counted
        arrive(worker, "second", "ben")
        assert connection.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM sessions WHERE counted").fetchone() == (2,)
        total = "SELECT active_us > %s FROM activity_rollups WHERE (project_id, user_id, grain_minutes) = (-1, -1, 0)"
        assert connection.execute(total, (MAX_BIGINT,)).fetchone() == (True,)


@pytest.mark.parametrize("most", [2 * MAX_LINES, 2 * MAX_TOKENS, MAX_DURATION_MS])
def test_the_other_sums_cannot_reach_the_bigint_limit(most: int) -> None:
    """Two of the largest: a call's writes to the cache of either length are one sum."""
    assert most * 10**10 < MAX_BIGINT
