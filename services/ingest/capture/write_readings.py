"""`POST /api/readings`, from request to answer: what a shipper read of Claude Code's own files (shared/events/readings.py).

Nothing is accepted by what Postgres says. For a key that is bound to a user, Redis is asked whose the sessions are. If they seem another's, Postgres is
asked for a moment whether that is the same person under a former name. The worker refuses what is not known here, and leaves out what was erased.
A reading that is sent again has the same id, and changes nothing.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from fastapi import Request, Response
from msgspec import Struct

from services.ingest.capture.wait_read import headers_when_read
from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.decode import check_identifier, is_lines, parse
from services.ingest.events.event_ids import derived_id
from services.ingest.events.key_binding import binding_of, is_other_users, other_users_session, with_present_names
from services.ingest.events.redact_events import without_secrets
from services.ingest.events.session_cache import CachedSession
from services.ingest.events.wait import preference_in
from services.ingest.http import backend_deadline, json_limits, request_checks
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.http.responses import ReadingsAccepted, RejectedItem
from services.ingest.journal.append import captured_entries
from shared import metrics
from shared.auth.authentication import key_of
from shared.events.messages import Binding
from shared.events.plausible import objection_to_time
from shared.events.readings import RateLimit, RateLimitEvent, Reading, ReadingBody, SessionFile, StatusLine, UsageCache, UsageWindow, aware
from shared.http.concurrency import slot_of
from shared.http.errors import ApiError, BadRequest, Forbidden, PayloadTooLarge, Unavailable, invalid
from shared.http.middleware import json_response, request_id_of

MAX_READINGS: Final = 1_000
# A reading is small: thirty numbers and words.
MAX_READING_BYTES: Final = 16 * 1024
BODY: Final = AcceptedBody((b"application/json", b"application/x-ndjson"), 4 * 1024**2)

_NAMES_SECONDS: Final = 0.2
# No window of Claude Code is longer than a month.
_RESET_WITHIN: Final = timedelta(days=40)

_ACCEPTED: Final = metrics.EVENTS_ACCEPTED.labels("reading")
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_READING: Final[msgspec.json.Decoder[ReadingBody]] = msgspec.json.Decoder(ReadingBody)
_NOT_IN_PROJECTS: Final = "This key is bound to projects; readings need a key that is bound to a user, or to nothing."


class _Item(Struct, frozen=True):
    index: int
    reading: Reading
    size: int


async def write_readings(request: Request) -> Response:
    """200 with the number of accepted readings, all on the journal's disk, and the rejected ones with their reasons."""
    ingest = ingest_of(request)
    ingest.backlog.check()
    binding = binding_of(request)
    if binding.project_ids is not None:
        raise Forbidden(_NOT_IN_PROJECTS)
    headers, media_type = request_checks.check_head(request, BODY)
    body = await request_checks.read_body(request, max_bytes=BODY.max_bytes, seconds=ingest.settings.body_seconds)
    backend_deadline.begin()
    now = datetime.now(UTC)
    lines = _lines(body, media_type)
    if ingest.settings.redact and lines:
        lines = (await without_secrets(b"\n".join(lines))).split(b"\n")
    key = key_of(request.scope)
    items, rejected = _decode(lines, binding, now, "" if key is None else key.key_id)
    items, foreign = await _own(ingest, binding, items)
    answer_headers = None
    if items:
        readings, sizes = [item.reading for item in items], [item.size for item in items]
        partitions = ingest.settings.journal_partitions
        entries = captured_entries(readings, sizes, request_id=request_id_of(request), received_at=now, partitions=partitions)
        positions = await ingest.journal.append(entries)
        _ACCEPTED.inc(len(items))
        slot = slot_of(request.scope)
        answer_headers = await headers_when_read(slot, preference_in(headers, slot), lambda: ingest.entry_watch.until_gone(positions))
    rejected = sorted(rejected + foreign, key=lambda item: item.index)
    return json_response(ReadingsAccepted(accepted=len(items), rejected=rejected), 200, answer_headers)


def _lines(body: bytes, media_type: bytes) -> list[bytes]:
    """The readings of a body, each on one line."""
    json_limits.check_text(body)
    text = json_limits.storable(body)
    if is_lines(text, media_type):
        lines = json_limits.lines_of(text)
        if not lines:
            raise BadRequest("The body is empty; send readings as NDJSON or as a JSON array.", code="INVALID_JSON")
    else:
        # In JSON, a line feed can only stand between values.
        lines = [bytes(item).replace(b"\n", b" ") for item in parse(text, _ITEMS)]
    if len(lines) > MAX_READINGS:
        raise PayloadTooLarge(f"A request takes up to {MAX_READINGS:,} readings, this one has {len(lines):,}; send them in parts.")
    return lines


