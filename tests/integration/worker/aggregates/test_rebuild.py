"""Wrong aggregates are rebuilt from the rows, and later events are added as usual."""

import psycopg

from services.worker.maintenance.rebuild import rebuild
from services.worker.maintenance.verify import sums, verify
from services.worker.resources import Resources
from tests.integration.worker.aggregates.arrived_events import arrive

SPOIL = (
    "UPDATE activity_rollups SET sessions = sessions + 1",
    "DELETE FROM tool_rollups WHERE grain_minutes = 1440",
    "UPDATE file_rollups SET touches = touches + 1",
    "DELETE FROM file_rollups WHERE grain_minutes = 0",
    "DELETE FROM file_sets",
    "DELETE FROM usage_rollups",
    "DELETE FROM active_days",
    "UPDATE session_quarters SET tool_calls = tool_calls + 1",
)


def tables(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    return [check.name for check in sums(connection)]


def contents(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, list[tuple[object, ...]]]:
    """{table: its rows as text}, since some hold -infinity."""
    return {table: connection.execute(f"SELECT t::text FROM {table} AS t ORDER BY 1".encode()).fetchall() for table in tables(connection)}


def test_corrupted_aggregates_are_rebuilt(worker: Resources) -> None:
    # Given stored events, and aggregates that no longer say what the rows say
    arrive(worker)
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        before = contents(connection)
        # No trigger makes good what is spoilt here.
        connection.execute("SET tracker.sums_stay = 'on'")
        spoilt = [statement for statement in SPOIL if connection.execute(statement.encode()).rowcount]
        connection.execute("RESET tracker.sums_stay")
        assert len(spoilt) >= 4
        differing = {name: cells for name, cells in verify(connection, worker.idle_gap).items() if cells}
        assert differing

        # When they are rebuilt
        wrong = rebuild(connection, worker.idle_gap)

        # Then it says what was wrong, and they are what they were
        assert {name: cells for name, cells in wrong.items() if cells} == {n: c for n, c in differing.items() if n in tables(connection)}
        assert not any(verify(connection, worker.idle_gap).values())
        assert contents(connection) == before


def test_correct_aggregates_show_no_difference(worker: Resources) -> None:
    arrive(worker)
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        assert rebuild(connection, worker.idle_gap) == dict.fromkeys(tables(connection), 0)
