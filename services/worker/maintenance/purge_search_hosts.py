"""The stage of jobs that take texts away in which every query host makes its index of sessions anew (docs/adr/0109-query-hosts-confirm-that-they-purged.md).

It stands behind the stages that delete documents of the search index. A host that is off holds up nothing: it purges when it starts.
"""

import time
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec
from psycopg import Connection
from redis import Redis

from services.worker.resources import Resources
from shared.search_hosts import ALIVE_SECONDS, HOSTS_KEY, SearchHost
from shared.sql_files import statement

_sql = partial(statement, __package__, "purge_search_hosts.sql")

# A host that was not seen for this long does not come back, or comes back with a field that it writes anew.
FORGOTTEN_SECONDS: Final = 86_400.0

_ASK: Final = _sql("ask")
_FORGET_CHANGES: Final = _sql("forget_changes")


class Purged(NamedTuple):
    """Where the next step goes on, None at the stage's end; and whether there was nothing to do yet."""

    after: str | None
    waits: bool = False


def purge_search_hosts(worker: Resources, connection: Connection[Any], after: str | None) -> Purged:
    """Asks once, since `after` is committed with it, then waits for every host that is alive. At last no id of a session that is gone stays noted."""
    if after is None:
        return Purged(ask_for_purge(connection))
    number, snapshot = after.split()
    if not _have_purged(worker.redis, int(number)):
        return Purged(after, waits=True)
    connection.execute(_FORGET_CHANGES, {"snapshot": snapshot})
    return Purged(None)


def ask_for_purge(connection: Connection[Any]) -> str:
    """The number that hosts are to confirm, and a snapshot: each index is made of what was committed by then, and perhaps later."""
    [(number, snapshot)] = connection.execute(_ASK).fetchall()
    return f"{number} {snapshot}"


def _have_purged(redis: Redis, number: int) -> bool:
    found: Any = redis.hgetall(HOSTS_KEY)
    hosts = {field: msgspec.json.decode(value, type=SearchHost) for field, value in found.items()}
    now = time.time()
    for field, host in hosts.items():
        if host.seen_at < now - FORGOTTEN_SECONDS:
            redis.hdel(HOSTS_KEY, field)
    return all(host.purged >= number for host in hosts.values() if host.seen_at > now - ALIVE_SECONDS)
