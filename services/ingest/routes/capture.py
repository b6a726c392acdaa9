"""Routes of live capture: what Claude Code's hooks say, the transcripts as they grow, readings of its own files, its telemetry."""

from fastapi import APIRouter, Request, Response

from services.ingest.capture import write_hooks, write_range, write_readings
from services.ingest.http.responses import RangeAccepted, ReadingsAccepted
from services.ingest.routes import capture_schemas
from services.ingest.telemetry.write_telemetry import write_telemetry
from shared.auth.scopes import INGEST, requires

capture = APIRouter(tags=["capture"])


@capture.post("/api/hooks", status_code=204, summary="Add hooks of Claude Code", **capture_schemas.hooks_write())
@requires(INGEST)
async def add_hooks(request: Request) -> Response:
    """Stores what hooks say, one payload or NDJSON. The answer is empty, as Claude Code wants it. Kinds that are not known are dropped."""
    return await write_hooks.write_hooks(request)


@capture.put("/api/transcripts/{session_id}", summary="Add a range of a transcript", **capture_schemas.range_write(RangeAccepted))
@requires(INGEST)
async def add_transcript_range(request: Request) -> Response:
    """Stores whole lines of a transcript. Repetitions and overlaps are left out; a gap is a 409 with the offset that is wanted."""
    return await write_range.write_range(request)


@capture.post("/api/readings", summary="Add readings of Claude Code's own files", **capture_schemas.readings_write(ReadingsAccepted))
@requires(INGEST)
async def add_readings(request: Request) -> Response:
    """Stores status lines, cached usage and files of sessions, as a shipper read them. Only the newest of each counts: sending again is harmless."""
    return await write_readings.write_readings(request)


@capture.post("/v1/logs", summary="Add log events of Claude Code's telemetry", **capture_schemas.export("logs"))
@requires(INGEST)
async def add_logs(request: Request) -> Response:
    """Takes an OTLP export of logs. Listed attributes of listed events are kept, and no text that a person or Claude wrote."""
    return await write_telemetry(request, "logs")


@capture.post("/v1/metrics", summary="Add metrics of Claude Code's telemetry", **capture_schemas.export("metrics"))
@requires(INGEST)
async def add_metrics(request: Request) -> Response:
    """Takes an OTLP export of metrics. Points are kept as they come; nothing that the transcript has is counted by them."""
    return await write_telemetry(request, "metrics")


@capture.post("/v1/traces", summary="Add spans of Claude Code's telemetry", **capture_schemas.export("traces"))
@requires(INGEST)
async def add_traces(request: Request) -> Response:
    """Takes an OTLP export of traces. How long calls waited for a permission is kept, all else is dropped: the logs have it."""
    return await write_telemetry(request, "traces")
