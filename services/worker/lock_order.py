"""The order in which a writing transaction takes its locks, so that no two transactions deadlock. It may skip the ones that it does not need:

1. import order (`lock_import_order`)
2. writing (`lock_writing_shared`; `lock_writing_exclusive` for several batches, which cannot keep to the order below)
3. projects, users and files that are new, then sessions, each by its key
4. rows, table by table, each by its key
5. sums, which triggers take (`lock_sums` of deploy/migrations/versions/0107_kept_sums.sql): then the cells, in any order
6. known projects that a batch marks, by id; then what belongs to this transaction only: its account, its job

The archive's locks (services/worker/archive/archive_locks.py) come behind them all.

3, 4 and 6 are row locks. 1, 2 and 5 are advisory locks, held until the transaction ends. Never upgrade a shared lock: two upgraders deadlock.
The feed's lock (`lock_feed`) is taken after a commit, in a transaction that takes no other.
The lock of projects that are moved (`try_lock_rekeying`) is only tried, so it has no place in this order.
"""

from typing import Any

from psycopg import Connection

# Arbitrary constants.
_IMPORT_ORDER, _WRITING, _REKEYING = 0x_1A9047, 0x_1A9048, 0x_1A9051
_FEED = 0x_1A9060
# The holder of the feed's lock writes to Redis. If that takes longer, states are told in any order.
_FEED_TIMEOUT = "SET LOCAL lock_timeout = '2s'"
# An import may wait long: for another import's chunk, or for the undo of long sessions.
_IMPORT_TIMEOUTS = "SET LOCAL lock_timeout = '10min'; SET LOCAL statement_timeout = '10min'"

_LOCK_SHARED = "SELECT pg_advisory_xact_lock_shared(%(key)s)"
_LOCK_EXCLUSIVE = "SELECT pg_advisory_xact_lock(%(key)s)"
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%(key)s)"


def lock_import_order(connection: Connection[Any]) -> None:
    """Imports persist one after the other: none may read a row whose owner another import is changing. Live events do not take this lock."""
    connection.execute(_IMPORT_TIMEOUTS)
    connection.execute(_LOCK_EXCLUSIVE, {"key": _IMPORT_ORDER})
    connection.execute("SET LOCAL lock_timeout TO DEFAULT")


def lock_feed(connection: Connection[Any]) -> None:
    """For states that are told to the live feed: who appends last must have read last."""
    connection.execute(_FEED_TIMEOUT)
    connection.execute(_LOCK_EXCLUSIVE, {"key": _FEED})


def lock_writing_shared(connection: Connection[Any]) -> None:
    """For one batch."""
    connection.execute(_LOCK_SHARED, {"key": _WRITING})


def lock_writing_exclusive(connection: Connection[Any]) -> None:
    """For several batches in one transaction: a poisoned batch, replays, an undo."""
    connection.execute(_LOCK_EXCLUSIVE, {"key": _WRITING})


def try_lock_rekeying(connection: Connection[Any]) -> bool:
    """For the one worker that moves sessions between projects. False if another one is at it."""
    [(is_held,)] = connection.execute(_TRY_LOCK, {"key": _REKEYING}).fetchall()
    return bool(is_held)
