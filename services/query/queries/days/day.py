"""A day: its sums, by project, and in the order of time what was done, session by session. Its statements are in day.sql."""

from collections import defaultdict
from datetime import date
from functools import partial
from typing import Final

from msgspec import structs

from services.query.answers.days import ASK_CHARACTERS, MOST_ASKS, MOST_FAILURES, MOST_FILES
from services.query.database import Connection, Row, rows
from services.query.queries.days.outcomes import Outcomes
from services.query.queries.days.standup import standup
from services.query.queries.stats.active_sessions import went_on
from services.query.queries.stats.ranges import Range
from services.query.queries.stats.session_shares import session_shares
from services.query.queries.stats.stats import Selection
from services.query.queries.stats.usage import UsageQuestion, usage
from shared.sql_files import statement

# Of a session's calls, those that are looked at for outcomes.
_MOST_CALLS: Final = 200

_sql = partial(statement, __package__, "day.sql")


def day(connection: Connection, selection: Selection, day_of: date, wanted: Range, idle_gap_seconds: int, limit: int) -> Row:
    """The answer of /api/days/{date} (schemas/days.py). `wanted` is that day in its zone; at most `limit` sessions, the first of the day."""
    chosen = selection.parameters() | {"start": wanted.start_time, "end": wanted.end_time, "idle_gap_seconds": idle_gap_seconds}
    by_project = usage(connection, UsageQuestion(("project",), selection, wanted, idle_gap_seconds))
    more = {row.pop("project_id"): row for row in rows(connection, _sql("prompts_and_files"), chosen)}
    projects = [item | more.get(item["project_id"] or 0, _NO_MORE) for item in by_project["items"]]
    sessions, total = _sessions(connection, selection, chosen, idle_gap_seconds, limit)
    found: Row = {
        "date": day_of.isoformat(),
        "range": by_project["range"],
        "totals": by_project["totals"] | more[None],
        "projects": sorted(projects, key=lambda item: -item["active_minutes"]),
        "sessions": sessions,
        "sessions_left_out": total - len(sessions),
    }
    return found | {"standup": standup(day_of, wanted.tz, found)}


_NO_MORE: Final = {"user_messages": 0, "files_modified": 0}


def _sessions(connection: Connection, selection: Selection, chosen: Row, idle_gap_seconds: int, limit: int) -> tuple[list[Row], int]:
    """The day's first sessions with their share of it, and how many there are in all."""
    start, end = chosen["start"], chosen["end"]
    earlier = went_on(connection, selection.parameters(), start, end, idle_gap_seconds)
    parameters = chosen | {"went_on": list(earlier), "earliest": min(earlier.values(), default=start), "most": limit}
    found = rows(connection, _sql("sessions"), parameters)
    ids = [row["session_id"] for row in found]
    shares = session_shares(connection, ids, start, end, idle_gap_seconds)
    asks, files, failures = (
        _by_session(connection, name, chosen | {"ids": ids, "most": most, "characters": ASK_CHARACTERS})
        for name, most in (("asks", MOST_ASKS), ("files", MOST_FILES), ("failures", MOST_FAILURES))
    )
    outcomes = _outcomes(connection, chosen | {"ids": ids, "most": _MOST_CALLS})
    total = found[0]["total"] if found else 0
    for row in found:
        session_id = row["session_id"]
        del row["total"]
        row |= {
            "share": structs.asdict(shares[session_id]),
            "asks": asks[session_id],
            "files": files[session_id],
            "failures": failures[session_id],
        }
        row |= {name: [structs.asdict(each) for each in getattr(outcomes[session_id], name)] for name in ("commits", "pull_requests")}
    return found, total


def _by_session(connection: Connection, name: str, parameters: Row) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows(connection, _sql(name), parameters):
        found[row.pop("session_id")].append(row)
    return found


def _outcomes(connection: Connection, parameters: Row) -> dict[str, Outcomes]:
    found: dict[str, Outcomes] = defaultdict(lambda: Outcomes([], []))
    for row in rows(connection, _sql("outcomes"), parameters):
        found[row["session_id"]].add(row["timestamp"], row["tool_name"], row["command"], row["result"])
    return found
