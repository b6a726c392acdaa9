"""Migrations give way to the services: a migration that waits half a second for a lock gives up, lets the queue behind it pass, and tries again."""

import random
import time
from collections.abc import Callable
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError

# An hour: a dump of a large database holds its locks for that long.
RETRY_SECONDS: Final = 3600.0
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 10.0

# Lock time-out, deadlock, server restart, too many connections: trying again may help.
TRANSIENT_SQLSTATES: Final = ("55P03", "40P01", "57P01", "57P02", "57P03", "53300")

_OLDEST_TRANSACTIONS: Final = """
    SELECT application_name, pid, state, extract(epoch FROM clock_timestamp() - xact_start)::integer
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '1 s'
    ORDER BY xact_start LIMIT 3"""


def retry_when_locked(
    attempt: Callable[[], None], database_url: str, say: Callable[[str], None], *, retry_seconds: float = RETRY_SECONDS
) -> None:
    """Calls `attempt` until it succeeds. Raises every error that is not transient, and a transient one after `retry_seconds`."""
    deadline = time.monotonic() + retry_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return attempt()
        except (DBAPIError, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if getattr(cause, "sqlstate", None) not in TRANSIENT_SQLSTATES or time.monotonic() > deadline:
                raise
            say(
                f"The migration is held up ({str(cause).partition(chr(10))[0]}) by {blocking_transactions(database_url)}; it tries again, and nothing waits for it."
            )
        # Jitter, so that the tries do not meet the same lock each time.
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def blocking_transactions(database_url: str) -> str:
    """Describes the three oldest transactions; one of them holds the lock."""
    try:
        with psycopg.connect(database_url, connect_timeout=2) as connection:
            others = connection.execute(_OLDEST_TRANSACTIONS).fetchall()
    except psycopg.Error:
        return "a database that does not answer"
    if not others:
        return "short transactions, one after the other"
    return ", ".join(
        f"{name or 'a client without a name'} (process {pid}, {state}, for {seconds} s)" for name, pid, state, seconds in others
    )
