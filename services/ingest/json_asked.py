"""JSON that asks for something and does not go into the journal: it needs no room there, and no key that makes it one event."""

from typing import TypeVar

import msgspec
from fastapi import Request

from services.ingest import json_text, messages_in, requests_in
from services.ingest.accept import ingest_of
from services.ingest.requests_in import Takes

T = TypeVar("T")


async def read_json(request: Request, takes: Takes, decoder: msgspec.json.Decoder[T]) -> T:
    """What the decoder makes of the body. BadRequest, RequestTimeout, PayloadTooLarge, UnsupportedMediaType, as of any body."""
    requests_in.check_query(request)
    headers = requests_in.headers_of(request)
    requests_in.media_type_of(headers, takes)
    requests_in.check_declared_size(headers, takes.max_bytes)
    body = await requests_in.read_body(request, max_bytes=takes.max_bytes, seconds=ingest_of(request).settings.body_seconds)
    json_text.check_utf8(body)
    return messages_in.parse(json_text.storable(body), decoder)
