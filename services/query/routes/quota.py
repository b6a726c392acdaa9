"""How much of an account's limits is used."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.answers.quota import Quota
from services.query.http.parameters import RESPONSES
from services.query.http.read_response import read_response
from services.query.parameters.quota import QuotaParameters
from services.query.queries.stats.quota import quota
from shared.auth.scopes import METRICS, requires

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
