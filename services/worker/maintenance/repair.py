"""`python -m services.worker.maintenance.repair`: takes what cannot be true out of stored rows, as if it had never been said, and makes sessions and aggregates anew.

For a database that a release without bounds has filled (shared/plausible.py). The rows stay: a count that is too large becomes 0 or not known, a
time that cannot be becomes that at which the event was received. One transaction: all of it, or nothing. `--dry-run` only counts.
"""

import sys
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from services.worker.importers.formats.plausible_records import SESSION_MOST
from services.worker.maintenance import rebuild
from services.worker.persist import persist_batch
from services.worker.persist.kinds import KIND_TABLES
from services.worker.persist.pricing import Tokens, price_of
from services.worker.resources import open_resources
from services.worker.retry_later import UNAVAILABLE_ERRORS, reason_of
from services.worker.sessions import reattribution, session_rebuild
from services.worker.settings import Settings
from shared.event_kinds import MAX_TOKENS
from shared.plausible import EARLIEST_EVENT, MAX_AHEAD

_TOKENS: Final = ("input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "cache_read_tokens")
# {table whose rows have a time: {column: (the most that can be true, what more becomes)}}.
_BOUNDS: Final[dict[str, Mapping[str, tuple[int, str]]]] = {name: table.bounds for name, table in KIND_TABLES.items()} | {
    "api_calls": dict.fromkeys(_TOKENS, (MAX_TOKENS, "0"))
}
_FACT_TIMES: Final = ("first_record_at", "last_record_at", "ended_at")


def _cannot_be(time: str) -> str:
    """SQL: a time that is known and cannot be. 'infinity' is none either."""
    return f"({time} > '-infinity' AND ({time} < %(earliest)s OR {time} > received_at + %(ahead)s))"


def _mend(table: str) -> str:
    bounds = _BOUNDS[table]
    changes = [f"occurred_at = CASE WHEN {_cannot_be('occurred_at')} THEN received_at ELSE occurred_at END"]
    changes += [f"{name} = CASE WHEN {name} > {most} THEN {nothing} ELSE {name} END" for name, (most, nothing) in bounds.items()]
    where = " OR ".join([_cannot_be("occurred_at"), *(f"{name} > {most}" for name, (most, _) in bounds.items())])
    return f"UPDATE {table} SET {', '.join(changes)} WHERE {where} RETURNING id, session_id"


_LARGE_NUMBERS = " OR ".join(f"(numbers->>'{name}')::numeric > {most}" for name, most in SESSION_MOST.items())
_BELIEVED_NUMBERS = " || ".join(
    f"CASE WHEN (numbers->>'{name}')::numeric <= {most} THEN jsonb_build_object('{name}', numbers->'{name}') ELSE '{{}}' END"
    for name, most in SESSION_MOST.items()
)
_BELIEVED_TIMES = ", ".join(f"{name} = CASE WHEN NOT {_cannot_be(name)} THEN {name} END" for name in _FACT_TIMES)
_IN_TIME = "tstzmultirange(tstzrange(%(earliest)s, received_at + %(ahead)s))"
_MEND_FACTS = f"""
    UPDATE session_facts SET {_BELIEVED_TIMES}, active_ranges = active_ranges * {_IN_TIME}, numbers = nullif({_BELIEVED_NUMBERS}, '{{}}')
    WHERE {" OR ".join(map(_cannot_be, _FACT_TIMES))} OR NOT active_ranges <@ {_IN_TIME} OR {_LARGE_NUMBERS}
    RETURNING id, session_id"""
_CALLS = f"SELECT id, model, occurred_at, {', '.join(_TOKENS)}, web_searches FROM api_calls WHERE id = ANY(%(ids)s) AND cost_nano_usd IS NOT NULL"
_PRICE = "UPDATE api_calls SET cost_nano_usd = %(nano_usd)s, price_version = %(version)s WHERE id = %(id)s"
_PROJECTS = "SELECT DISTINCT project_id FROM sessions WHERE session_id = ANY(%(session_ids)s)"


def repair(connection: Connection[Any], idle_gap: timedelta, *, is_dry_run: bool = False) -> dict[str, int]:
    """How many rows were mended, by table. Needs a connection outside a transaction; psycopg errors if it cannot be done, and then nothing is."""
    bounds = {"earliest": EARLIEST_EVENT, "ahead": MAX_AHEAD}
    with connection.transaction(force_rollback=is_dry_run):
        rebuild.lock(connection)
        mended = {table: connection.execute(_mend(table).encode(), bounds).fetchall() for table in _BOUNDS}
        mended["session_facts"] = connection.execute(_MEND_FACTS.encode(), bounds).fetchall()
        if any(mended.values()) and not is_dry_run:
            _price(connection, [row[0] for row in mended["api_calls"]])
            _remake(connection, sorted({row[1] for rows in mended.values() for row in rows if row[1] is not None}), idle_gap)
            rebuild.refill(connection, idle_gap)
    return {table: len(rows) for table, rows in mended.items()}


def _price(connection: Connection[Any], ids: list[Any]) -> None:
    """Their costs were of tokens that nobody used."""
    with connection.cursor(row_factory=dict_row) as cursor:
        calls = cursor.execute(_CALLS.encode(), {"ids": ids}).fetchall()
    for call in calls:
        tokens = Tokens(*(call[name] for name in (*_TOKENS, "web_searches")))
        price = price_of(call["model"], call["occurred_at"], tokens)
        connection.execute(_PRICE, {"id": call["id"], "nano_usd": price.nano_usd, "version": price.version})


def _remake(connection: Connection[Any], session_ids: list[str], idle_gap: timedelta) -> None:
    """The sessions from their rows, their rows' projects and users from them."""
    # All rows of these sessions, not some of them.
    given: dict[str, Any] = {"session_ids": session_ids, "whole_ids": session_ids, "row_ids": [], "idle_gap": idle_gap}
    connection.execute(persist_batch.LOCK_SESSIONS, given)
    projects = {row[0] for row in connection.execute(_PROJECTS, given)}
    session_rebuild.remake(connection, given)
    connection.execute(reattribution.SETTLE.encode(), given)
    for statement in reattribution.MOVE_ROWS:
        connection.execute(statement.encode(), given)
    persist_batch.date_projects(connection, projects | {row[0] for row in connection.execute(_PROJECTS, given)})


def main() -> int:
    """Prints a line a table; 1 if a server is away."""
    is_dry_run = "--dry-run" in sys.argv[1:]
    worker = open_resources(Settings())
    try:
        with worker.connection() as connection:
            mended = repair(connection, worker.idle_gap, is_dry_run=is_dry_run)
    except UNAVAILABLE_ERRORS as error:
        sys.stderr.write(f"Nothing was repaired, since a server is away, {reason_of(error)}; is the stack running?\n")
        return 1
    finally:
        worker.close()
    for table, rows in mended.items():
        sys.stdout.write(f"{table:20} {rows} rows {'to mend' if is_dry_run else 'mended'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
