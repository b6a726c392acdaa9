"""The machines that send, and what is on their disks."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, bound_users, is_bound, settings_of
from services.query.parameters.lists import MachineList
from services.query.queries.lists import machines
from services.query.queries.lists.machines import MachinePage
from shared.auth.scopes import NUMBERS, requires

router = APIRouter(tags=["machines"], responses=RESPONSES)


@router.get("/api/machines", response_model=MachinePage, responses=LIST_RESPONSES, summary="Machines, by name")
@requires(NUMBERS)
def list_machines(request: Request, parameters: Annotated[MachineList, Query()]) -> Response:
    """When each was last heard of, what it has not sent yet, and which transcripts Claude Code will delete there soon.

    A key that is bound to users sees their machines. A key that is bound to projects sees machines with a session of these.
    """
    silent_hours, key_users, bound = settings_of(request).machine_silent_hours, bound_users(request), is_bound(request)
    return list_response(
        request,
        parameters,
        lambda connection, wanted: machines.machines(
            connection, parameters.user, key_users, wanted, silent_hours=silent_hours, is_bound=bound
        ),
    )
