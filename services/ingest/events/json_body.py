"""JSON that asks for something and does not go into the journal: it needs no room there, and no key that makes it one event."""

from typing import TypeVar

import msgspec
from fastapi import Request

from services.ingest.dependencies import ingest_of
from services.ingest.events import decode
from services.ingest.http import json_limits, request_checks
from services.ingest.http.request_checks import Takes

T = TypeVar("T")


async def read_json(request: Request, takes: Takes, decoder: msgspec.json.Decoder[T]) -> T:
    """What the decoder makes of the body. BadRequest, RequestTimeout, PayloadTooLarge, UnsupportedMediaType, as of any body."""
    request_checks.check_query(request)
    headers = request_checks.headers_of(request)
    request_checks.media_type_of(headers, takes)
    request_checks.check_declared_size(headers, takes.max_bytes)
    body = await request_checks.read_body(request, max_bytes=takes.max_bytes, seconds=ingest_of(request).settings.body_seconds)
    json_limits.check_utf8(body)
    return decode.parse(json_limits.storable(body), decoder)
