"""Shows API keys and the actions of admins. The ingest service makes and revokes keys."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.http.parameters import RESPONSES, paging
from services.query.http.read_response import read_response
from services.query.queries.lists import keys
from services.query.schemas.fields import Paged
from services.query.schemas.operations import AuditPage, KeyPage
from shared.auth.scopes import ADMIN, requires

router = APIRouter(tags=["keys"], responses=RESPONSES)


@router.get("/api/keys", response_model=KeyPage, summary="API keys, newest first")
@requires(ADMIN)
def list_keys(request: Request, parameters: Annotated[Paged, Query()]) -> Response:
    """Names, scopes, and when each key was used last. The keys themselves are not stored."""
    wanted = paging(request, parameters)
    return read_response(request, lambda connection: keys.keys(connection, wanted), from_primary=True)


@router.get("/api/audit", response_model=AuditPage, summary="Audit log, newest first")
@requires(ADMIN)
def list_acts(request: Request, parameters: Annotated[Paged, Query()]) -> Response:
    """Who made and revoked keys, cancelled or undid imports, and when."""
    wanted = paging(request, parameters)
    return read_response(request, lambda connection: keys.audit(connection, wanted), from_primary=True)
