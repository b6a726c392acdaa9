"""The route of the names in Claude Code's records that this tracker does not read."""

from fastapi import APIRouter, Depends, Request, Response

from services.query.http.parameters import RESPONSES, refuse_parameters
from services.query.http.read_response import read_response
from services.query.queries.lists import formats
from services.query.queries.lists.formats import Formats
from shared.auth.scopes import READ, requires

router = APIRouter(tags=["service"], responses=RESPONSES)


@router.get(
    "/api/formats",
    response_model=Formats,
    summary="What nothing reads, by version of Claude Code",
    dependencies=[Depends(refuse_parameters)],
)
@requires(READ, all_projects=True)
def show_formats(request: Request) -> Response:
    """Names of record types, attachments, fields and hook events that came and were neither read nor left out on purpose. No value is kept.

    Nothing is lost of transcripts: the archive has them, and a reparse by a newer tracker reads them.
    """
    return read_response(request, formats.formats)
