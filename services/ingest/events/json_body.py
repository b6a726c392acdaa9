"""JSON bodies that are not events: they need no room in the journal and no idempotency key."""

from typing import Final, TypeVar

import msgspec
from fastapi import Request

from services.ingest.dependencies import ingest_of
from services.ingest.events import decode
from services.ingest.http import json_limits, request_checks
from services.ingest.http.request_checks import AcceptedBody

T = TypeVar("T")
SMALL: Final = AcceptedBody((b"application/json",), 64 * 1024)


async def read_json(request: Request, decoder: msgspec.json.Decoder[T], accepted: AcceptedBody = SMALL) -> T:
    """The decoded body. BadRequest, RequestTimeout, PayloadTooLarge or UnsupportedMediaType, as for any body."""
    return decode.parse(await read_text(request, accepted), decoder)


async def read_text(request: Request, accepted: AcceptedBody = SMALL) -> bytes:
    """The body, as UTF-8 that can be stored; the same failures."""
    request_checks.check_head(request, accepted)
    body = await request_checks.read_body(request, max_bytes=accepted.max_bytes, seconds=ingest_of(request).settings.body_seconds)
    json_limits.check_text(body)
    return json_limits.storable(body)
