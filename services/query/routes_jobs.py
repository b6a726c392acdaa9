"""Import jobs, how far they are and what they brought."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection

from services.query import answers
from services.query.asking import FAILURES, paging, refuse_parameters
from services.query.queries import jobs
from services.query.queries.paging import Row
from services.query.reads import answer
from services.query.schemas import JobId, Paged
from shared.errors import NotFound

router = APIRouter(tags=["imports"], responses=FAILURES)


@router.get("/api/import/jobs", response_model=answers.JobPage, summary="Import jobs, newest first")
def list_jobs(request: Request, asked: Annotated[Paged, Query()]) -> Response:
    """All that were ever accepted."""
    wanted = paging(request, asked)
    return answer(request, lambda connection: jobs.jobs(connection, wanted), fresh=True)


@router.get(
    "/api/import/jobs/{job_id}", response_model=answers.ImportJob, summary="One import job", dependencies=[Depends(refuse_parameters)]
)
def show_job(request: Request, job_id: JobId) -> Response:
    """Progress, counts of new rows, and the first 100 errors."""
    return answer(request, lambda connection: existing_job(connection, job_id), fresh=True)


def existing_job(connection: Connection, job_id: UUID) -> Row:
    """The job; 404 if there is none of this id."""
    found = jobs.job(connection, job_id)
    if found is None:
        raise NotFound("There is no import job of this id; see /api/import/jobs.", code="JOB_NOT_FOUND")
    return found
