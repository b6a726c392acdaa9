"""F10: Postgres is away for long, under load. What is accepted meanwhile waits in the journal, and is drained when it is back."""

import time

import psycopg
from redis.exceptions import RedisError

from deploy.embedded.processes import wait_until
from tests.faults.checks import waiting
from tests.faults.kills import kill_postgres
from tests.faults.scene import Scene

DRAINED_SECONDS = 300.0
# What lies in the journal under load alone.
FEW_ENTRIES = 50
_PERSISTED = "SELECT coalesce(sum(persisted), 0)::bigint FROM ledger"


def postgres_away(scene: Scene) -> None:
    """Killed, and kept away for all of the time. Notes how fast the backlog was drained afterwards."""
    with scene.stack.nothing_heals():
        kill_postgres(scene.stack)
        scene.last_long()
    if not wait_until(lambda: _persisted(scene) is not None, DRAINED_SECONDS):
        scene.problems.append(f"C6: Postgres was not back after {DRAINED_SECONDS:.0f} s")
        return
    before, since = _persisted(scene), time.monotonic()
    backlog = _entries(scene)
    if not wait_until(lambda: _entries(scene) < FEW_ENTRIES, DRAINED_SECONDS):
        scene.problems.append(f"C4: the backlog of {backlog} entries was not drained within {DRAINED_SECONDS:.0f} s")
    seconds = time.monotonic() - since
    events = (_persisted(scene) or 0) - (before or 0)
    scene.notes.append(
        f"after {scene.seconds:.0f} s without Postgres {events} events in {backlog} entries were drained in {seconds:.1f} s, "
        f"{events / seconds:.0f} events/s, load going on"
    )


def _persisted(scene: Scene) -> int | None:
    try:
        with scene.stack.database() as connection:
            [(persisted,)] = connection.execute(_PERSISTED).fetchall()
    except psycopg.OperationalError:
        return None
    assert isinstance(persisted, int)
    return persisted


def _entries(scene: Scene) -> int:
    try:
        with scene.stack.redis() as redis:
            return waiting(redis)[0]
    except RedisError:
        return FEW_ENTRIES
