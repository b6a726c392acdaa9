"""How much of an account's limits is used."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.query.http.parameters import RESPONSES
from services.query.http.read_response import read_response
from services.query.parameters.fields import Absent, OptionalUser, Parameters, Text
from services.query.queries.stats.quota import Quota, quota
from shared.auth.scopes import METRICS, requires


class QuotaParameters(Parameters):
    user: OptionalUser = None
    account: Annotated[
        Text | None, Absent(), Field(pattern="^[0-9a-f]{16}$", description="Only this account, by its hash.", examples=["9f86d081884c7d65"])
    ] = None
    kind: Annotated[
        Text | None, Absent(), Field(pattern="^[a-z0-9_]{1,60}$", description="Only windows of this kind.", examples=["seven_day_opus"])
    ] = None
    need: Annotated[
        float | None,
        Absent(),
        Field(
            gt=0,
            le=100,
            description="How many percent must be left. If a window has less, the answer is a 429 whose `Retry-After` is the seconds until it resets. "
            "Windows that are over do not count, and those of one model only where `kind` names them. Without any reading the answer is 200.",
            examples=[10],
        ),
    ] = None


router = APIRouter(tags=["stats"], responses=RESPONSES)


@router.get("/api/quota", response_model=Quota, responses={429: {}}, summary="How full the limits' windows are")
@requires(METRICS)
def show_quota(request: Request, parameters: Annotated[QuotaParameters, Query()]) -> Response:
    """The 5-hour and 7-day windows of each account, as Claude Code's own files say: how full, until when, read when and by which source.

    A window that nobody has read for an hour is `old`; one that has reset is `over`. With `need` it answers a scheduler: 200, or 429 with `Retry-After`.
    A key that is bound to users sees what their machines read. A key that is bound to projects alone sees no quota.
    """
    return read_response(
        request, lambda connection: quota(connection, parameters.user, parameters.account, parameters.kind, parameters.need)
    )
