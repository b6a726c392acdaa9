"""Health, readiness, metrics, the canary and the API document."""

import asyncio
from collections.abc import Awaitable

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.ingest.admin.canary import accept_canary
from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.http import route_documents
from services.ingest.http.queue_errors import answering_503
from services.ingest.http.request_checks import check_query
from shared.auth.scopes import METRICS, PUBLIC, requires
from shared.http.api_document import DOCUMENT
from shared.http.errors import Unavailable
from shared.http.middleware import json_response
from shared.journal.canary import PATH
from shared.journal.streams import stream_key

operations = APIRouter(tags=["operations"])


@operations.get("/healthz", **route_documents.reads("The process is alive."))
@requires(PUBLIC)
async def healthz(request: Request) -> Response:
    """Whether the process is alive."""
    check_query(request)
    return json_response({"status": "ok"})


@operations.get("/readyz", **route_documents.reads("It can do its job."))
@requires(PUBLIC)
async def readyz(request: Request) -> Response:
    """Whether it can serve: queue and database answer, and the journal has room. A 503 says what is missing.

    It also says whether uploads can be stored. If not it stays ready, since events do not need uploads.
    """
    check_query(request)
    ingest = ingest_of(request)
    failed = await _failed(ingest)
    if failed:
        raise _not_ready(failed)
    checks = {"queue": "ok", "database": "ok", "backlog": "ok", "uploads": ingest.store_probe.problem or "ok"}
    return json_response({"status": "ready", "checks": checks})


@operations.get("/metrics", response_class=Response, **route_documents.reads("Prometheus' text format."))
@requires(METRICS, all_projects=True)
async def metrics(request: Request) -> Response:
    """This process' metrics."""
    check_query(request)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@operations.post(PATH, status_code=201, include_in_schema=False)
@requires(PUBLIC)
async def take_canary(request: Request) -> Response:
    """Takes the tracker's own proof of life. Needs no key, but a token that only the worker knows (accept_canary)."""
    return await accept_canary(request)


@operations.get("/openapi.json", **route_documents.reads("OpenAPI 3.1."))
@requires(PUBLIC)
async def openapi(request: Request) -> Response:
    """The description of the whole API."""
    check_query(request)
    return Response(await asyncio.to_thread(DOCUMENT.read_bytes), media_type="application/json")


async def _failed(ingest: Ingest) -> dict[str, Unavailable]:
    """The checks that fail, with the error that a write would get."""
    checks = {"queue": _ping_queue(ingest), "database": ingest.database.ping(), "backlog": _has_room(ingest)}
    outcomes = await asyncio.gather(*map(_outcome, checks.values()))
    return {name: error for name, error in zip(checks, outcomes, strict=True) if error}


async def _outcome(check: Awaitable[None]) -> Unavailable | None:
    try:
        await check
    except Unavailable as error:
        return error
    return None


async def _ping_queue(ingest: Ingest) -> None:
    async with answering_503(ingest.redis), ingest.redis.pipeline(transaction=False) as pipe:
        for partition in range(ingest.settings.journal_partitions):
            pipe.xlen(stream_key(partition))
        await pipe.execute()


async def _has_room(ingest: Ingest) -> None:
    ingest.backlog.check()


def _not_ready(failed: dict[str, Unavailable]) -> Unavailable:
    error = Unavailable(f"Not ready: {', '.join(failed)}; see details.", code=next(iter(failed.values())).code)
    error.details = {name: cause.message for name, cause in failed.items()}
    return error
