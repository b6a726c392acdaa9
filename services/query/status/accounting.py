"""The journal's accounting as the query service reads it, for /metrics and /api/accounting."""

from msgspec import Struct
from redis import Redis

from services.query.database import Database
from services.query.queries.status import is_replica, outcomes
from shared.journal.accounting import CHECK_KEY, Accounting, balance, read_accounts
from shared.journal.partitions import streams_in_use


class Accounts(Struct, frozen=True):
    """The equation, and how often the worker's check found drift."""

    equation: Accounting
    alarms: int


def read_accounting(database: Database, redis: "Redis", partitions: int) -> Accounts:
    """As it is now. redis.RedisError or psycopg.Error if it cannot be read."""
    streams = streams_in_use(redis, partitions)
    before = read_accounts(redis, streams)
    # From the primary: a replica may be behind, which would look like missing events.
    with database.connection(from_primary=True) as connection:
        became, may_lag = outcomes(connection), is_replica(connection)
    equation = balance(before, became, read_accounts(redis, streams), may_lag=may_lag)
    return Accounts(equation, int(redis.hget(CHECK_KEY, "alarms") or 0))
