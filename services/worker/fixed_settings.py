"""Settings that stored numbers depend on. The database keeps the first value it was used with, and every process uses that one.

Otherwise the numbers of some sessions would be wrong, and `make verify` would report them.
"""

from functools import cache

import psycopg
import structlog

from shared.database import connect_options

log = structlog.get_logger()

_KEEP = "INSERT INTO fixed_settings (name, value) VALUES ('idle_gap_seconds', %(configured)s::text) ON CONFLICT DO NOTHING"
_KEPT = "SELECT value::integer FROM fixed_settings WHERE name = 'idle_gap_seconds'"


@cache
def idle_gap_seconds(database_url: str, configured: int) -> int:
    """The idle gap that this database uses; `configured` is the environment's. Asked once in a process, on a connection of its own."""
    options = connect_options(statement_timeout_ms=5_000, lock_timeout_ms=5_000, read_only=False)
    with psycopg.connect(database_url, application_name="tracker-worker", **options) as connection:
        connection.execute(_KEEP, {"configured": configured})
        [(stored,)] = connection.execute(_KEPT).fetchall()
    if stored != configured:
        log.warning(
            "idle_gap_is_fixed",
            configured_seconds=configured,
            stored_seconds=stored,
            advice=f"This database counts with {stored} s since its first event; set TRACKER_IDLE_GAP_SECONDS={stored}, or start a new one.",
        )
    return int(stored)
