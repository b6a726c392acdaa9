"""The route of advice."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.query.answers.advice import Advice
from services.query.database import Connection
from services.query.http.parameters import RESPONSES, only_project, selection, stats_range
from services.query.http.read_response import read_response
from services.query.parameters.fields import Absent, Filtered, OptionalModel, StatsRange
from services.query.queries.advice.advice import advice
from services.query.queries.stats.ranges import Range, instants
from shared.auth.authentication import grant_of
from shared.auth.scopes import METRICS, requires
from shared.database import ALL
from shared.http.errors import invalid


class AdviceParameters(Filtered, StatsRange):
    """A range, filters, and a day to compare around."""

    model: OptionalModel = None
    split: Annotated[
        str | None,
        Absent(),
        Field(
            max_length=10,
            pattern=r"^\d{4}-\d{2}-\d{2}$",
            description="A day in `tz`, as that of a new CLAUDE.md: `split` compares the work before it with the work from it on.",
            examples=["2024-01-15"],
        ),
    ] = None
    lines: int = Field(5, ge=1, le=100, description="Most lines of each kind.")


router = APIRouter(tags=["advice"], responses=RESPONSES)


@router.get("/api/advice", response_model=Advice, summary="What cost much, and what to do about it")
@requires(METRICS)
def show_advice(request: Request, parameters: Annotated[AdviceParameters, Query()]) -> Response:
    """Pauses, failures, retries and the like, with their cost, their sessions and what to do: from what is stored, by rules. No model is asked.

    A key that sees only numbers gets the sums, without commands, paths and sessions.
    """
    wanted = stats_range(request, parameters, None)
    split = _split(parameters.split, wanted)
    grant = grant_of(request.scope)
    with_sessions = grant is None or not grant.sees_only_numbers
    # Rows are read, so a key that is bound to several projects gets those of all of them.
    project_id = parameters.project_id or only_project(request) or ALL

    def read(connection: Connection) -> Advice:
        chosen = selection(request, connection, project_id, parameters)
        return advice(connection, chosen, parameters.model, wanted, split, parameters.lines, with_sessions=with_sessions)

    return read_response(request, read)


def _split(text: str | None, wanted: Range) -> datetime | None:
    """The beginning of the day."""
    if text is None:
        return None
    try:
        date.fromisoformat(text)
    except ValueError:
        raise invalid("split", "is not a day of the calendar; use YYYY-MM-DD") from None
    return instants(text, None, wanted.tz)[0]
