"""F10: Postgres is away for long, under load. Events that are accepted meanwhile wait in the journal, and are drained when it is back."""

import sys
import time
from typing import Any

import psycopg
from redis.exceptions import RedisError

from shared.journal.streams import stream_key
from tests.faults.kinds.kills import kill_postgres
from tests.faults.kinds.scene import Scene
from tests.faults.pace import wait_until

DRAINED_SECONDS = 300.0
_END = (sys.maxsize, 0)
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
    last = _edge(scene, newest=True)
    if last is not None and not wait_until(lambda: (_edge(scene, newest=False) or _END) > last, DRAINED_SECONDS):
        scene.problems.append(f"C4: what had come in while Postgres was away was not drained within {DRAINED_SECONDS:.0f} s")
    seconds = time.monotonic() - since
    events = (_persisted(scene) or 0) - (before or 0)
    scene.notes.append(
        f"{scene.seconds:.0f} s without Postgres; then {events:,} events were drained in {seconds:.1f} s, "
        f"{events / seconds:,.0f} a second, more coming in meanwhile"
    )


def _persisted(scene: Scene) -> int | None:
    try:
        with scene.stack.database() as connection:
            [(persisted,)] = connection.execute(_PERSISTED).fetchall()
    except psycopg.OperationalError:
        return None
    assert isinstance(persisted, int)
    return persisted


def _edge(scene: Scene, *, newest: bool) -> tuple[int, int] | None:
    """The id of the newest or the oldest entry in the journal; None without one, or if Redis does not say."""
    try:
        with scene.stack.redis() as redis:
            found: Any = (redis.xrevrange if newest else redis.xrange)(stream_key(0), count=1)
    except RedisError:
        return None
    if not found:
        return None
    milliseconds, _, number = found[0][0].partition("-")
    return int(milliseconds), int(number)
