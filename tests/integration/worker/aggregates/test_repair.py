"""A database filled with implausible values by an older release is repaired, and everything works again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from services.worker.drain.drain_partition import drain
from services.worker.maintenance import rebuild
from services.worker.maintenance.repair import repair
from services.worker.maintenance.verify import verify
from services.worker.resources import Resources
from shared.events.messages import ENVELOPE_VERSION, Envelope, encode_envelope
from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.integration.whole_session import whole_session

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HUGE = 2**53 - 1
# As many as the release before could add up: one more was "bigint out of range".
ROWS = 1_000


def arrive(worker: Resources, session_id: str, user: str, at: datetime = NOW) -> None:
    envelope = Envelope(version=ENVELOPE_VERSION, request_id="r", received_at=at, events=whole_session(session_id, user, at))
    worker.redis.xadd(stream_key(0), {PAYLOAD_FIELD: encode_envelope(envelope)})
    drain(worker)


# {what: statements that leave rows as the release before left them}. `mallory` has a session of everything already.
BROKEN: dict[str, list[str]] = {
    "lines": [
        f"""INSERT INTO activities (id, session_id, project_id, user_id, file_key, action, lines_added, lines_removed, occurred_at, received_at)
            SELECT gen_random_uuid(), session_id, project_id, user_id, file_key, action, {HUGE}, {HUGE}, occurred_at, received_at
            FROM activities, generate_series(1, {ROWS})"""
    ],
    "milliseconds": [
        f"""INSERT INTO tool_calls (id, session_id, project_id, user_id, tool_name, status, duration_ms, occurred_at, received_at)
            SELECT gen_random_uuid(), session_id, project_id, user_id, tool_name, status, {HUGE}, occurred_at, received_at
            FROM tool_calls, generate_series(1, {ROWS})"""
    ],
    "tokens": [
        f"""INSERT INTO api_calls (id, session_id, project_id, user_id, model, occurred_at, input_tokens, output_tokens, cost_nano_usd, received_at)
            SELECT gen_random_uuid(), session_id, project_id, user_id, model, occurred_at, {HUGE // 8}, 1, 5 * ({HUGE // 8}), received_at
            FROM api_calls, generate_series(1, {ROWS})"""
    ],
    "times": [
        # 130 years each: the sum of 2,250 such sessions is more than a bigint holds.
        """INSERT INTO sessions (session_id, project_id, user_id, counted, started_at, first_event_at, dated_at, ended_at, last_event_at, wall_us)
           SELECT 'old-' || n, project_id, user_id, true, '1970-01-01Z', '1970-01-01Z', '1970-01-01Z', '2099-12-31Z', '2099-12-31Z',
                  microseconds('2099-12-31Z'::timestamptz - '1970-01-01Z') FROM sessions, generate_series(1, 2240) AS n""",
        """INSERT INTO session_events (id, session_id, kind, occurred_at, project_id, user_id, received_at)
           SELECT gen_random_uuid(), session_id, kind, at, project_id, user_id, '2026-05-01Z'
           FROM sessions, (VALUES ('start', '1970-01-01Z'::timestamptz), ('end', '2099-12-31Z')) AS e (kind, at) WHERE session_id LIKE 'old-%'""",
    ],
    "facts": [
        f"""INSERT INTO session_facts (id, session_id, project_id, user_id, first_record_at, last_record_at, active_ranges, source, numbers, received_at)
            SELECT gen_random_uuid(), session_id, project_id, user_id, '1970-01-01Z', '2099-12-31Z', '{{["1970-01-01Z","1970-01-02Z")}}', 'transcript',
                   '{{"input_tokens": {HUGE}, "lines_added": 3}}', received_at FROM session_events WHERE kind = 'start'""",
    ],
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_implausible_rows_of_an_older_release_are_repaired(worker: Resources, broken: str) -> None:
    # Given a database with such rows, its sessions and cells as that release would have them
    arrive(worker, "m", "mallory")
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        for statement in BROKEN[broken]:
            assert connection.execute(statement.encode()).rowcount
        with connection.transaction():
            rebuild.lock(connection)
            rebuild.refill(connection, worker.idle_gap)
        absurd = largest(connection)
        before = rows_of(connection)

        # When it is only counted, nothing changes
        counted = repair(connection, worker.idle_gap, is_dry_run=True)
        assert largest(connection) == absurd

        # When it is repaired
        mended = repair(connection, worker.idle_gap)

        # Then it says what it mended, every row is still there, and sessions and aggregates are what the rows say
        assert mended == counted
        assert sum(mended.values()) >= 1
        assert rows_of(connection) == before
        assert set(verify(connection, worker.idle_gap).values()) == {0}
        assert all(value < 10**9 for value in largest(connection).values())
        assert repair(connection, worker.idle_gap) == dict.fromkeys(mended, 0)

        # And what comes now is stored and counted
        arrive(worker, "a", "ann", NOW + timedelta(hours=1))
        assert connection.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)
        assert set(verify(connection, worker.idle_gap).values()) == {0}
        ours = connection.execute(
            "SELECT sessions, wall_us, lines_added, input_tokens, tool_calls FROM activity_rollups AS r JOIN projects AS p ON p.id = r.project_id"
            " WHERE p.path = '/home/ann/app' AND user_id = -1 AND grain_minutes = 0"
        ).fetchall()
        assert ours == [(1, 600_000_000, 5, 7, 1)]


def largest(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """The measures of the grand total that can be absurd; wall time in seconds."""
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        found = cursor.execute(
            "SELECT wall_us / 1000000 AS wall_s, r.lines_added, lines_removed, input_tokens, cost_nano_usd, duration_ms"
            " FROM activity_rollups AS r, tool_rollups AS t"
            " WHERE (r.project_id, r.user_id, r.grain_minutes) = (-1, -1, 0) AND (t.project_id, t.user_id, t.grain_minutes) = (-1, -1, 0)"
        ).fetchone()
    assert found is not None
    return {name: int(value) for name, value in found.items()}


def rows_of(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    tables = ("session_events", "session_facts", "messages", "tool_calls", "activities", "api_calls", "sessions")
    counts = ", ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    return connection.execute(f"SELECT {counts}".encode()).fetchall()
