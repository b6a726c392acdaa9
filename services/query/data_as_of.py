"""X-Data-As-Of: up to when the database that answers is complete.

Known for each server on its own, since a replica may be behind the primary. A read never waits for it: while another request looks, and while
somebody holds the ledger's lock, the last known time is given. It is older, so it promises too little and never too much.
"""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from services.query.queries.status.ledger import last_received_at

FRESH_SECONDS: Final = 0.2
# An ALTER of the ledger, say, or a migration that waits for it. Nobody looks again for a while.
LOCK_WAIT_MS: Final = 50
AFTER_LOCK_SECONDS: Final = 1.0

_WAIT_BRIEFLY: Final = text(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")


@dataclass(slots=True)
class _Known:
    """What is known of one server."""

    as_of: datetime | None = None
    until: float = 0.0
    looking: threading.Lock = field(default_factory=threading.Lock)


class DataAsOf:
    """When the newest event that is applied was received, by server."""

    def __init__(self) -> None:
        self._known: defaultdict[tuple[str, ...], _Known] = defaultdict(_Known)

    def of(self, connection: Connection) -> datetime | None:
        """Of the server behind this connection, at most 0.2 s old; None if it is not known. Call it before reading, so that it promises too little."""
        known = self._known[_server_of(connection)]
        # Only the very first look is waited for, since there is nothing else to give.
        if time.monotonic() >= known.until and known.looking.acquire(blocking=known.until == 0.0):
            try:
                _look(connection, known)
            finally:
                known.looking.release()
        return known.as_of


def _server_of(connection: Connection) -> tuple[str, ...]:
    """The server that libpq has chosen, which one URL may leave open."""
    pooled: Any = connection.connection.driver_connection
    return pooled.info.host, pooled.info.hostaddr, str(pooled.info.port), pooled.info.dbname


def _look(connection: Connection, known: _Known) -> None:
    try:
        with connection.begin_nested() as savepoint:
            connection.execute(_WAIT_BRIEFLY)
            known.as_of = last_received_at(connection)
            # Takes back the short lock_timeout too.
            savepoint.rollback()
        known.until = time.monotonic() + FRESH_SECONDS
    except DBAPIError as error:
        if not isinstance(error.orig, LockNotAvailable):
            raise
        known.until = time.monotonic() + AFTER_LOCK_SECONDS
