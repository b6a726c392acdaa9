"""The views of the dashboard that people saved."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES
from services.query.parameters.fields import Paged
from services.query.queries.lists import views
from services.query.queries.lists.views import SavedViewPage
from shared.auth.scopes import READ, requires

router = APIRouter(tags=["views"], responses=RESPONSES)


@router.get("/api/views", response_model=SavedViewPage, responses=LIST_RESPONSES, summary="Saved views, by name")
@requires(READ, all_projects=True)
def list_views(request: Request, parameters: Annotated[Paged, Query()]) -> Response:
    """Addresses of the dashboard that people saved under a name. A key that is bound gets a 403: they hold names and words of all projects."""
    # The primary has also views that were saved a moment ago.
    return list_response(request, parameters, views.views, from_primary=True)
