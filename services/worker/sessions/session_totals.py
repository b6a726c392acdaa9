"""The totals of sessions by their rows, as common table expressions.

They read `new_<table>` and `gone_<table>` for all tables of counted rows, `new_session_files`, `new_session_events` and `new_facts`. `changed` has each
session before and after. The caller holds the sessions' locks.
"""

from collections.abc import Mapping
from typing import Final

from services.worker.row_tables import ROW_TABLES
from services.worker.sql_text import ctes, listed, sql, union_all
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "session_totals.sql")

LINES: Final = ("lines_added", "lines_removed")
TOKENS: Final = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
# The sums of a session's own rows.
SUMMED: Final = (
    *("user_messages", "assistant_messages", "tool_calls", "tool_errors", "files_modified"),
    *LINES,
    *TOKENS,
    *("api_calls", "unpriced_calls", "cost_nano_usd"),
    *("cache_priced_calls", "uncached_nano_usd", "cache_saved_nano_usd"),
)
# Measures that a session's snapshot (claude.json) gives where its own rows say nothing, and the column that says so.
FROM_SNAPSHOT: Final = dict.fromkeys(LINES, "lines_from_snapshot") | dict.fromkeys((*TOKENS, "cost_nano_usd"), "usage_from_snapshot")

_NO_TIME: Final = "NULL::timestamptz"
CHANGED: Final = _SQL.changed


def per_session(*, has_gone: bool) -> str:
    """`per_session`, what the rows add to each session, and `facts_per_session`, what files say of it. `has_gone`: there are `gone_<table>` too."""
    added = []
    for table in (table for table in ROW_TABLES.values() if table.counts):
        added.append(_added(f"new_{table.name}", "occurred_at", table.measures))
        if has_gone and table.counted:
            withdrawn = {name: f"-({expression})" for name, expression in table.measures.items()}
            added.append(_added(f"gone_{table.name}", _NO_TIME, withdrawn))
    added.append(_added("new_session_files", _NO_TIME, {"files_modified": "1"}))
    start, end = (f"CASE kind WHEN '{kind}' THEN occurred_at END" for kind in ("start", "end"))
    added.append(_added("new_session_events", "occurred_at", {}, start=start, end=end))
    # A session of which only files say something is in per_session too.
    added.append(_added("new_facts", _NO_TIME, {}))
    return sql(_SQL.per_session, added=union_all(added), sums=listed(f"sum({name})::bigint AS {name}" for name in SUMMED))


def _added(rows: str, at: str, measures: Mapping[str, str], *, start: str = _NO_TIME, end: str = _NO_TIME) -> str:
    times = {"occurred_at": at, "started_at": start, "ended_at": end}
    columns = listed(f"{measures.get(name, '0')} AS {name}" for name in SUMMED)
    return sql(
        _SQL.added, rows=rows, times=listed(f"{time} AS {name}" if time != name else name for name, time in times.items()), measures=columns
    )


def session_ctes() -> str:
    """From the new rows of a batch to `changed`."""
    return ctes(per_session(has_gone=True), *map(sql, (_SQL.merged, CHANGED)))
