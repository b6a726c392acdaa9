"""The machines that send, and what is on their disks."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.answers.machines import MachinePage
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, only_some_projects, settings_of
from services.query.parameters.machines import MachineList
from services.query.queries.lists import machines
from shared.auth.authentication import grant_of
from shared.auth.scopes import NUMBERS, requires

router = APIRouter(tags=["machines"], responses=RESPONSES)


@router.get("/api/machines", response_model=MachinePage, responses=LIST_RESPONSES, summary="Machines, by name")
@requires(NUMBERS)
def list_machines(request: Request, parameters: Annotated[MachineList, Query()]) -> Response:
    """When each was last heard of, what it has not sent yet, and which transcripts Claude Code will delete there soon.

    A key that is bound to a user sees that user's machines. A key that is bound to projects sees machines with a session of these.
    """
    grant = grant_of(request.scope)
    key_user = grant.user if grant else None
    silent_hours, is_bound = settings_of(request).machine_silent_hours, only_some_projects(request)
    return list_response(
        request,
        parameters,
        lambda connection, wanted: machines.machines(
            connection, parameters.user, key_user, wanted, silent_hours=silent_hours, is_bound=is_bound
        ),
    )
