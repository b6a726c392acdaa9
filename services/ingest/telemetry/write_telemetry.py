"""`POST /v1/logs`, `/v1/metrics` and `/v1/traces`, from request to answer: OpenTelemetry's OTLP/HTTP, as Claude Code speaks it.

Claude Code waits for the answer when it ends, for two seconds. So Postgres is asked for a moment alone, and only while there are tombstones. Erased data
does not come onto the journal, and the partial success says so, since the protocol has no 410. The worker decides whose a session is, and leaves
out what was not known here.
"""

import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec
from fastapi import Request, Response

from services.ingest.capture.capture_request import machine_of, query_of, user_of
from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.key_binding import binding_of
from services.ingest.events.redact_events import LARGE_BYTES, run, without_secrets
from services.ingest.http import backend_deadline, request_checks
from services.ingest.http.request_checks import AcceptedBody, too_large
from services.ingest.journal.append import AROUND_AN_ITEM, captured_entries
from services.ingest.telemetry import otlp_records
from services.ingest.telemetry.kept_attributes import Record
from services.ingest.telemetry.kept_signals import NO_SESSION, Found, signals_of_logs, signals_of_metrics, signals_of_spans
from services.ingest.telemetry.otlp_answers import JSON, PROTOBUF, Export, export_response, failure_response
from shared import metrics
from shared.events.messages import Signal
from shared.http.errors import ApiError, BadRequest
from shared.http.middleware import request_id_of

BODY: Final = AcceptedBody((JSON, PROTOBUF), 16 * 1024**2, may_be_gzip=True)


# How an export of a kind is read: its records, and what is kept of them.
_READ: Final[dict[Export, tuple[Callable[[bytes, bytes], Iterable[Record]], Callable[[Iterable[Record], datetime], Found]]]] = {
    "logs": (otlp_records.logs, signals_of_logs),
    "metrics": (otlp_records.metrics, signals_of_metrics),
    "traces": (otlp_records.spans, signals_of_spans),
}


async def write_telemetry(request: Request, export: Export) -> Response:
    """200 once what is kept of the export is on the journal's disk."""
    headers = request_checks.headers_of(request)
    try:
        return await _write(request, export, headers)
    except ApiError as error:
        return failure_response(request, headers.get(b"content-type", b"").partition(b";")[0].strip().lower(), error)


async def _write(request: Request, export: Export, headers: dict[bytes, bytes]) -> Response:
    ingest = ingest_of(request)
    ingest.backlog.check()
    user = user_of(request, query_of(request, ("user",)))
    machine_id = machine_of(headers)
    media_type = request_checks.media_type_of(headers, BODY)
    request_checks.check_declared_size(headers, BODY.max_bytes)
    body = await request_checks.read_body(request, max_bytes=BODY.max_bytes, seconds=ingest.settings.body_seconds)
    backend_deadline.begin()
    now = datetime.now(UTC)
    is_gzip = request_checks.is_gzip(headers)
    # Compressed it is a tenth of what it is to be read.
    found = await run(_found, export, media_type, body, is_gzip, now, in_thread=len(body) * (10 if is_gzip else 1) > LARGE_BYTES)
    messages = [NO_SESSION] if found.rejected else []
    signals, refusals = await _kept(ingest, found.signals, user)
    rejected = found.rejected + len(found.signals) - len(signals)
    bound_user = binding_of(request).user
    for signal in signals:
        signal.machine_id, signal.user, signal.bound_user = machine_id, user, bound_user
    await _append(ingest, signals, request_id_of(request), now)
    metrics.SIGNALS.labels(export, "accepted").inc(len(signals))
    metrics.SIGNALS.labels(export, "dropped").inc(found.dropped)
    metrics.SIGNALS.labels(export, "rejected").inc(rejected)
    return export_response(export, media_type, rejected, " ".join(messages + refusals))


def _found(export: Export, media_type: bytes, body: bytes, is_gzip: bool, now: datetime) -> Found:
    records, signals = _READ[export]
    return signals(records(unzipped(body, BODY.max_bytes) if is_gzip else body, media_type), now)


async def _kept(ingest: Ingest, signals: list[Signal], user: str | None) -> tuple[list[Signal], list[str]]:
    """Without those of what was erased; and why, each reason once."""
    gone = await ingest.tombstones.known_among({*(("session", signal.session_id) for signal in signals), ("user", user)})
    if not gone:
        return signals, []
    kept = [signal for signal in signals if ("session", signal.session_id) not in gone and ("user", user) not in gone]
    return kept, list(dict.fromkeys(refusal.message for refusal in gone.values()))


async def _append(ingest: Ingest, signals: list[Signal], request_id: str, now: datetime) -> None:
    if not signals:
        return
    if ingest.settings.redact:
        texts = await without_secrets("\n".join(signal.attributes for signal in signals).encode())
        signals = [
            msgspec.structs.replace(signal, attributes=text.decode()) for signal, text in zip(signals, texts.split(b"\n"), strict=True)
        ]
    partitions = ingest.settings.journal_partitions
    sizes = [len(signal.attributes) + AROUND_AN_ITEM for signal in signals]
    entries = captured_entries(signals, sizes, request_id=request_id, received_at=now, partitions=partitions)
    await ingest.journal.append(entries)
    metrics.EVENTS_ACCEPTED.labels("signal").inc(len(signals))


_GZIP = zlib.MAX_WBITS | 16
# The data behind each is copied. Programs write one.
MAX_MEMBERS = 100


def unzipped(body: bytes, max_bytes: int) -> bytes:
    """The body of a gzip stream, of one member or several. BadRequest if it is no gzip or is cut off; PayloadTooLarge beyond `max_bytes`.

    More than MAX_MEMBERS members are a BadRequest, too: a megabyte of empty ones would take a minute.
    """
    pieces: list[bytes] = []
    left = max_bytes
    while body or not pieces:
        if len(pieces) == MAX_MEMBERS:
            raise BadRequest(f"The body has more than {MAX_MEMBERS} gzip streams; compress it as one.")
        stream = zlib.decompressobj(_GZIP)
        try:
            piece = stream.decompress(body, left + 1)
        except zlib.error as error:
            raise BadRequest("The body is not gzip, as its Content-Encoding says; send it as it is, or compress it.") from error
        if len(piece) > left:
            raise too_large(max_bytes)
        if not stream.eof:
            raise BadRequest("The body is cut off: its gzip stream has no end; send all of it.")
        pieces.append(piece)
        left -= len(piece)
        body = stream.unused_data
    return b"".join(pieces)
