"""While Postgres, Redis or the blob store is unavailable, a task logs one line and ends. The next wake-up tries again."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import redis.exceptions
import sqlalchemy.exc
import structlog
from celery.exceptions import Ignore

from shared.blobs.store import BlobStoreAway

log = structlog.get_logger()

UNAVAILABLE_ERRORS = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    BlobStoreAway,
    # A primary that was demoted; a Cluster that has no primary for some keys, or is moving them.
    redis.exceptions.ReadOnlyError,
    redis.exceptions.AskError,
    redis.exceptions.TryAgainError,
    redis.exceptions.ClusterError,
    redis.exceptions.RedisClusterException,
)


@contextmanager
def retry_later_if_unavailable(task: str) -> Iterator[None]:
    """Turns an operational error into a warning with its reason. Every other error is raised as it is.

    Raises Ignore, so that Celery counts the task neither as done nor as failed.
    """
    try:
        yield
    except UNAVAILABLE_ERRORS as error:
        log.warning("task_postponed", task=task, reason=reason_of(error))
        raise Ignore from None


def reason_of(error: Exception) -> str:
    """The driver's error, which SQLAlchemy may have wrapped: its name and its first line, which is about the connection."""
    cause = getattr(error, "orig", None) or error
    first_line = next(iter(str(cause).splitlines()), "")
    return f"{type(cause).__name__}: {first_line[:200]}"
