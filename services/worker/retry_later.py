"""What a task does while Postgres, Redis or the store of uploads is away: one line in the log, and no more. The next bell tries again."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import redis.exceptions
import sqlalchemy.exc
import structlog
from celery.exceptions import Ignore

from shared.blobs.store import BlobStoreAway

log = structlog.get_logger()

AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    BlobStoreAway,
    # A master that is one no longer, a Cluster that has none for some keys or is moving them.
    redis.exceptions.ReadOnlyError,
    redis.exceptions.AskError,
    redis.exceptions.TryAgainError,
    redis.exceptions.ClusterError,
    redis.exceptions.RedisClusterException,
)


@contextmanager
def put_off_if_away(task: str) -> Iterator[None]:
    """Turns an operational error into a warning with its reason. Any other error stays what it is, with its traceback.

    Ignore: for Celery the task is over, neither done nor failed.
    """
    try:
        yield
    except AWAY as error:
        log.warning("task_put_off", task=task, reason=reason_of(error))
        raise Ignore from None


def reason_of(error: Exception) -> str:
    """The driver's own error where SQLAlchemy has wrapped it: its name and its first line, which is about the connection."""
    cause = getattr(error, "orig", None) or error
    first_line = next(iter(str(cause).splitlines()), "")
    return f"{type(cause).__name__}: {first_line[:200]}"
