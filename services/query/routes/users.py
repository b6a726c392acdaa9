"""Users with their totals."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.database import Connection
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, bound_projects, dates, settings_of
from services.query.parameters.lists import UserList
from services.query.queries.lists import users
from services.query.queries.lists.paging import Paging
from services.query.queries.lists.projects import ChosenProjects
from services.query.queries.lists.users import UserPage
from shared.auth.scopes import METRICS, requires

router = APIRouter(tags=["users"], responses=RESPONSES)


@router.get("/api/users", response_model=UserPage, responses=LIST_RESPONSES, summary="Users, by name")
@requires(METRICS)
def list_users(request: Request, parameters: Annotated[UserList, Query()]) -> Response:
    """With what each did, in all projects, in one, or in those of a group or repository together.

    With dates: users with a session that starts in that time. Their totals are of all time; /api/stats has totals of a time.
    """
    chosen, bound_to = ChosenProjects(parameters.project_id, parameters.group, parameters.repository), bound_projects(request)
    within, idle_gap_seconds = dates(request, parameters), settings_of(request).idle_gap_seconds

    def read(connection: Connection, wanted: Paging) -> UserPage:
        ids = chosen.ids(connection)
        return users.users(connection, bound_to if ids is None else ids, parameters.user, within, wanted, idle_gap_seconds)

    return list_response(request, parameters, read)
