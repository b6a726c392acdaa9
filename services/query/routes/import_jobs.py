"""Import jobs, how far they are and what they brought."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.query.database import Connection, Row
from services.query.http.parameters import FAILURES, paging, refuse_parameters
from services.query.http.read_response import read_response
from services.query.queries.lists import import_jobs
from services.query.schemas import list_responses
from services.query.schemas.query_parameters import JobId, Paged
from shared.auth.authentication import grant_in
from shared.auth.keys import Grant
from shared.auth.scopes import OWN_IMPORTS, requires
from shared.http.errors import NotFound

router = APIRouter(tags=["imports"], responses=FAILURES)


@router.get("/api/import/jobs", response_model=list_responses.JobPage, summary="Import jobs, newest first")
@requires(OWN_IMPORTS)
def list_jobs(request: Request, asked: Annotated[Paged, Query()]) -> Response:
    """All that were ever accepted; of a key that may not read, those that it has sent."""
    wanted, key_id = paging(request, asked), sent_by(grant_in(request.scope))
    return read_response(
        request, lambda connection: import_jobs.jobs(connection, wanted, key_id), from_primary=True, hides_texts=key_id is None
    )


@router.get(
    "/api/import/jobs/{job_id}",
    response_model=list_responses.ImportJob,
    summary="One import job",
    dependencies=[Depends(refuse_parameters)],
)
@requires(OWN_IMPORTS)
def show_job(request: Request, job_id: JobId) -> Response:
    """Progress, counts of new rows, and the first 100 errors."""
    key_id = sent_by(grant_in(request.scope))
    return read_response(
        request, lambda connection: existing_job(connection, job_id, key_id), from_primary=True, hides_texts=key_id is None
    )


def sent_by(grant: Grant | None) -> str | None:
    """The key whose jobs alone may be seen; None if all may."""
    return grant.key_id if grant is not None and grant.sees_only_own_jobs else None


def existing_job(connection: Connection, job_id: UUID, key_id: str | None = None) -> Row:
    """The job; 404 if there is none of this id, or it came by another key than `key_id`."""
    found = import_jobs.job(connection, job_id, key_id)
    if found is None:
        raise NotFound("There is no import job with this id; see /api/import/jobs.", code="JOB_NOT_FOUND")
    return found
