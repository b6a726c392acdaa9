"""Drops rows of the tracker's own work after times of their own: jobs, dead letters, scrubs, the audit log, payloads of hooks, readings of the
quota, and what telemetry and readings say of sessions of which nothing else came.

What is under way stays, and a job that something stored needs: its undo finds its rows by it, and a reparse what it brought.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from psycopg.rows import dict_row

from services.worker.maintenance.retention.retention_stage import ROWS_AT_ONCE, Count, Done, Step
from services.worker.sql_text import sql
from shared.feed import FEED_KEY
from shared.sql_files import statement

_sql = partial(statement, __package__, "drop_old_rows.sql")

# Each has the place in the table, the project (0: of none) and the size. Of jobs those that refer to others come first.
_OLD: Final = {what: _sql(f"old_{what}") for what in ("jobs", "dead_letters", "scrubs", "audit", "live_payloads")}
_DELETE: Final = {what: _sql(f"delete_{what}") for what in _OLD}
# Readings have no id. {table: what of it is old}; they go with the payloads.
_READINGS: Final = {
    "quota_readings": _sql("quota_readings"),
    "status_lines": _sql("of_no_session"),
    "session_processes": _sql("of_no_session"),
}
_COUNT_READINGS: Final = _sql("count_readings")
_DROP_READINGS: Final = _sql("drop_readings")
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
    if what == "live_payloads" and not step.is_dry_run:
        step.worker.redis.xtrim(FEED_KEY, minid=f"{int(before.timestamp() * 1000)}-0", approximate=False)
    is_last = step.is_dry_run or len(old) < ROWS_AT_ONCE
    return Done(None if is_last else "", [Count(what, row["project_id"], 0, 1, row["size"]) for row in old])


def drop_readings(step: Step) -> Done:
    """The next rows of each table of readings. They are kept as long as payloads are."""
    before = _before("live_payloads", step)
    if before is None:
        return Done(None)
    counts = []
    for table, is_old in _READINGS.items():
        command = sql(_COUNT_READINGS if step.is_dry_run else _DROP_READINGS, table=table, is_old=is_old)
        [(rows, size)] = step.connection.execute(command.encode(), {"before": before, "limit": ROWS_AT_ONCE}).fetchall()
        counts.append(Count("live_payloads", 0, 0, rows, size))
    is_last = step.is_dry_run or all(count.rows < ROWS_AT_ONCE for count in counts)
    return Done(None if is_last else "", [count for count in counts if count.rows])


def _before(what: str, step: Step) -> datetime | None:
    """What is from before goes; None if it is kept for good."""
    [(days,)] = step.connection.execute(_DAYS, {"what": what, "setting": step.parameters[f"{what}_days"]}).fetchall()
    return None if days is None else step.as_of - timedelta(days=days)
