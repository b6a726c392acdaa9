"""Compares a client's manifest: which of its files the server has not stored completely for its user. An import need only send those."""

from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Meta, Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.decode import MAX_BATCH_BYTES
from services.ingest.events.json_body import read_json
from services.ingest.events.key_binding import binding_of
from services.ingest.http import route_documents
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.http.responses import ManifestAnswer
from services.ingest.imports.uploads import MAX_USER_CHARACTERS
from shared.auth.scopes import INGEST, requires
from shared.http.middleware import json_response
from shared.redaction.redact import redact_text

MAX_FILES: Final = 50_000
_BODY: Final = AcceptedBody((b"application/json",), MAX_BATCH_BYTES)


class ManifestFile(Struct):
    """A file of the client's. Only `sha256` is compared; `path` and `size` are for people who read the request."""

    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    size: Annotated[int, Meta(ge=0)]
    # Both limits: Python's `$` also matches before a line feed at the end.
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]


class Manifest(Struct):
    """The files that a client could send."""

    files: Annotated[list[ManifestFile], Meta(max_length=MAX_FILES)]
    # The user of the files, as in the import itself; for a bound key always its own user.
    user: Annotated[str, Meta(min_length=1, max_length=MAX_USER_CHARACTERS)] | None = None


_MANIFEST: Final = msgspec.json.Decoder(Manifest)


router = APIRouter(tags=["imports"])


@router.post("/api/import/manifest", summary="Ask which files are new", **route_documents.action(ManifestAnswer, Manifest))
@requires(INGEST)
async def compare_manifest(request: Request) -> Response:
    """Says which of up to 50,000 files, by their SHA-256, no import has read to the end. The others need not be sent."""
    ingest = ingest_of(request)
    manifest = await read_json(request, _MANIFEST, _BODY)
    user = binding_of(request).user or manifest.user
    # Jobs store the redacted name.
    user = redact_text(user) if user and ingest.settings.redact else user
    unseen = await ingest.jobs.unseen_contents([bytes.fromhex(file.sha256) for file in manifest.files], user)
    answer = ManifestAnswer(unseen=unseen, known=len(manifest.files) - len(unseen), max_upload_bytes=ingest.settings.max_upload_bytes)
    return json_response(answer)
