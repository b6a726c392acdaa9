"""F31: workers are killed at random moments while they drop texts, then sessions. In the end all has gone, each was counted once, no cell has changed,
and after each kill cells are those of rows and base.

Short: 8 MB and 4 kills of each run; long (TRACKER_FAULTS=long): 200 MB and 20 kills.
"""

import time
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import Connection

from services.worker.importers.job import run_shard
from services.worker.maintenance.jobs import run_job
from services.worker.maintenance.verify import verify
from services.worker.resources import Resources, open_resources
from services.worker.settings import Settings
from shared.jobs import RETENTION
from tests.faults.checks import IDLE_GAP
from tests.faults.chosen_moments.killed_imports import add_job, make_archive
from tests.faults.pace import is_long
from tests.faults.product.job_worker import start

MEGABYTES, KILLS = (200, 20) if is_long() else (8, 4)
CELLS = ("activity_rollups", "tool_rollups", "file_rollups", "file_sets", "usage_rollups", "error_rollups", "active_days")


def cells(connection: Connection[Any]) -> list[Any]:
    return [
        connection.execute(f"SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {table} AS t".encode()).fetchall() for table in CELLS
    ]


def drop_with_kills(
    worker: Resources, connection: Connection[Any], settings: dict[str, str], what: str, random: Random
) -> tuple[int, int, bool]:
    """A run whose workers are killed. How many sessions it counted and how many rows, and whether a kill hit it."""
    connection.execute("INSERT INTO retention_rules (what, days) VALUES (%s, 30)", (what,))
    run_id, hit = uuid4(), False
    connection.execute("INSERT INTO jobs (kind, id, is_dry_run) VALUES ('retention', %s, false)", (run_id,))
    for _ in range(KILLS):
        process = start(settings, RETENTION.name, run_id)
        assert wait_for_lease(connection, run_id)
        time.sleep(random.uniform(0.02, 0.4))
        process.kill()
        process.wait()
        found = verify(connection, IDLE_GAP)
        assert not any(found.values()), found
        # A lease ends by itself, after 15 seconds.
        freed = connection.execute("UPDATE jobs SET lease_expires_at = now() WHERE id = %s AND status = 'running' RETURNING 1", (run_id,))
        hit |= freed.fetchone() is not None
    while run_job(worker, RETENTION, run_id):
        pass
    [(sessions, rows, status)] = connection.execute(
        """SELECT (SELECT sum(sessions)::bigint FROM retention_counts WHERE run_id = r.id AND what = %(what)s),
                  (SELECT sum(rows)::bigint FROM retention_counts WHERE run_id = r.id AND what = %(what)s), status
           FROM jobs AS r WHERE id = %(id)s""",
        {"id": run_id, "what": what},
    ).fetchall()
    assert status == "succeeded"
    return sessions, rows, hit


def wait_for_lease(connection: Connection[Any], run_id: UUID) -> bool:
    until = time.monotonic() + 60
    held = "SELECT FROM jobs WHERE id = %s AND (lease_expires_at > now() OR status = 'succeeded')"
    while time.monotonic() < until:
        if connection.execute(held, (run_id,)).fetchone() is not None:
            return True
        time.sleep(0.01)
    return False


def test_retention_whose_workers_are_killed_drops_everything_once(database_url: str, redis_url: str, tmp_path: Path) -> None:
    settings = {"database_url": database_url, "redis_url": redis_url, "archive_url": (tmp_path / "archive").as_uri()}
    worker, random = open_resources(Settings(**settings)), Random(29)
    number = make_archive(tmp_path / "projects.tar", MEGABYTES)
    with psycopg.connect(database_url, autocommit=True) as connection:
        # Given sessions of months ago
        run_shard.run(worker, add_job(connection, tmp_path / "projects.tar"), 0)
        before = cells(connection)
        [(rows,)] = connection.execute(
            """SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM tool_calls) + (SELECT count(*) FROM activities)
                    + (SELECT count(*) FROM api_calls) + (SELECT count(*) FROM timeline_entries)"""
        ).fetchall()

        # When first their texts are dropped, then they, and each worker is killed
        dropped_texts = drop_with_kills(worker, connection, settings, "texts", random)
        assert connection.execute("SELECT count(*) FROM messages WHERE content <> ''").fetchall() == [(0,)]
        dropped_sessions = drop_with_kills(worker, connection, settings, "sessions", random)

        # Then each was counted once, and the numbers are as before
        assert dropped_texts[0] == number
        assert dropped_texts[2]
        assert dropped_sessions == (number, rows, True)
        assert connection.execute("SELECT count(*) FROM sessions").fetchall() == [(0,)]
        assert cells(connection) == before
        assert not any(verify(connection, IDLE_GAP).values())
    worker.close()
