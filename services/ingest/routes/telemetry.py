"""Routes of OpenTelemetry: what Claude Code exports when its telemetry is on."""

from fastapi import APIRouter, Request, Response

from services.ingest.routes import telemetry_schemas
from services.ingest.telemetry.write_telemetry import write_telemetry
from shared.auth.scopes import INGEST, requires

telemetry = APIRouter(tags=["capture"])


@telemetry.post("/v1/logs", summary="Add log events of Claude Code's telemetry", **telemetry_schemas.export("logs"))
@requires(INGEST)
async def add_logs(request: Request) -> Response:
    """Takes an OTLP export of logs. Listed attributes of listed events are kept, and no text that a person or Claude wrote."""
    return await write_telemetry(request, "logs")


@telemetry.post("/v1/metrics", summary="Add metrics of Claude Code's telemetry", **telemetry_schemas.export("metrics"))
@requires(INGEST)
async def add_metrics(request: Request) -> Response:
    """Takes an OTLP export of metrics. Points are kept as they come; nothing that the transcript has is counted by them."""
    return await write_telemetry(request, "metrics")


@telemetry.post("/v1/traces", summary="Add spans of Claude Code's telemetry", **telemetry_schemas.export("traces"))
@requires(INGEST)
async def add_traces(request: Request) -> Response:
    """Takes an OTLP export of traces. How long calls waited for a permission is kept, all else is dropped: the logs have it."""
    return await write_telemetry(request, "traces")
