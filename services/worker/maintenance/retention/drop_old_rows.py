"""Drops old rows of the tracker's own work: jobs, dead letters, scrubs, the audit log, payloads of hooks and readings of the quota. Each has a
time of its own. Rows beside a session go too if nothing else came of it, or nothing else is left.

Jobs that are under way stay, and those that stored rows need: an undo finds the rows by the job, and a reparse the contents that it brought.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from psycopg.rows import dict_row

from services.worker.maintenance.retention.retention_stage import ROWS_AT_ONCE, Count, Dropped, Step
from services.worker.session_tables import tables_beside
from services.worker.sql_text import sql
from shared.feed import FEED_KEY
from shared.jobs import KINDS
from shared.sql_files import SqlFile
from shared.tables.catalogue import TABLES

_SQL: Final = SqlFile(__package__, "drop_old_rows.sql")

# Each gives the row's id, its project (0: without one) and its size. Jobs that refer to others come first.
_OLD: Final = {what: _SQL[f"old_{what}"] for what in ("jobs", "dead_letters", "scrubs", "audit")}
_DELETE: Final = {what: _SQL[f"delete_{what}"] for what in _OLD}
# Conditions on rows without a counted session: in tables that date their rows, and in others, which wait until no dated row is newer.
_OF_NO_SESSION: Final = _SQL.of_no_session
_NEWER: Final = "NOT EXISTS (SELECT FROM $table AS o WHERE o.session_id = r.session_id AND o.$came_at >= %(before)s)"
# {table: a SELECT of its old rows}, where the rule differs.
_OTHERS: Final = {name: _SQL[name] for name in _SQL if name in TABLES}
_DAYS: Final = "SELECT retention_days(%(what)s, NULL, NULL, %(setting)s)"


def drop_old(what: str) -> Callable[[Step], Dropped]:
    """The step of a kind."""
    return partial(_drop_old, what)


def _drop_old(what: str, step: Step) -> Dropped:
    before = _before(what, step)
    if before is None:
        return Dropped(None)
    kinds = [kind.name for kind in KINDS.values() if kind.kept_as == what]
    parameters = step.parameters | {"limit": 2**62 if step.is_dry_run else ROWS_AT_ONCE, "before": before, "kinds": kinds}
    with step.connection.cursor(row_factory=dict_row) as cursor:
        old = cursor.execute(_OLD[what], parameters).fetchall()
        if not step.is_dry_run and old:
            for command in _DELETE[what].split(";"):
                cursor.execute(command, {"ids": [row["id"] for row in old]})
    is_last = step.is_dry_run or len(old) < ROWS_AT_ONCE
    return Dropped(None if is_last else "", [Count(what, row["project_id"], 0, 1, row["size"]) for row in old])


def drop_live(step: Step) -> Dropped:
    """The next rows of each table of what live capture brings, and the live feed. Marks are kept as long as sessions are."""
    before = _before("live_payloads", step)
    if before is not None and not step.is_dry_run:
        step.worker.redis.xtrim(FEED_KEY, minid=f"{int(before.timestamp() * 1000)}-0", approximate=False)
    counts = []
    for table, is_old in _live().items():
        command = sql(_SQL.count_live if step.is_dry_run else _SQL.drop_live, table=table, is_old=is_old)
        [(rows, size)] = step.connection.execute(command.encode(), step.parameters | {"before": before, "limit": ROWS_AT_ONCE}).fetchall()
        counts.append(Count("sessions" if table == "session_marks" else "live_payloads", 0, 0, rows, size))
    is_last = step.is_dry_run or all(count.rows < ROWS_AT_ONCE for count in counts)
    return Dropped(None if is_last else "", [count for count in counts if count.rows])


def _live() -> dict[str, str]:
    """{table: SQL over a row r: it is old}."""
    came_at = {table.name: table.alone for table in tables_beside()}
    nothing_newer = " AND ".join(sql(_NEWER, table=name, came_at=at) for name, at in came_at.items() if at)
    return {
        name: sql(_OF_NO_SESSION, came_at=at) if at else sql(_SQL.alone, nothing_newer=nothing_newer) for name, at in came_at.items()
    } | _OTHERS


def _before(what: str, step: Step) -> datetime | None:
    """The time before which rows go; None if they are kept for good."""
    [(days,)] = step.connection.execute(_DAYS, {"what": what, "setting": step.parameters[f"{what}_days"]}).fetchall()
    return None if days is None else step.as_of - timedelta(days=days)
