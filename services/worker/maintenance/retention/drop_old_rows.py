"""Drops rows of the tracker's own work after times of their own: jobs, dead letters, scrubs, the audit log, payloads of hooks, and signals of
sessions of which nothing else came.

What is under way stays, and a job that something stored needs: its undo finds its rows by it, and a reparse what it brought.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

from psycopg.rows import dict_row

from services.worker.maintenance.retention.retention_stage import ROWS_AT_ONCE, Count, Done, Step
from shared.feed import FEED_KEY
from shared.sql_files import statement

_sql = partial(statement, __package__, "drop_old_rows.sql")

# Each has the place in the table, the project (0: of none) and the size. Of jobs those that refer to others come first.
_OLD: Final = {what: _sql(f"old_{what}") for what in ("jobs", "dead_letters", "scrubs", "audit", "live_payloads")}
_DELETE: Final = {what: _sql(f"delete_{what}") for what in _OLD}
_DAYS: Final = "SELECT retention_days(%(what)s, NULL, NULL, %(setting)s)"


def drop_old(what: str) -> Callable[[Step], Done]:
    """The step of a kind."""
    return partial(_drop_old, what)


def _drop_old(what: str, step: Step) -> Done:
    parameters = step.parameters | {"limit": 2**62 if step.is_dry_run else ROWS_AT_ONCE}
    [(days,)] = step.connection.execute(_DAYS, {"what": what, "setting": parameters[f"{what}_days"]}).fetchall()
    if days is None:
        return Done(None)
    parameters["before"] = step.as_of - timedelta(days=days)
    with step.connection.cursor(row_factory=dict_row) as cursor:
        old = cursor.execute(_OLD[what], parameters).fetchall()
        if not step.is_dry_run and old:
            for command in _DELETE[what].split(";"):
                cursor.execute(command, {"ids": [row["id"] for row in old]})
    if what == "live_payloads" and not step.is_dry_run:
        step.worker.redis.xtrim(FEED_KEY, minid=f"{int(parameters['before'].timestamp() * 1000)}-0", approximate=False)
    is_last = step.is_dry_run or len(old) < ROWS_AT_ONCE
    return Done(None if is_last else "", [Count(what, row["project_id"], 0, 1, row["size"]) for row in old])
