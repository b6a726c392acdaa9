"""Starts a scrub: the worker applies today's rules of redaction to what is stored."""

import asyncio
from uuid import uuid4

import msgspec
from fastapi import Request, Response
from msgspec import Struct

from services.ingest.events.decode import parse
from services.ingest.events.write_event import SINGLE_BODY, admit_write
from services.ingest.http.json_limits import check_utf8
from services.ingest.http.responses import ScrubStarted
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.audit import audit_record
from shared.broker import TASK_SCRUB
from shared.http.middleware import json_response


class ScrubRequest(Struct, kw_only=True):
    """`dry_run` changes nothing and counts what would change."""

    dry_run: bool = False


_DECODER = msgspec.json.Decoder(ScrubRequest)


async def start(request: Request) -> Response:
    """202: the scrub is in Postgres. If its task is lost, the worker's sweep finds the scrub."""
    write = await admit_write(request, SINGLE_BODY)
    check_utf8(write.body)
    wanted = parse(write.body, _DECODER)
    scrub_id = write.derived_id() or uuid4()
    record = audit_record(request, "scrub.start", scrub_id, dry_run=wanted.dry_run)
    if await write.ingest.jobs.add_scrub(scrub_id, is_dry_run=wanted.dry_run, record=record):
        await asyncio.to_thread(send_tasks, write.ingest.sender, TASK_SCRUB, (str(scrub_id),))
    return json_response(
        ScrubStarted(scrub_id=scrub_id, dry_run=wanted.dry_run), 202, {"Location": f"/api/scrubs/{scrub_id}"} | (write.headers or {})
    )
