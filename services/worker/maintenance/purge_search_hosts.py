"""The stage of jobs that take texts away in which every query host makes its search index anew (docs/adr/0109-query-hosts-confirm-that-they-purged.md).

It stands behind the stages that delete or change rows. A host that is off holds up nothing: it purges when it starts. At last the notes of changed
rows go that hosts follow, since they have ids of what is gone.
"""

import time
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import Connection
from redis import Redis

from services.worker.resources import Resources
from services.worker.sweep.sweep_statements import FORGET_OLD_CHANGES
from shared.search_hosts import ALIVE_SECONDS, HOSTS_KEY, SearchHost
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "purge_search_hosts.sql")

# A host that was not seen for this long does not come back, or comes back with a field that it writes anew.
FORGOTTEN_SECONDS: Final = 86_400.0

_SNAPSHOT: Final = "SELECT pg_current_snapshot()::text"


class Purged(NamedTuple):
    """The place where the next step goes on, None at the stage's end; and whether there was nothing to do yet."""

    after: str | None
    waits: bool = False


def purge_search_hosts(worker: Resources, connection: Connection[Any], after: str | None) -> Purged:
    """Waits for transactions that may have read what is gone, asks the hosts, waits for those that are alive, and deletes what was noted until it asked.

    Each of these is committed with `after`: a snapshot; then the number that hosts are to confirm, and the snapshot in which it asked.
    """
    if after is None:
        [(snapshot,)] = connection.execute(_SNAPSHOT).fetchall()
        return Purged(snapshot)
    number, _, snapshot = after.rpartition(" ")
    if not number:
        # A project that is renamed notes all of its sessions, those too that were deleted since its statement began.
        [(has_ended,)] = connection.execute(_SQL.has_ended, {"snapshot": snapshot}).fetchall()
        return Purged(ask_for_purge(connection)) if has_ended else Purged(after, waits=True)
    if not _have_purged(worker.redis, int(number)):
        return Purged(after, waits=True)
    connection.execute(_SQL.forget_changes, {"snapshot": snapshot})
    return Purged(None)


def ask_for_purge(connection: Connection[Any]) -> str:
    """The number that hosts are to confirm, and a snapshot: each index is made of what was committed by then, and perhaps later."""
    [(number, snapshot)] = connection.execute(_SQL.ask).fetchall()
    return f"{number} {snapshot}"


def forget_old_changes(worker: Resources) -> None:
    """A host that has not seen what goes here, since it was off for a day, makes its index anew."""
    with worker.transaction() as connection:
        connection.execute(FORGET_OLD_CHANGES)


def _have_purged(redis: Redis, number: int) -> bool:
    found: Any = redis.hgetall(HOSTS_KEY)
    hosts = {field: msgspec.json.decode(value, type=SearchHost) for field, value in found.items()}
    now = time.time()
    for field, host in hosts.items():
        if host.seen_at < now - FORGOTTEN_SECONDS:
            redis.hdel(HOSTS_KEY, field)
    return all(host.purged >= number for host in hosts.values() if host.seen_at > now - ALIVE_SECONDS)
