"""Drops rows of the tracker's own work after times of their own: jobs, dead letters, scrubs, the audit log, payloads of hooks, readings of the
quota, and what stands beside sessions of which nothing else came, or nothing else is left.

What is under way stays, and a job that something stored needs: its undo finds its rows by it, and a reparse what it brought.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from psycopg.rows import dict_row

from services.worker.maintenance.retention.retention_stage import ROWS_AT_ONCE, Count, Done, Step
from services.worker.session_tables import BESIDE
from services.worker.sql_text import sql
from shared.feed import FEED_KEY
from shared.sql_files import statement

_sql = partial(statement, __package__, "drop_old_rows.sql")

# Each has the place in the table, the project (0: of none) and the size. Of jobs those that refer to others come first.
_OLD: Final = {what: _sql(f"old_{what}") for what in ("jobs", "dead_letters", "scrubs", "audit")}
_DELETE: Final = {what: _sql(f"delete_{what}") for what in _OLD}
# {table: what of it is old}: of a session of which nothing else came.
_OF_NO_SESSION: Final = {table.name: sql(_sql("of_no_session"), came_at=table.came_at) for table in BESIDE if table.came_at}
_NEWER: Final = "NOT EXISTS (SELECT FROM $table AS o WHERE o.session_id = r.session_id AND o.$came_at >= %(before)s)"
_NOTHING_NEWER: Final = " AND ".join(sql(_NEWER, table=table.name, came_at=table.came_at) for table in BESIDE if table.came_at)
_LIVE: Final = _OF_NO_SESSION | {
    "quota_readings": _sql("quota_readings"),
    "hook_payloads": _sql("hook_payloads"),
    "session_marks": _sql("session_marks"),
    "session_machines": sql(_sql("session_machines"), nothing_newer=_NOTHING_NEWER),
}
_COUNT_LIVE: Final = _sql("count_live")
_DROP_LIVE: Final = _sql("drop_live")
_DAYS: Final = "SELECT retention_days(%(what)s, NULL, NULL, %(setting)s)"


def drop_old(what: str) -> Callable[[Step], Done]:
    """The step of a kind."""
    return partial(_drop_old, what)


def _drop_old(what: str, step: Step) -> Done:
    before = _before(what, step)
    if before is None:
        return Done(None)
    parameters = step.parameters | {"limit": 2**62 if step.is_dry_run else ROWS_AT_ONCE, "before": before}
    with step.connection.cursor(row_factory=dict_row) as cursor:
        old = cursor.execute(_OLD[what], parameters).fetchall()
        if not step.is_dry_run and old:
            for command in _DELETE[what].split(";"):
                cursor.execute(command, {"ids": [row["id"] for row in old]})
    is_last = step.is_dry_run or len(old) < ROWS_AT_ONCE
    return Done(None if is_last else "", [Count(what, row["project_id"], 0, 1, row["size"]) for row in old])


def drop_live(step: Step) -> Done:
    """The next rows of each table of what live capture brings, and the live feed. Marks are kept as long as sessions are."""
    before = _before("live_payloads", step)
    if before is not None and not step.is_dry_run:
        step.worker.redis.xtrim(FEED_KEY, minid=f"{int(before.timestamp() * 1000)}-0", approximate=False)
    counts = []
    for table, is_old in _LIVE.items():
        command = sql(_COUNT_LIVE if step.is_dry_run else _DROP_LIVE, table=table, is_old=is_old)
        [(rows, size)] = step.connection.execute(command.encode(), step.parameters | {"before": before, "limit": ROWS_AT_ONCE}).fetchall()
        counts.append(Count("sessions" if table == "session_marks" else "live_payloads", 0, 0, rows, size))
    is_last = step.is_dry_run or all(count.rows < ROWS_AT_ONCE for count in counts)
    return Done(None if is_last else "", [count for count in counts if count.rows])


def _before(what: str, step: Step) -> datetime | None:
    """What is from before goes; None if it is kept for good."""
    [(days,)] = step.connection.execute(_DAYS, {"what": what, "setting": step.parameters[f"{what}_days"]}).fetchall()
    return None if days is None else step.as_of - timedelta(days=days)
