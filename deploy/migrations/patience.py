"""A migration gives way to the services: it waits half a second for a lock, lets everybody pass who has queued up behind it, and tries again."""

import random
import time
from collections.abc import Callable
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError

# An hour: a dump of a large database holds its locks for that long.
PATIENCE_SECONDS: Final = 3600.0
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 10.0

# What passes by itself: a lock that was not given in time, a deadlock, a server that restarts, too many connections.
PASSING: Final = ("55P03", "40P01", "57P01", "57P02", "57P03", "53300")

_OTHERS: Final = """
    SELECT application_name, pid, state, extract(epoch FROM clock_timestamp() - xact_start)::integer
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '1 s'
    ORDER BY xact_start LIMIT 3"""


def with_patience(
    attempt: Callable[[], None], database_url: str, say: Callable[[str], None], *, patience_seconds: float = PATIENCE_SECONDS
) -> None:
    """Calls `attempt` until it is not held up. Raises what does not pass by itself, and what has not passed after `patience_seconds`."""
    deadline = time.monotonic() + patience_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return attempt()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in PASSING or time.monotonic() > deadline:
                raise
            say(f"The migration is held up ({_first_line(error)}) by {held_up_by(database_url)}; it tries again, and nothing waits for it.")
        # Not in step with what holds it up.
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def held_up_by(database_url: str) -> str:
    """The oldest transactions, in words: what holds the locks is among them."""
    try:
        with psycopg.connect(database_url, connect_timeout=2) as connection:
            others = connection.execute(_OTHERS).fetchall()
    except psycopg.Error:
        return "a database that does not answer"
    if not others:
        return "short transactions, one after the other"
    return ", ".join(f"{name or 'somebody'} (process {pid}, {state}, for {seconds} s)" for name, pid, state, seconds in others)


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0]
