"""F32: workers that erase a person are killed at random moments; in the end nothing of the person is left, and everything of the other is as it was.

Short: 5 sessions of each and 8 kills; long (TRACKER_FAULTS=long): 60 sessions and 40 kills.
"""

import time
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import Connection, sql

from services.worker.importers.job import run_shard
from services.worker.maintenance.verify import verify
from services.worker.resources import open_resources
from services.worker.settings import Settings
from shared.jobs import ERASURE
from tests.faults.checks import IDLE_GAP
from tests.faults.chosen_moments.killed_imports import add_job, pack
from tests.faults.pace import is_long
from tests.faults.product.job_worker import start
from tests.integration.worker.all_tables import tables

_PLACE = "SELECT status, at_stage, after_key, counts::text FROM jobs WHERE id = %s"


def place(connection: Connection[tuple[str, ...]], erasure_id: UUID) -> tuple[str, ...]:
    [row] = connection.execute(_PLACE, (erasure_id,)).fetchall()
    return row


def of_bob(connection: Connection[tuple[str, ...]]) -> dict[str, list[str]]:
    return {table: [row for row in rows if '"u": "bob"' in row] for table, rows in tables(connection).items()}


def rows_with(connection: Connection[tuple[str, ...]], text: str) -> list[str]:
    names = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()]
    statement = sql.SQL("SELECT FROM {} AS t WHERE position(%s IN t::text) > 0")
    return [name for name in names if connection.execute(statement.format(sql.Identifier(name)), (text,)).rowcount]


@pytest.mark.parametrize("seed", [1, 2])
def test_an_erasure_killed_at_random_moments_goes_on_to_its_end(database_url: str, redis_url: str, tmp_path: Path, seed: int) -> None:
    # Given what two people imported
    sessions, kills = (60, 40) if is_long() else (5, 8)
    settings = {"database_url": database_url, "redis_url": redis_url, "archive_url": (tmp_path / "contents").as_uri()}
    worker, rng, erasure_id = open_resources(Settings(**settings)), Random(seed), uuid4()
    with psycopg.connect(database_url, autocommit=True) as connection:
        for user, first in (("ann", 200), ("bob", 100)):
            pack(archive := tmp_path / f"{user}.tar", range(first, first + sessions))
            job_id = add_job(connection, archive)
            connection.execute("UPDATE import_jobs SET user_name = %s WHERE id = %s", (user, job_id))
            run_shard.run(worker, job_id, 0)
        before = of_bob(connection)
        hers = [f"session-{number}" for number in range(200, 200 + sessions)]
        assert all("messages" in rows_with(connection, each) for each in hers)
        [(user_id,)] = connection.execute("SELECT id FROM users WHERE name = 'ann'").fetchall()
        connection.execute(
            """INSERT INTO jobs (kind, id, options, names, user_ids) VALUES ('erasure', %s, '{"of": "user"}', %s, %s)""",
            (erasure_id, ["ann"], [user_id]),
        )

        # When its workers are killed, each a random while after it has got on
        killed = 0
        while killed < kills and place(connection, erasure_id)[0] in ("queued", "running"):
            process, was = start(settings, ERASURE.name, erasure_id), place(connection, erasure_id)
            while process.poll() is None and place(connection, erasure_id) == was:
                time.sleep(0.005)
            time.sleep(rng.uniform(0, 0.3))
            process.kill()
            process.wait()
            killed += 1
            # As time would: the dead worker's lease is over.
            connection.execute("UPDATE jobs SET lease_expires_at = NULL")
        process = start(settings, ERASURE.name, erasure_id)
        assert process.wait(120) == 0

        # Then it has ended, nothing of the one is left, and of the other nothing is missing
        assert place(connection, erasure_id)[0] == "succeeded"
        assert {each: found for each in hers if (found := rows_with(connection, each))} == {}
        assert connection.execute("SELECT name FROM users").fetchall() == [("bob",)]
        assert of_bob(connection) == before
        assert not any(verify(connection, IDLE_GAP).values())
    worker.close()
    print(f"{killed} kills")
