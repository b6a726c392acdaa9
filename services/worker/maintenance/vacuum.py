"""VACUUM of a table that others use: outside of a transaction, on a connection that waits a second for a lock (staged_job.py)."""

import time
from typing import Any, Final, LiteralString

import psycopg
from psycopg import Connection, sql

# New queries of the table wait while a try waits for those that run. Between two tries they get through.
LOCK_TRIES: Final = 15
PAUSE_SECONDS: Final = 0.5


def vacuum(connection: Connection[Any], command: LiteralString, name: str) -> bool:
    """Runs `command` for the table `name`, which may have a schema. False if it is in use all the time, or if that takes longer than a step may."""
    statement = sql.SQL(command + " {}").format(sql.Identifier(*name.split(".")))
    for _ in range(LOCK_TRIES):
        try:
            connection.execute(statement)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            time.sleep(PAUSE_SECONDS)
            continue
        except psycopg.errors.QueryCanceled:
            return False
        return True
    return False
