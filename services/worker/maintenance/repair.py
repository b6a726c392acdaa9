"""`python -m services.worker.maintenance.repair`: corrects values that cannot be true in stored rows, then recomputes sessions and aggregates.

For a database that was filled by a release without bounds (shared/events/plausible.py). No row is deleted. A count that is too large becomes 0 or unknown; a
time that cannot be true becomes the time at which the event was received. All in one transaction. `--dry-run` only counts.
"""

import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from services.worker.importers.formats.plausible_records import STORED_MOST
from services.worker.maintenance import rebuild
from services.worker.maintenance.command import with_worker
from services.worker.persist import persist_batch
from services.worker.persist.derived_values import stored_prices
from services.worker.persist.derived_values.pricing import TOKEN_COLUMNS, Tokens, price_of
from services.worker.persist.staging.event_kind_rows import KIND_TABLES
from services.worker.resources import Resources
from services.worker.sessions.reattribution import update_session_rows
from services.worker.sessions.session_rebuild import rebuild_sessions
from services.worker.sql_text import sql
from shared.events.event_kinds import MAX_TOKENS
from shared.events.plausible import EARLIEST_EVENT, MAX_AHEAD
from shared.sql_files import statement

_sql = partial(statement, __package__, "repair.sql")

_TOKENS: Final = ("input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "cache_read_tokens")
# {table whose rows have a time: {column: (the most that can be true, what more becomes)}}.
_BOUNDS: Final[dict[str, Mapping[str, tuple[int, str]]]] = {name: table.bounds for name, table in KIND_TABLES.items()} | {
    "api_calls": dict.fromkeys(_TOKENS, (MAX_TOKENS, "0"))
}
_FACT_TIMES: Final = ("first_record_at", "last_record_at", "ended_at")


# A time that is known and cannot be true; 'infinity' is no time either.
_IS_WRONG = "($time > '-infinity' AND ($time < %(earliest)s OR $time > received_at + %(ahead)s))"

_CORRECT_ROWS: Final = _sql("correct_rows")
_CORRECT_FACTS: Final = _sql("correct_facts")
_PRICED_CALLS: Final = _sql("priced_calls")
_UPDATE_PRICE: Final = _sql("update_price")
_PROJECTS = "SELECT DISTINCT project_id FROM sessions WHERE session_id = ANY(%(session_ids)s)"


def correct_rows(table: str) -> str:
    """Corrects the rows of one table, and gives the id and session of each."""
    bounds = _BOUNDS[table]
    return sql(
        _CORRECT_ROWS,
        table=table,
        is_wrong=sql(_IS_WRONG, time="occurred_at"),
        counts="\n".join(f"{name} = CASE WHEN {name} > {most} THEN {nothing} ELSE {name} END," for name, (most, nothing) in bounds.items()),
        is_too_large="\n".join(f"OR {name} > {most}" for name, (most, _) in bounds.items()),
    )


def correct_facts() -> str:
    """The same for what files say of sessions. Numbers and times that cannot be true become unknown."""
    return sql(
        _CORRECT_FACTS,
        times=",\n".join(f"{name} = CASE WHEN NOT {sql(_IS_WRONG, time=name)} THEN {name} END" for name in _FACT_TIMES),
        numbers="\n|| ".join(
            f"CASE WHEN (numbers->>'{name}')::numeric <= {most} THEN jsonb_build_object('{name}', numbers->'{name}') ELSE '{{}}' END"
            for name, most in STORED_MOST.items()
        ),
        is_wrong="\nOR ".join(sql(_IS_WRONG, time=name) for name in _FACT_TIMES),
        is_too_large="\nOR ".join(f"(numbers->>'{name}')::numeric > {most}" for name, most in STORED_MOST.items()),
    )


def repair(connection: Connection[Any], idle_gap: timedelta, *, is_dry_run: bool = False) -> dict[str, int]:
    """How many rows were corrected, by table. Needs a connection outside a transaction. A psycopg error leaves everything as it was."""
    bounds = {"earliest": EARLIEST_EVENT, "ahead": MAX_AHEAD}
    with connection.transaction(force_rollback=is_dry_run):
        rebuild.lock(connection)
        corrected = {table: connection.execute(correct_rows(table).encode(), bounds).fetchall() for table in _BOUNDS}
        corrected["session_facts"] = connection.execute(correct_facts().encode(), bounds).fetchall()
        if any(corrected.values()) and not is_dry_run:
            _update_prices(connection, [row[0] for row in corrected["api_calls"]])
            session_ids = sorted({row[1] for rows in corrected.values() for row in rows if row[1] is not None})
            _rebuild_sessions(connection, session_ids, idle_gap)
            rebuild.refill(connection, idle_gap)
    return {table: len(rows) for table, rows in corrected.items()}


def _update_prices(connection: Connection[Any], ids: list[Any]) -> None:
    """The old costs included tokens that were never used."""
    stored_prices.refresh(connection)
    with connection.cursor(row_factory=dict_row) as cursor:
        calls = cursor.execute(_PRICED_CALLS, {"ids": ids}).fetchall()
    for call in calls:
        tokens = Tokens(*(call[name] for name in TOKEN_COLUMNS))
        price = price_of(call["model"], call["occurred_at"], tokens, is_fast=bool(call["is_fast"]), geo=call["inference_geo"])
        parameters = {"id": call["id"], "nano_usd": price.nano_usd, "version": price.version, "written": price.cache_write_nano_usd}
        connection.execute(_UPDATE_PRICE, parameters | {"uncached": price.uncached_nano_usd, "saved": price.cache_saved_nano_usd})


def _rebuild_sessions(connection: Connection[Any], session_ids: list[str], idle_gap: timedelta) -> None:
    """Recomputes the sessions from their rows, then the projects and users of the rows from the sessions."""
    # All rows of these sessions.
    given: dict[str, Any] = {"session_ids": session_ids, "whole_ids": session_ids, "row_ids": [], "idle_gap": idle_gap}
    connection.execute(persist_batch.LOCK_SESSIONS, given)
    projects = {row[0] for row in connection.execute(_PROJECTS, given)}
    rebuild_sessions(connection, given)
    update_session_rows(connection, given)
    persist_batch.date_projects(connection, projects | {row[0] for row in connection.execute(_PROJECTS, given)})


def _repair(worker: Resources, is_dry_run: bool) -> dict[str, int]:
    with worker.connection() as connection:
        return repair(connection, worker.idle_gap, is_dry_run=is_dry_run)


def main() -> int:
    """Prints a line for each table; 1 if a server is away."""
    is_dry_run = "--dry-run" in sys.argv[1:]
    corrected = with_worker(lambda worker: _repair(worker, is_dry_run), failure="Nothing was repaired, since a server is away")
    if corrected is None:
        return 1
    for table, rows in corrected.items():
        sys.stdout.write(f"{table:20} {rows} rows {'to correct' if is_dry_run else 'corrected'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
