"""`python -m services.query.search_index`: the writer of one folder. The query service starts it, and it ends when nothing waited for a while.

A line on its standard input tells it to look; the input ends with the query service, and the writer with it. It loads no web framework.
"""

import os
import select
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg
import structlog
from psycopg import IsolationLevel

from services.query.search_index.folder import Folder
from services.query.search_index.follow import Follower, IndexDamaged
from shared.database import connect_options
from shared.logs import configure_logs

log = structlog.get_logger()

IDLE_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 2.0
# For so long Postgres may be away, or another writer at work, before the query service has to ask again.
PATIENCE_SECONDS: Final = 30.0
# A session of 20,000 calls is read in less.
STATEMENT_TIMEOUT_MS: Final = 60_000
# Behind the workers of an import, too: on two cores its rows are stored a tenth sooner, and found no later.
NICE: Final = 19
_INPUT: Final = 0


def main() -> int:
    """0 when nothing waits, or another process writes; 1 if it should be started again later."""
    configure_logs("query-index", os.environ.get("TRACKER_LOG_LEVEL", "INFO"))
    _give_way()
    folder = Folder(Path(sys.argv[1]))
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        with folder.writing() as is_ours:
            if is_ours:
                return _follow(folder)
        # The writer of a query service that has just ended may still end.
        if _is_told_to_stop() or time.monotonic() > until:
            return 0
        time.sleep(0.1)


def _follow(folder: Folder) -> int:
    follower = Follower(folder)
    away_since: float | None = None
    while True:
        try:
            with _connect() as connection:
                while True:
                    rest = follower.catch_up(connection, _is_told_to_stop)
                    away_since = None
                    if not _is_told_to_look(IDLE_SECONDS if rest is None else rest) and rest is None:
                        # Transactions that were open when it looked last have ended.
                        follower.catch_up(connection, _is_told_to_stop)
                        follower.close()
                        return 0
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            away_since = away_since or time.monotonic()
            log.warning("search_index_waits_for_postgres", error=type(error).__name__)
            if time.monotonic() > away_since + PATIENCE_SECONDS or _is_told_to_stop():
                return 1
            time.sleep(RETRY_SECONDS)
        except IndexDamaged as error:
            log.warning("search_index_damaged", error=str(error))
            return 1


def _connect() -> psycopg.Connection[Any]:
    options = connect_options(statement_timeout_ms=STATEMENT_TIMEOUT_MS, lock_timeout_ms=5_000, read_only=True)
    # Between two looks no transaction is open.
    connection = psycopg.connect(os.environ["TRACKER_DATABASE_URL"], autocommit=True, application_name="tracker-search", **options)
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    return connection


def _is_told_to_look(seconds: float) -> bool:
    """False if the query service is gone, or said nothing for so long."""
    ready, _, _ = select.select([_INPUT], [], [], seconds)
    return bool(ready and os.read(_INPUT, 65_536))


def _is_told_to_stop() -> bool:
    ready, _, _ = select.select([_INPUT], [], [], 0)
    return bool(ready) and not os.read(_INPUT, 65_536)


def _give_way() -> None:
    """Lets go first what people wait for. Linux shares a processor between sessions, then within each, so both are told."""
    os.nice(NICE)
    # It is absent outside Linux, or where groups of processes have their shares set.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
