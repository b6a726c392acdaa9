"""Which files an import need not bring again: a client tells what it has, and hears what the server has not read to its end."""

from typing import Annotated, Final

import msgspec
from fastapi import Request, Response
from msgspec import Meta, Struct

from services.ingest.accept import ingest_of
from services.ingest.answers import ManifestAnswer
from services.ingest.json_asked import read_json
from services.ingest.messages_in import MAX_BATCH_BYTES
from services.ingest.requests_in import Takes
from shared.web import json_response

MAX_FILES: Final = 50_000
_TAKES: Final = Takes((b"application/json",), MAX_BATCH_BYTES)


class ManifestFile(Struct):
    """A file of the client's. `sha256` decides; `path` and `size` are for who reads along."""

    path: Annotated[str, Meta(min_length=1, max_length=4096)]
    size: Annotated[int, Meta(ge=0)]
    # Both: to Python's `$` a line feed at the end does not matter.
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]


class Manifest(Struct):
    """What a client could send."""

    files: Annotated[list[ManifestFile], Meta(max_length=MAX_FILES)]


_MANIFEST: Final = msgspec.json.Decoder(Manifest)


async def ask(request: Request) -> Response:
    """200 with the indexes of the files that need to be sent. It is no write: nothing is kept of it."""
    ingest = ingest_of(request)
    manifest = await read_json(request, _TAKES, _MANIFEST)
    unseen = await ingest.jobs.unseen_contents([bytes.fromhex(file.sha256) for file in manifest.files])
    answer = ManifestAnswer(unseen=unseen, known=len(manifest.files) - len(unseen), max_upload_bytes=ingest.settings.max_upload_bytes)
    return json_response(answer)
