"""Shows API keys and the actions of admins. The ingest service makes and revokes keys."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.answers.operations import AuditPage, KeyPage
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES
from services.query.parameters.fields import Paged
from services.query.queries.lists import keys
from shared.auth.scopes import ADMIN, requires

router = APIRouter(tags=["keys"], responses=RESPONSES)


@router.get("/api/keys", response_model=KeyPage, responses=LIST_RESPONSES, summary="API keys, newest first")
@requires(ADMIN)
def list_keys(request: Request, parameters: Annotated[Paged, Query()]) -> Response:
    """Names, scopes, and when each key was used last. The keys themselves are not stored."""
    return list_response(request, parameters, keys.keys, from_primary=True)


@router.get("/api/audit", response_model=AuditPage, responses=LIST_RESPONSES, summary="Audit log, newest first")
@requires(ADMIN)
def list_acts(request: Request, parameters: Annotated[Paged, Query()]) -> Response:
    """Acts of admins, with their time: keys made and revoked, imports cancelled and undone."""
    return list_response(request, parameters, keys.audit, from_primary=True)
