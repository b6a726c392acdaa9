"""How many sessions were active in an interval: those that started in it, and those that went on. Its statement is in active_sessions.sql.

A session is active in an interval if it starts there, has an event there, or its active time reaches into it. So it counts once in each interval, and
the sums of intervals may be more than the number of sessions. The aggregates have the sessions that started; those that went on are read from
the sessions' own rows. Only sessions that lie on both sides of an interval's start have to be looked at.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from math import inf
from typing import Final

from msgspec import Struct

from services.query.database import Connection, Row, fetch, rows
from services.query.queries.stats.ranges import HOUR
from shared.sql_files import SqlFile

# As in the statement, and in the index sessions_long.
LONG: Final = 8 * HOUR
_MAX_SHOWN: Final = 2**53 - 1

_SQL: Final = SqlFile(__package__, "active_sessions.sql", "parts.sql")


class Continued(Struct, frozen=True):
    """How many sessions were active in an interval and had begun before it. A key that was not asked for is None."""

    i: int | None
    project_id: int | None
    user_id: int | None
    continued: int


def continued(
    connection: Connection, selection: Row, bounds: Sequence[float], idle_gap_seconds: int, *, by: Sequence[str] = ()
) -> list[Continued]:
    """Where there are any. `bounds` are where the intervals begin, and the end of the last. `by` has some of "interval", "project" and "user".

    `selection` has the parameters of a Selection.
    """
    bounds = [float(each) for each in bounds]
    if len(bounds) < 2 or bounds[-1] <= bounds[0] or bounds[0] == -inf:
        # Nothing has begun before all time.
        return []
    starts = bounds[:-1]
    windows = [max(start - LONG, before) for before, start in pairwise([-inf, *starts])]
    parameters = selection | {f"by_{name}": name in by for name in ("interval", "project", "user")}
    parameters |= {"bounds": bounds, "window_starts": windows, "start": starts[0], "last_start": starts[-1]}
    return fetch(connection, Continued, _SQL.continued, parameters | {"idle_gap_seconds": idle_gap_seconds})


def went_on(connection: Connection, selection: Row, start: datetime, end: datetime | None, idle_gap_seconds: int) -> dict[str, datetime]:
    """{session_id: its date} of the sessions that were active in [start, end) and had begun before it. `selection` has the parameters of a Selection."""
    parameters = selection | {"start": start, "end": end, "idle_gap_seconds": idle_gap_seconds}
    return {row["session_id"]: row["dated_at"] for row in rows(connection, _SQL.went_on, parameters)}


def active_sessions(started: int, went_on: int) -> int:
    """How many sessions were active; at most what every reader of JSON takes as it is."""
    return min(started + went_on, _MAX_SHOWN)
