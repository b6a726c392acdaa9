"""Import jobs: the list, one of them, and the progress of one as server-sent events."""

import time
from collections.abc import AsyncGenerator
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response
from msgspec.structs import replace
from starlette.concurrency import run_in_threadpool

from services.query.answers.operations import ImportJob, JobPage
from services.query.database import Connection, Database
from services.query.http.event_stream import HEADERS, HEARTBEAT_SECONDS, MEDIA_TYPE, EventStream
from services.query.http.list_response import LIST_RESPONSES, list_response
from services.query.http.parameters import RESPONSES, refuse_parameters
from services.query.http.read_response import read_response
from services.query.parameters.fields import JobId, Paged
from services.query.queries.lists import import_jobs
from services.query.queries.lists.import_jobs import ENDED
from services.query.status.job_watch import JobWatch
from shared.auth.authentication import grant_of
from shared.auth.keys import Grant
from shared.auth.scopes import OWN_IMPORTS, requires
from shared.http.concurrency import slot_of
from shared.http.errors import NotFound, Unavailable, existing

router = APIRouter(tags=["imports"], responses=RESPONSES)

_JOB = {"type": "string", "contentMediaType": "application/json", "contentSchema": {"$ref": "#/components/schemas/ImportJob"}}
_EVENT_SCHEMA = {"type": "object", "required": ["event", "data"], "properties": {"event": {"enum": ["progress", "done"]}, "data": _JOB}}


@router.get("/api/import/jobs", response_model=JobPage, responses=LIST_RESPONSES, summary="Import jobs, newest first")
@requires(OWN_IMPORTS)
def list_jobs(request: Request, parameters: Annotated[Paged, Query()]) -> Response:
    """All import jobs. A key without the scope `read` sees only those that it sent."""
    key_id = sent_by(grant_of(request.scope))
    return list_response(
        request,
        parameters,
        lambda connection, wanted: import_jobs.jobs(connection, wanted, key_id),
        from_primary=True,
        hides_texts=key_id is None,
    )


@router.get(
    "/api/import/jobs/{job_id}",
    response_model=ImportJob,
    summary="One import job",
    dependencies=[Depends(refuse_parameters)],
)
@requires(OWN_IMPORTS)
def show_job(request: Request, job_id: JobId) -> Response:
    """Progress, counts of new rows, and the first 100 errors."""
    key_id = sent_by(grant_of(request.scope))
    return read_response(
        request, lambda connection: existing_job(connection, job_id, key_id), from_primary=True, hides_texts=key_id is None
    )


@router.get(
    "/api/import/jobs/{job_id}/events",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": _EVENT_SCHEMA}}, "description": "Server-sent events."}},
    summary="Progress of one import job",
    dependencies=[Depends(refuse_parameters)],
)
@requires(OWN_IMPORTS)
async def watch_job(request: Request, job_id: JobId) -> Response:
    """Server-sent events. Each change of the job is an `event: progress`; its end is an `event: done`, and then the stream closes."""
    watch: JobWatch = request.app.state.job_watch
    job = await run_in_threadpool(_read, request.app.state.database, job_id, grant_of(request.scope))
    if request.scope.get("is_head"):
        return Response(headers=HEADERS, media_type=MEDIA_TYPE)
    slot = slot_of(request.scope)
    if not slot.move_to(slot.limits.watchers):
        raise Unavailable("Too many are watching; ask for the job itself now and then.", code="OVERLOADED", retry_after_seconds=5)
    return EventStream(_events(watch, job_id, job))


async def _events(watch: JobWatch, job_id: UUID, job: ImportJob | None) -> AsyncGenerator[bytes]:
    shown: ImportJob | None = None
    sent_at = 0.0
    with watch.watching(job_id):
        while not watch.is_stopped:
            if job is not None and job.status in ENDED:
                yield _event("done", job)
                return
            if job is not None and (changing := _without_clock(job)) != shown:
                yield _event("progress", job)
                shown, sent_at = changing, time.monotonic()
            elif time.monotonic() - sent_at >= HEARTBEAT_SECONDS:
                yield b": still there\n\n"
                sent_at = time.monotonic()
            job = await watch.next_state(job_id)


def _event(name: str, job: ImportJob) -> bytes:
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode(job) + b"\n\n"


def _without_clock(job: ImportJob) -> ImportJob:
    """Estimates follow the clock, and are no progress by themselves."""
    return replace(job, eta_seconds=None, rows_per_second=None)


def _read(database: Database, job_id: UUID, grant: Grant | None) -> ImportJob:
    """404 if the key may not see the job. Later polls need no check."""
    with database.connection(grant, from_primary=True) as connection:
        return existing_job(connection, job_id, sent_by(grant))


def sent_by(grant: Grant | None) -> str | None:
    """The key whose jobs are the only ones to be seen; None if all may be seen."""
    return grant.key_id if grant is not None and grant.sees_only_own_jobs else None


def existing_job(connection: Connection, job_id: UUID, key_id: str | None) -> ImportJob:
    """The job; 404 if no job has this id, or a key other than `key_id` sent it."""
    return existing(
        import_jobs.job(connection, job_id, key_id),
        NotFound("There is no import job with this id; see /api/import/jobs.", code="JOB_NOT_FOUND"),
    )
