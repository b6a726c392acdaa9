"""Starts a scrub: the worker applies today's rules of redaction to what is stored, or replaces given texts there."""

from typing import Annotated
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.write_event import admit_order
from services.ingest.http import request_checks, route_documents
from services.ingest.http.queue_errors import answering_503
from services.ingest.http.responses import ScrubStarted, TextsLetIn
from services.ingest.journal.wakeup import send_tasks
from services.ingest.postgres.admin import jobs
from services.ingest.postgres.audit import audit_record
from shared.auth.scopes import ADMIN, requires
from shared.claude_formats.structural_words import STRUCTURAL_WORDS
from shared.http.errors import Conflict, NotFound, invalid
from shared.http.middleware import json_response
from shared.jobs import SCRUB
from shared.redaction.kept_out import noted_change
from shared.redaction.sealed_texts import LIFE_SECONDS, divided
from shared.redaction.token_formats import kinds

MAX_TEXTS = 20
# Less would be in half of all words.
MIN_TEXT_LENGTH, MAX_TEXT_LENGTH = 6, 1_000

GivenText = Annotated[str, Meta(min_length=MIN_TEXT_LENGTH, max_length=MAX_TEXT_LENGTH)]

_KINDS = ("text", "credential", "seed_phrase", "private_key", "too_many", *sorted({each.kind for each in kinds()}))
_WORDS = "\n".join(f"[redacted:{kind}:" for kind in _KINDS)


# A misspelt `texts` must not start another scrub than was wanted.
class ScrubRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """Without `texts`, today's rules of redaction are applied. `dry_run` changes nothing and counts what would change.

    `texts` are replaced wherever they are, as they are written here: case matters. `keep_out` replaces them from now on wherever data comes in.
    `rewrite_large` writes files of large tables anew too, which are locked meanwhile. `delete_uploads` deletes the files of failed imports.
    """

    texts: Annotated[list[GivenText], Meta(max_length=MAX_TEXTS)] = []
    dry_run: bool = False
    keep_out: bool = True
    rewrite_large: bool = False
    delete_uploads: bool = False


_DECODER = msgspec.json.Decoder(ScrubRequest)


router = APIRouter(tags=["imports"])


@router.post("/api/scrubs", status_code=202, summary="Start a scrub", **route_documents.started(ScrubRequest, ScrubStarted, "scrub"))
@requires(ADMIN)
async def start_scrub(request: Request) -> Response:
    """Replaces texts that are given wherever they are stored, or applies today's rules to what is stored. Or only counts what would change.

    The given texts are not kept. From then on they are replaced in all that comes in, unless `keep_out` is false.
    """
    write, wanted = await admit_order(request, _DECODER)
    _check(wanted)
    scrub_id = write.derived_id() or uuid4()
    # The texts are in no record: a log is kept longer than they may be.
    options = {"text_count": len(wanted.texts), "keep_out": bool(wanted.texts) and wanted.keep_out and not wanted.dry_run}
    options |= {"rewrite_large": wanted.rewrite_large, "delete_uploads": wanted.delete_uploads}
    asked = jobs.Wanted(is_dry_run=wanted.dry_run, options=options)
    record = audit_record(request, "scrub.start", scrub_id, dry_run=wanted.dry_run, texts=len(wanted.texts))
    redis, halves = write.ingest.redis, divided(wanted.texts) if wanted.texts else None
    if halves is not None:
        # Before the row, of which a worker may know at once.
        async with answering_503(redis):
            await redis.set(halves.redis_key, halves.in_redis, ex=LIFE_SECONDS)
    if await jobs.add(write.ingest.database, SCRUB, scrub_id, asked, record, halves) != "added":
        if halves is not None:
            async with answering_503(redis):
                await redis.delete(halves.redis_key)
    else:
        await send_tasks(write.ingest, SCRUB.task, (str(scrub_id),))
    return write.started(ScrubStarted(scrub_id=scrub_id, dry_run=wanted.dry_run), f"/api/scrubs/{scrub_id}")


@router.delete(
    "/api/scrubs/{scrub_id}/kept-out",
    summary="Let the texts of a scrub in again",
    **route_documents.action(TextsLetIn, None, 404, 409, of="scrub_id"),
)
@requires(ADMIN)
async def let_texts_in(request: Request) -> Response:
    """The texts that the scrub was given are no longer replaced where data comes in. 409 if it keeps none out, or has not ended."""
    ingest, scrub_id = ingest_of(request), request_checks.uuid_in_path(request, "scrub_id")
    done = await jobs.let_in(ingest.database, scrub_id, audit_record(request, "scrub.let_in", scrub_id))
    if done["status"] is None:
        raise NotFound("There is no scrub with this id.", code="SCRUB_NOT_FOUND")
    if not done["done"]:
        is_running = done["status"] in ("queued", "running")
        raise Conflict(
            "The scrub still runs; wait for its end." if is_running else "The scrub keeps no texts out.", details={"status": done["status"]}
        )
    async with answering_503(ingest.redis):
        await noted_change(ingest.redis)
    return json_response(TextsLetIn(scrub_id=scrub_id))


def _check(wanted: ScrubRequest) -> None:
    """BadRequest for a text that would be found in what replaces it, or that says nothing. It is not quoted."""
    for number, text in enumerate(wanted.texts):
        field = f"texts[{number}]"
        if len(text.strip()) < MIN_TEXT_LENGTH:
            raise invalid(field, f"must have {MIN_TEXT_LENGTH} characters or more without the white space around it")
        if len(set(text)) == 1:
            raise invalid(field, "must not be one character alone")
        if text in _WORDS:
            raise invalid(field, "is a part of the words by which secrets are replaced")
        if any(text in word for word in STRUCTURAL_WORDS):
            raise invalid(field, "is a word by which transcripts are read, which could not be read again without it")
