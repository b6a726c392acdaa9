"""Checks a request before its body is decoded: query, media type, size, and that the body arrives in time."""

import asyncio
from dataclasses import dataclass
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import Request

from shared.http.concurrency import slot_of
from shared.http.errors import BadRequest, PayloadTooLarge, RequestTimeout, UnsupportedMediaType, invalid
from shared.http.server import BODY_ARRIVED


@dataclass(frozen=True, slots=True)
class AcceptedBody:
    """The bodies that a route accepts."""

    media_types: tuple[bytes, ...]
    max_bytes: int
    # True if it may be compressed: then it is the route's to decompress (write_telemetry.py).
    may_be_gzip: bool = False


def headers_of(request: Request) -> dict[bytes, bytes]:
    """The headers by lower-cased name; of a repeated header the last value."""
    return dict(request.scope["headers"])


def check_head(request: Request, accepted: AcceptedBody) -> tuple[dict[bytes, bytes], bytes]:
    """Checks all that is known before the body: query, media type, declared size. Gives the headers and the media type."""
    check_query(request)
    headers = headers_of(request)
    media_type = media_type_of(headers, accepted)
    check_declared_size(headers, accepted.max_bytes)
    return headers, media_type


def check_query(request: Request) -> None:
    """BadRequest if there are query parameters: ingest's routes take none."""
    query = request.scope["query_string"]
    if query:
        names = sorted({name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}) or ["query"]
        raise BadRequest(
            f"This takes no query parameters, so not {', '.join(names)[:200]}; put values into the body.",
            details={name[:200]: "unknown query parameter" for name in names[:20]},
        )


def uuid_in_path(request: Request, name: str) -> UUID:
    """A parameter of the path; BadRequest if it is not a UUID, or if the query has parameters too."""
    check_query(request)
    try:
        return UUID(request.path_params[name])
    except ValueError:
        raise invalid(name, "must be a UUID") from None


def media_type_of(headers: dict[bytes, bytes], accepted: AcceptedBody) -> bytes:
    """The media type without parameters. UnsupportedMediaType if the route does not accept it, for an encoding, or for a charset other than UTF-8."""
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding not in (b"identity", b"") and not (accepted.may_be_gzip and is_gzip(headers)):
        wanted = (
            "gzip or identity; compress the body with gzip, or not at all"
            if accepted.may_be_gzip
            else "identity; send the body uncompressed"
        )
        raise UnsupportedMediaType(f"Content-Encoding must be {wanted}.", details={"Content-Encoding": "not taken"})
    value = headers.get(b"content-type", b"")
    if value == b"application/json":
        return value
    media_type, _, parameters = value.lower().partition(b";")
    media_type = media_type.strip()
    is_json = media_type.startswith(b"application/") and media_type.endswith(b"+json")
    is_utf8 = b"charset" not in parameters or b"utf-8" in parameters
    if (media_type in accepted.media_types or is_json) and is_utf8:
        return media_type
    wanted = " or ".join(name.decode() for name in accepted.media_types)
    raise UnsupportedMediaType(f"Send Content-Type: {wanted}, in UTF-8.", details={"Content-Type": "missing" if not value else "not taken"})


def is_gzip(headers: dict[bytes, bytes]) -> bool:
    """Whether the body is compressed."""
    return headers.get(b"content-encoding", b"").strip().lower() == b"gzip"


def check_declared_size(headers: dict[bytes, bytes], max_bytes: int) -> None:
    """PayloadTooLarge if Content-Length is over the limit, before any of the body is read."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared[:20]) > max_bytes:
        raise too_large(max_bytes)


async def read_body(request: Request, *, max_bytes: int, seconds: float) -> bytes:
    """The whole body. PayloadTooLarge once more than `max_bytes` have arrived. RequestTimeout after `seconds`, or sooner if it has to make room."""
    if BODY_ARRIVED in request.scope:
        # No timer: it would be 10 % of a write's CPU (ADR 43).
        return await _read_body(request, max_bytes)
    try:
        async with asyncio.timeout(seconds) as timeout:
            with slot_of(request.scope).receiving_body(timeout):
                return await _read_body(request, max_bytes)
    except TimeoutError as error:
        raise RequestTimeout(f"The body did not arrive in time, which is {seconds:g} s and less while many come; send it again.") from error


async def _read_body(request: Request, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The connection ended before the body did; send it again.", code="INVALID_JSON")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise too_large(max_bytes)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def too_large(max_bytes: int) -> PayloadTooLarge:
    """The 413."""
    return PayloadTooLarge(f"The body is larger than {max_bytes} bytes; send less at once.", details={"max_bytes": max_bytes})
