"""The views of the dashboard that people saved."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.answers.views import SavedViewPage
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, is_bound
from services.query.parameters.views import ViewList
from services.query.queries.lists import views
from shared.auth.scopes import READ, requires
from shared.http.errors import Forbidden

router = APIRouter(tags=["views"], responses=RESPONSES)


@router.get("/api/views", response_model=SavedViewPage, responses=LIST_RESPONSES, summary="Saved views, by name")
@requires(READ)
def list_views(request: Request, parameters: Annotated[ViewList, Query()]) -> Response:
    """Addresses of the dashboard that people saved under a name. A key that is bound gets a 403: they hold names and words of all projects."""
    if is_bound(request):
        raise Forbidden("Saved views hold names and words of all projects, and this key is bound to some of them or to users.")
    # What was saved a moment ago is there.
    return list_response(request, parameters, views.views, from_primary=True)
