"""An import job as it goes on: server-sent events."""

import time
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from services.query.database import Database, Row
from services.query.http.parameters import FAILURES, refuse_parameters
from services.query.queries.lists.import_jobs import ENDED
from services.query.routes.import_jobs import existing_job, sent_by
from services.query.schemas.query_parameters import JobId
from services.query.status.job_watch import JobWatch
from shared.auth.authentication import grant_in
from shared.auth.keys import Grant
from shared.auth.scopes import OWN_IMPORTS, requires
from shared.http.concurrency import slot_of
from shared.http.errors import Unavailable

router = APIRouter(tags=["imports"], responses=FAILURES)

HEARTBEAT_SECONDS = 15.0
_MEDIA_TYPE = "text/event-stream"
_JOB = {"type": "string", "contentMediaType": "application/json", "contentSchema": {"$ref": "#/components/schemas/ImportJob"}}
# Of each event.
_EVENT_SCHEMA = {"type": "object", "required": ["event", "data"], "properties": {"event": {"enum": ["progress", "done"]}, "data": _JOB}}
# A proxy that collects an answer before it sends it on would keep the progress until there is none any more.
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# They follow the clock: no change by themselves.
_OF_THE_MOMENT = ("eta_seconds", "rows_per_second")


@router.get(
    "/api/import/jobs/{job_id}/events",
    response_class=Response,
    responses={200: {"content": {_MEDIA_TYPE: {"schema": _EVENT_SCHEMA}}, "description": "Server-sent events."}},
    summary="One import job as it goes on",
    dependencies=[Depends(refuse_parameters)],
)
@requires(OWN_IMPORTS)
async def watch_job(request: Request, job_id: JobId) -> Response:
    """The job's object whenever it changed, as `event: progress`; at its end as `event: done`, and then no more."""
    watch: JobWatch = request.app.state.job_watch
    job = await run_in_threadpool(_read, request.app.state.database, job_id, grant_in(request.scope))
    if request.scope.get("is_head"):
        return Response(headers=_HEADERS, media_type=_MEDIA_TYPE)
    slot = slot_of(request.scope)
    if not slot.move_to(slot.limits.watchers):
        raise Unavailable("Too many are watching; ask for the job itself now and then.", code="OVERLOADED", retry_after_seconds=5)
    return StreamingResponse(_events(watch, job_id, job), headers=_HEADERS, media_type=_MEDIA_TYPE)


async def _events(watch: JobWatch, job_id: UUID, job: Row | None) -> AsyncIterator[bytes]:
    shown: Row = {}
    said_at = 0.0
    with watch.watching(job_id):
        while not watch.is_stopped:
            if job is not None and job["status"] in ENDED:
                yield _event("done", job)
                return
            if job is not None and (changing := _without_clock(job)) != shown:
                yield _event("progress", job)
                shown, said_at = changing, time.monotonic()
            elif time.monotonic() - said_at >= HEARTBEAT_SECONDS:
                yield b": still there\n\n"
                said_at = time.monotonic()
            job = await watch.next_look(job_id)


def _event(name: str, job: Row) -> bytes:
    return f"event: {name}\ndata: ".encode() + msgspec.json.encode(job) + b"\n\n"


def _without_clock(job: Row) -> Row:
    return {name: value for name, value in job.items() if name not in _OF_THE_MOMENT}


def _read(database: Database, job_id: UUID, grant: Grant | None) -> Row:
    """What a bound key may not see is a 404 here; the looks after this one are at a job that it may."""
    with database.connection(grant, from_primary=True) as connection:
        return existing_job(connection, job_id, sent_by(grant))
