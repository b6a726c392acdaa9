"""A day: what was done, in order."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from services.query.answers.days import Day
from services.query.database import Connection
from services.query.http.list_response import LIST_RESPONSES, report_response
from services.query.http.parameters import only_project, selection, settings_of
from services.query.parameters.fields import (
    Absent,
    Filtered,
    ListFormat,
    Zone,
    table_of,
)
from services.query.queries.days.day import day
from services.query.queries.stats import ranges
from shared.auth.scopes import METRICS, requires
from shared.database import ALL
from shared.http.errors import invalid


class DayParameters(Filtered):
    tz: Zone = None
    limit: int = Field(100, ge=1, le=500, description="Most sessions: the first ones of the day. The sums are of all.")
    format: Annotated[ListFormat | None, Absent(), table_of("sessions")] = None


router = APIRouter(tags=["days"], responses=LIST_RESPONSES)

DateInPath = Annotated[str, Path(max_length=10, pattern=r"^\d{4}-\d{2}-\d{2}$", description="A day in `tz`.", examples=["2024-01-15"])]


@router.get("/api/days/{date}", response_model=Day, summary="What was done on a day")
@requires(METRICS)
def show_day(request: Request, date: DateInPath, parameters: Annotated[DayParameters, Query()]) -> Response:
    """The day's sums, by project, and each session that was active on it in the order of time: its prompts, and what came of it on that day.

    A session counts on every day on which something happened in it. Its `share` is of this day alone. A key that sees only numbers gets no texts.
    """
    day_of = _day(date)
    wanted = ranges.stats_range(date, date, ranges.time_zone(parameters.tz or settings_of(request).timezone), None)
    idle_gap_seconds = settings_of(request).idle_gap_seconds
    # By project, a key that is bound to several gets each of them, and their sums.
    project_id = parameters.project_id or only_project(request) or ALL

    def read(connection: Connection) -> Day:
        chosen = selection(request, connection, project_id, parameters)
        return day(connection, chosen, day_of, wanted, idle_gap_seconds, parameters.limit)

    return report_response(request, parameters.format, read, rows="sessions", leading=("first_at", "session_id", "title"))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid("date", "is not a day of the calendar; use YYYY-MM-DD") from None
