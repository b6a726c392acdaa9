"""A day: its sums, by project, and in the order of time what was done, session by session. Its statements are in day.sql."""

from datetime import date
from typing import Final

from msgspec import Struct, convert

from services.query.answers.days import (
    ASK_CHARACTERS,
    MOST_ASKS,
    MOST_FAILURES,
    MOST_FILES,
    ActiveTime,
    Day,
    DayAsk,
    DayFailure,
    DayFile,
    DayMeasures,
    DayProject,
    DaySession,
)
from services.query.database import Connection, Row, fetch_by, fetch_groups, rows, structs
from services.query.queries.days.standup import standup
from services.query.queries.lists.projects import project_labels
from services.query.queries.outcomes.outcomes import outcomes_of
from services.query.queries.stats.active_sessions import went_on
from services.query.queries.stats.ranges import Range
from services.query.queries.stats.session_shares import session_shares
from services.query.queries.stats.stats import Selection
from services.query.queries.stats.usage import UsageQuestion, usage
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "day.sql")


class _More(Struct, frozen=True, forbid_unknown_fields=True):
    """Numbers that `usage` does not sum by project."""

    user_messages: int = 0
    files_modified: int = 0


def day(connection: Connection, selection: Selection, day_of: date, wanted: Range, idle_gap_seconds: int, limit: int) -> Day:
    """The work of a day. `wanted` is that day in its zone; at most `limit` sessions, the first of the day."""
    chosen = selection.parameters() | {"start": wanted.start_time, "end": wanted.end_time, "idle_gap_seconds": idle_gap_seconds}
    used = usage(connection, UsageQuestion(("project",), selection, wanted, idle_gap_seconds))
    more = fetch_by(connection, _More, "project_id", _SQL.prompts_and_files, chosen)
    # Field by field: a day has those of usage, and two more.
    totals = convert(used.totals, DayMeasures, from_attributes=True)
    projects = convert(used.items, list[DayProject], from_attributes=True)
    for measures, key in ((totals, None), *((project, project.project_id or 0) for project in projects)):
        of_key = more.get(key, _More())
        measures.user_messages, measures.files_modified = of_key.user_messages, of_key.files_modified
    projects.sort(key=lambda project: -(project.active_minutes or 0))
    sessions, number = _sessions(connection, selection, chosen, idle_gap_seconds, limit)
    return Day(
        date=day_of,
        range=used.range,
        totals=totals,
        projects=projects,
        sessions=sessions,
        sessions_left_out=number - len(sessions),
        standup=standup(day_of, wanted.tz, totals, projects, sessions, project_labels(connection)),
    )


def _sessions(connection: Connection, selection: Selection, chosen: Row, idle_gap_seconds: int, limit: int) -> tuple[list[DaySession], int]:
    """The day's first sessions with their share of it, and how many there are in all."""
    start, end = chosen["start"], chosen["end"]
    earlier = went_on(connection, selection.parameters(), start, end, idle_gap_seconds)
    parameters = chosen | {"went_on": list(earlier), "earliest": min(earlier.values(), default=start), "most": limit}
    found = rows(connection, _SQL.sessions, parameters)
    number = found[0]["total"] if found else 0
    of_day = chosen | {"ids": [row["session_id"] for row in found], "characters": ASK_CHARACTERS}
    shares = session_shares(connection, of_day["ids"], start, end, idle_gap_seconds)
    asks = fetch_groups(connection, DayAsk, "session_id", _SQL.asks, of_day | {"most": MOST_ASKS})
    files = fetch_groups(connection, DayFile, "session_id", _SQL.files, of_day | {"most": MOST_FILES})
    failures = fetch_groups(connection, DayFailure, "session_id", _SQL.failures, of_day | {"most": MOST_FAILURES})
    outcomes = outcomes_of(connection, of_day["ids"], start, end)

    def prepare(row: Row) -> None:
        session_id = row["session_id"]
        del row["total"]
        starts, ends = row.pop("starts"), row.pop("ends")
        row["active"] = [ActiveTime(*each) for each in zip(starts or [], ends or [], strict=True)]
        row["share"] = shares[session_id]
        row["asks"], row["files"], row["failures"] = asks[session_id], files[session_id], failures[session_id]
        row["commits"], row["pull_requests"] = outcomes[session_id].commits, outcomes[session_id].pull_requests

    return structs(DaySession, found, prepare), number
