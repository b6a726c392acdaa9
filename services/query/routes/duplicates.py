"""Why a row was left out."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from services.query.answers.duplicates import Duplicates
from services.query.database import Connection
from services.query.http.parameters import RESPONSES, is_bound
from services.query.http.read_response import read_response
from services.query.parameters.duplicates import DuplicatesParameters, RowName
from services.query.queries.lists.duplicates import duplicates
from shared.auth.scopes import READ, requires
from shared.http.errors import NotFound

router = APIRouter(tags=["usage"], responses=RESPONSES)


@router.get("/api/duplicates/{row_id}", response_model=Duplicates, summary="Why a row was left out")
@requires(READ)
def show_duplicates(request: Request, row_id: RowName, parameters: Annotated[DuplicatesParameters, Query()]) -> Response:
    """The row that is stored under an id or a key: what brought it, which sessions claim it, and why what else came with its key was left out."""

    def read(connection: Connection) -> Duplicates:
        found = duplicates(connection, row_id, parameters.request_id, with_refused=not is_bound(request))
        if found is None:
            raise NotFound("No row has this id or key: it was not sent, it was erased, or it is older than sessions are kept.")
        return found

    return read_response(request, read)
