"""About the service itself: alive, ready, metrics, the API's description and its reference page."""

from typing import Any

import psycopg
import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.query.answers import operations
from services.query.database import Database
from services.query.http import reference_page
from services.query.http.parameters import refuse_parameters, settings_of
from services.query.http.read_response import without_hidden_texts
from services.query.queries.lists import dead_letters
from services.query.queries.status import (
    LedgerCounts,
    capacity,
    capture_lag,
    damaged_transcripts,
    ledger_counts,
    newest_canary,
    silent_machines,
    standing_jobs,
    unpriced_models,
)
from services.query.search_index.reader import SearchIndex
from services.query.status import gauges
from services.query.status.state import (
    Accounts,
    CanaryAge,
    Lag,
    ReplicaLag,
    canary_age,
    failed_looks,
    journal_lag,
    read_accounting,
    redis_memory,
    replica_lag,
)
from shared.auth.scopes import METRICS, PUBLIC, requires
from shared.http.errors import NotFound, Unavailable
from shared.http.middleware import json_response
from shared.quantities import duration
from shared.redis.clients import REDIS_ERRORS

log = structlog.get_logger()
router = APIRouter(tags=["service"])
HTML: dict[int | str, dict[str, Any]] = {200: {"content": {"text/html": {"schema": {"type": "string"}}}}}


@router.get("/healthz", response_model=operations.Health, summary="Liveness")
@requires(PUBLIC)
async def healthz() -> Response:
    """Answers while the process runs. It asks neither Postgres nor Redis."""
    return json_response(operations.Health("alive"))


@router.get("/readyz", response_model=operations.Readiness, summary="Readiness")
@requires(PUBLIC)
async def readyz(request: Request) -> Response:
    """Checks the database, the journal, its lag and the canary. A 503 names in `details` what is wrong."""
    try:
        lag, reasons = await request.app.state.threads.run(lambda: _readiness(request))
    except TimeoutError:
        # Redis has time-outs of its own, which are shorter.
        lag, reasons = None, {"database": "does not answer in time; is it overloaded, or does it hang?"}
    if lag is None or reasons:
        raise _not_ready(reasons)
    return json_response(operations.Readiness("ready", lag.entries, lag.oldest_seconds))


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Metrics for Prometheus",
)
@requires(METRICS, all_projects=True)
async def show_metrics(request: Request) -> Response:
    """Metrics of this process, the journal and the accounting. A value that cannot be read now keeps its last state."""
    try:
        await request.app.state.threads.run(lambda: _set_gauges(request))
    except TimeoutError:
        gauges.set_state(None, None)
        log.warning("state_not_read", error="TimeoutError")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _readiness(request: Request) -> tuple[Lag | None, dict[str, str]]:
    """The journal's lag, and the problems by name."""
    lag, reasons = _read_state(request)[1:]
    if lag is not None:
        reasons |= _canary_problem(request)
    if "database" not in reasons:
        reasons |= _replica_problem(request)
    return lag, reasons


def _set_gauges(request: Request) -> None:
    ledger, lag, _ = _read_state(request)
    gauges.set_state(ledger, lag)
    try:
        if ledger is not None:
            _set_database_gauges(request)
            gauges.set_replica(_replica_lag(request))
        if lag is not None:
            gauges.set_memory(redis_memory(request.app.state.redis))
            gauges.set_failed_looks(failed_looks(request.app.state.redis))
        if ledger is not None and lag is not None:
            gauges.set_accounting(_accounting(request))
            gauges.set_canary(_canary_age(request))
    except (*REDIS_ERRORS, psycopg.Error) as error:
        log.warning("state_not_read", error=type(error).__name__)


@router.get(
    "/api/accounting",
    response_model=operations.Accounting,
    responses={400: {}},
    summary="Accounting of events",
)
@requires(METRICS, all_projects=True)
def show_accounting(request: Request) -> Response:
    """Counts of events: accepted = persisted + duplicate + dead + left_out + pending; how far the search index is behind; and what of the archive cannot be read."""
    refuse_parameters(request)
    try:
        seen = _canary_age(request)
        with request.app.state.database.connection() as connection:
            damaged, unpriced = damaged_transcripts(connection), unpriced_models(connection)
            waiting_sessions = _search_index(request).waiting(connection)
        search = _search_index(request).lag()
        accounts = _accounting(request)
    except REDIS_ERRORS as error:
        log.warning("redis_unavailable", error=type(error).__name__)
        raise Unavailable("Events cannot be counted now; try again in a moment.", code="QUEUE_UNAVAILABLE") from error
    equation = accounts.equation
    shown = operations.Accounting(
        accepted=equation.accepted,
        persisted=equation.persisted,
        duplicate=equation.duplicate,
        dead=equation.dead,
        left_out=equation.left_out,
        pending=equation.pending,
        drift=equation.drift,
        alarms=accounts.alarms,
        former_epochs=equation.former_epochs,
        canary_age_seconds=None if seen is None else seen.age_seconds,
        search_pending=search.texts,
        search_oldest_seconds=search.oldest_seconds,
        search_waiting_sessions=waiting_sessions,
        damaged_transcripts=damaged,
        unpriced_models=unpriced,
    )
    return json_response(without_hidden_texts(request, shown))


@router.get(
    "/api/canary",
    response_model=operations.Canary,
    responses={400: {}},
    summary="The newest canary",
)
@requires(PUBLIC)
def show_canary(request: Request) -> Response:
    """The tracker sends itself an event every few seconds. This shows the newest one that was stored."""
    refuse_parameters(request)
    with request.app.state.database.connection() as connection:
        return json_response(newest_canary(connection))


