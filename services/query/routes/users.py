"""Users with their totals."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.answers.users import UserPage
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, bound_projects, dates
from services.query.parameters.users import UserList
from services.query.queries.lists import users
from shared.auth.scopes import METRICS, requires

router = APIRouter(tags=["users"], responses=RESPONSES)


@router.get("/api/users", response_model=UserPage, responses=LIST_RESPONSES, summary="Users, by name")
@requires(METRICS)
def list_users(request: Request, parameters: Annotated[UserList, Query()]) -> Response:
    """With what each did, in all projects or in one.

    With dates: users with a session that starts in that time. Their totals are of all time; /api/stats has totals of a time.
    """
    projects = [parameters.project_id] if parameters.project_id else bound_projects(request)
    within = dates(request, parameters)
    return list_response(request, parameters, lambda connection, wanted: users.users(connection, projects, parameters.user, within, wanted))