def _decode(lines: Sequence[bytes], binding: Binding, now: datetime, key_id: str) -> tuple[list[_Item], list[RejectedItem]]:
    """The readings, and the rejected ones. A body that is one line and no JSON is refused as a whole."""
    items: list[_Item] = []
    rejected: list[RejectedItem] = []
    for index, line in enumerate(lines):
        try:
            items.append(_Item(index, _reading_of(line, binding, now, key_id), len(line)))
        except ApiError as error:
            if len(lines) == 1 and error.code == "INVALID_JSON":
                raise
            rejected.append(_reject(index, error))
    return items, rejected


def _reading_of(line: bytes, binding: Binding, now: datetime, key_id: str) -> Reading:
    if len(line) > MAX_READING_BYTES:
        raise PayloadTooLarge(f"A reading may have {MAX_READING_BYTES:,} bytes, this has {len(line):,}.")
    body = parse(line, _READING)
    json_limits.check_depth(line)
    _complete(body, now)
    body.user = binding.user or body.user
    # The same for any key that sends it: a key that is changed must not make it another reading.
    reading_id = derived_id("reading", msgspec.json.encode(body).decode())
    return Reading(id=reading_id, body=body, bound_user=binding.user, key_id=key_id)


def _complete(body: ReadingBody, now: datetime) -> None:
    """Checks identifiers and times, and puts all times into UTC."""
    check_identifier(body.user, "user")
    body.read_at = _time(body.read_at, "read_at", now)
    if isinstance(body, UsageCache):
        body.fetched_at = _time(body.fetched_at, "fetched_at", now)
        _complete_windows(body.windows, body.fetched_at)
    else:
        check_identifier(body.session_id, "session_id")
    if isinstance(body, RateLimitEvent):
        _complete_windows(body.windows, body.read_at)
    if isinstance(body, StatusLine) and body.rate_limits is not None:
        for name in ("five_hour", "seven_day"):
            limit: RateLimit | None = getattr(body.rate_limits, name)
            if limit is not None:
                _check_reset(datetime.fromtimestamp(limit.resets_at, UTC), body.read_at, f"rate_limits.{name}.resets_at")
    if isinstance(body, SessionFile):
        body.status_updated_at = None if body.status_updated_at is None else _time(body.status_updated_at, "status_updated_at", now)
        body.updated_at = None if body.updated_at is None else _time(body.updated_at, "updated_at", now)


def _time(time: datetime, field: str, now: datetime) -> datetime:
    if problem := objection_to_time(aware(time), now):
        raise invalid(field, problem)
    return aware(time)


def _complete_windows(windows: Sequence[UsageWindow], read_at: datetime) -> None:
    for number, window in enumerate(windows):
        if window.resets_at is not None:
            window.resets_at = aware(window.resets_at)
            _check_reset(window.resets_at, read_at, f"windows.{number}.resets_at")


def _check_reset(resets_at: datetime, read_at: datetime, field: str) -> None:
    if not read_at - _RESET_WITHIN <= resets_at <= read_at + _RESET_WITHIN:
        raise invalid(field, f"is more than {_RESET_WITHIN.days} days from when it was read; check the client's clock")


async def _own(ingest: Ingest, binding: Binding, items: list[_Item]) -> tuple[list[_Item], list[RejectedItem]]:
    """Rejects readings of sessions that Redis knows as another user's. Without an answer in time nothing is known."""
    session_ids = {item.reading.session_id for item in items if item.reading.session_id is not None}
    if binding.user is None or not session_ids:
        return items, []
    found: dict[str, CachedSession] = {}
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(_NAMES_SECONDS):
            in_redis = await ingest.session_cache.find_in_redis(session_ids)
            found = await with_present_names(ingest.session_cache, binding, in_redis)
    foreign = {session_id for session_id, session in found.items() if is_other_users(binding, session)}
    rejected = [_reject(item.index, other_users_session()) for item in items if item.reading.session_id in foreign]
    return [item for item in items if item.reading.session_id not in foreign], rejected


def _reject(index: int, error: ApiError) -> RejectedItem:
    metrics.EVENTS_REFUSED.labels(error.code).inc()
    return RejectedItem(index=index, code=error.code, message=error.message)