@router.get("/openapi.json", summary="OpenAPI document")
@requires(PUBLIC)
def show_openapi() -> Response:
    """This description of reads and writes, as OpenAPI 3.1."""
    return Response(reference_page.document(), media_type="application/json")


@router.get("/docs", response_class=HTMLResponse, responses=HTML, summary="API reference for people")
@requires(PUBLIC)
def show_reference() -> Response:
    """Swagger UI with this document. It loads nothing from other servers."""
    return HTMLResponse(reference_page.REFERENCE_PAGE, headers=reference_page.REFERENCE_HEADERS)


@router.get("/docs/{file}", include_in_schema=False)
@requires(PUBLIC)
async def show_reference_file(file: str) -> Response:
    """A script or the style sheet of the reference page."""
    if file not in reference_page.MEDIA_TYPES:
        raise NotFound("The reference page has no such file; see /docs.")
    return FileResponse(reference_page.FOLDER / file, media_type=reference_page.MEDIA_TYPES[file], headers=reference_page.ASSET_HEADERS)


def _search_index(request: Request) -> SearchIndex:
    index: SearchIndex = request.app.state.search_index
    return index


def _accounting(request: Request) -> Accounts:
    state = request.app.state
    return read_accounting(state.database, state.redis, settings_of(request).journal_partitions)


def _canary_age(request: Request) -> CanaryAge | None:
    """None without a canary."""
    return canary_age(request.app.state.redis, request.app.state.started_at) if settings_of(request).canary_seconds else None


def _canary_problem(request: Request) -> dict[str, str]:
    """The problem if no canary came back for too long."""
    limit = settings_of(request).canary_max_age_seconds
    try:
        seen = _canary_age(request)
    except REDIS_ERRORS:
        return {"journal": "Redis cannot be read; is it up?"}
    if seen is None or seen.age_seconds <= limit:
        return {}
    said = f"it has not passed for {duration(seen.age_seconds * 1_000)}, {duration(limit * 1_000)} is too long"
    return {"canary": f"{said}; do beat, worker-drain and ingest run, and do its events reach them at TRACKER_CANARY_URL?"}


def _replica_lag(request: Request) -> ReplicaLag | None:
    """None without a replica."""
    return replica_lag(request.app.state.database) if Database.has_replica(settings_of(request)) else None


def _replica_problem(request: Request) -> dict[str, str]:
    """The problem if the replica is too far behind."""
    limit = settings_of(request).ready_lag_seconds
    try:
        found = _replica_lag(request)
    except psycopg.Error as error:
        # The replica can be read all the same; the canary's age shows if its data grows old.
        log.warning("primary_unavailable", error=type(error).__name__)
        return {}
    if found is None or found.seconds <= limit:
        return {}
    return {
        "replica": f"it is {duration(found.seconds * 1_000)} behind the primary, {duration(limit * 1_000)} is too long; does it replicate?"
    }


def _read_state(request: Request) -> tuple[LedgerCounts | None, Lag | None, dict[str, str]]:
    """The ledger, the journal's lag, and the problems by name. Errors are logged and not shown, since they may name hosts."""
    state, limit = request.app.state, settings_of(request).ready_lag_seconds
    ledger: LedgerCounts | None = None
    lag: Lag | None = None
    reasons: dict[str, str] = {}
    try:
        with state.database.connection() as connection:
            ledger = ledger_counts(connection)
    except psycopg.Error as error:
        reasons["database"] = "cannot be read; is it up, and migrated?"
        log.warning("database_unavailable", error=type(error).__name__)
    try:
        lag = journal_lag(state.redis, settings_of(request).journal_partitions)
    except REDIS_ERRORS as error:
        reasons["journal"] = "Redis cannot be read; is it up?"
        log.warning("redis_unavailable", error=type(error).__name__)
    if lag is not None and lag.oldest_seconds > limit:
        reasons["lag"] = (
            f"the oldest event waits for {duration(lag.oldest_seconds * 1_000)}, more than {duration(limit * 1_000)}; {_waiting(lag.entries)} and none is lost; "
            "are workers running?"
        )
    return ledger, lag, reasons


def _waiting(entries: int) -> str:
    return "one event waits" if entries == 1 else f"{entries} events wait"


def _not_ready(reasons: dict[str, str]) -> Unavailable:
    codes = {
        "database": "DATABASE_UNAVAILABLE",
        "journal": "QUEUE_UNAVAILABLE",
        "replica": "DATABASE_UNAVAILABLE",
        "lag": "JOURNAL_BEHIND",
        "canary": "PIPELINE_STUCK",
    }
    code = next(code for name, code in codes.items() if name in reasons)
    error = Unavailable(
        "Not ready: " + "; ".join(f"{name}: {reason}" for name, reason in reasons.items()), code=code, retry_after_seconds=2
    )
    error.details = dict(reasons)
    return error


def _set_database_gauges(request: Request) -> None:
    with request.app.state.database.connection() as connection:
        gauges.set_dead_letters(dead_letters.waiting_by_kind(connection))
        gauges.set_capacity(capacity(connection))
        gauges.set_standing_jobs(standing_jobs(connection))
        gauges.set_capture(capture_lag(connection))
        gauges.set_search(_search_index(request).lag(), _search_index(request).waiting(connection))
        gauges.set_silent_machines(silent_machines(connection, settings_of(request).machine_silent_hours))
