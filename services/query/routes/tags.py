"""The tags that people gave to sessions."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, chosen_projects
from services.query.parameters.lists import TagList
from services.query.queries.lists import tags
from services.query.queries.lists.tags import TagPage
from shared.auth.scopes import READ, requires

router = APIRouter(tags=["sessions"], responses=RESPONSES)


@router.get("/api/tags", response_model=TagPage, responses=LIST_RESPONSES, summary="Tags of sessions, the most used first")
@requires(READ)
def list_tags(request: Request, parameters: Annotated[TagList, Query()]) -> Response:
    """With how many sessions have each; `tag` in /api/sessions lists these. Tags that differ only in case are one."""
    projects = chosen_projects(request, parameters)
    return list_response(request, parameters, lambda connection, wanted: tags.tags(connection, projects, parameters.user, wanted))
