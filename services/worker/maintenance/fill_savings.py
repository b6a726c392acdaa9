"""Fills in what the prompt cache saved, for API calls that a release before the migration 0028 has stored.

Only the worker has the price list, so the migration cannot do it. The newest calls come first, some in each transaction; sessions and aggregates agree
with the rows after each. Beat looks for what is left, also for calls that workers of the old release store during an upgrade. Both sides of the
difference are priced by the list of today. A call whose model is not in it stays as it is: not known.
"""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from services.worker import lock_order
from services.worker.aggregates.registry import composed
from services.worker.aggregates.rollups import rollup_ctes
from services.worker.persist.derived_values import stored_prices
from services.worker.persist.derived_values.pricing import TOKEN_COLUMNS, UNKNOWN, Price, Tokens, price_of
from services.worker.persist.persist_batch import LOCK_SESSIONS
from services.worker.resources import Resources
from services.worker.row_tables import API_CALLS
from services.worker.sql_text import listed, sql
from shared.sql_files import statement

_sql = partial(statement, __package__, "fill_savings.sql")

# A task runs for less than its time limit, then sends the next one.
RUN_SECONDS: Final = 15.0
# What one transaction fills. Other writers of the same sessions wait for it.
CALLS_AT_ONCE: Final = 500

# A place among the calls: time and id, as texts, since psycopg has no -infinity.
Place = tuple[str, str]
NEWEST: Final[Place] = ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")

_FILLED: Final = ("uncached_nano_usd", "cache_saved_nano_usd")

_NEXT: Final = _sql("next")
_LOCK_CALLS: Final = _sql("lock_calls")
_FILL: Final = _sql("fill")


@composed
def fill_statement() -> str:
    """Fills in some calls, and adds them to their sessions and to the aggregates. Gives how many they are."""
    return sql(
        _FILL,
        returned=listed(f"new.{name}" for name in API_CALLS.columns),
        columns=listed(API_CALLS.columns),
        before=listed(f"NULL::bigint AS {name}" if name in _FILLED else name for name in API_CALLS.columns),
        rollups=rollup_ctes({"new_api_calls", "gone_api_calls"}),
    )


def run(worker: Resources, before: Place = NEWEST, run_seconds: float = RUN_SECONDS) -> Place | None:
    """Goes on for a while with the calls before this place. Where to go on, or None: nothing is left, or another worker is at it."""
    until = time.monotonic() + run_seconds
    place: Place | None = before
    while place is not None:
        with worker.transaction() as connection:
            place = fill_some(connection, place) if lock_order.try_lock_savings(connection) else None
        if time.monotonic() > until:
            return place
    return None


def fill_some(connection: Connection[Any], before: Place = NEWEST) -> Place | None:
    """Fills in the next calls, in the caller's transaction. The place of the last one; None if there was none."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_NEXT, {"before": before[0], "before_id": before[1], "limit": CALLS_AT_ONCE}).fetchall()
        if not found:
            return None
        parameters: dict[str, Any] = {
            "ids": [call["id"] for call in found],
            "session_ids": sorted({call["session_id"] for call in found} - {None}),
        }
        lock_order.lock_writing_shared(connection)
        cursor.execute(LOCK_SESSIONS, parameters)
        lock_order.lock_aggregates_shared(connection)
        calls = cursor.execute(_LOCK_CALLS, parameters).fetchall()
        stored_prices.refresh(connection)
        prices = [(call["id"], price) for call in calls if (price := _price(call)).nano_usd is not None]
        if prices:
            filled = {
                "ids": [call_id for call_id, _ in prices],
                "uncached": [price.uncached_nano_usd for _, price in prices],
                "saved": [price.cache_saved_nano_usd for _, price in prices],
                "written": [price.cache_write_nano_usd for _, price in prices],
            }
            cursor.execute(fill_statement(), filled)
    return found[-1]["at"], found[-1]["place"]


def _price(call: Mapping[str, Any]) -> Price:
    if call["occurred_at"] is None:
        return UNKNOWN
    tokens = Tokens(*(call[name] for name in TOKEN_COLUMNS))
    return price_of(call["model"], call["occurred_at"], tokens, is_fast=bool(call["is_fast"]), geo=call["inference_geo"])
