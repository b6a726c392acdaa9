"""Routes of live capture: what Claude Code's hooks say, the transcripts as they grow, and readings of its own files."""

from fastapi import APIRouter, Request, Response

from services.ingest.capture import write_hooks, write_range, write_readings
from services.ingest.http.responses import RangeAccepted, ReadingsAccepted
from services.ingest.routes import capture_schemas
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
    """Stores status lines, cached usage and files of sessions, as a shipper read them. Of each only what is newest counts, so sending again changes nothing."""
    return await write_readings.write_readings(request)
