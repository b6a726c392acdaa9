"""`POST /api/hooks`, from request to answer. Claude Code may wait for the answer, so nothing here asks Postgres, unless `Prefer: wait` does.

The answer says nothing, since Claude Code would read what is in it. A hook that cannot be used is counted and dropped. Only of a key that is bound to a
user it is asked whose the sessions are, for a moment.
"""

import asyncio
import time
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import msgspec
from fastapi import Request, Response
from msgspec import Raw, Struct
from msgspec.structs import replace

from services.ingest.capture.capture_request import machine_of, query_of, user_of
from services.ingest.capture.wait_read import headers_when_read, hooks_read
from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.decode import check_identifier, parse
from services.ingest.events.event_ids import derived_id, new_id
from services.ingest.events.key_binding import binding_of, is_other_users, other_users_session, with_users
from services.ingest.events.redact_events import without_secrets
from services.ingest.events.session_cache import CachedSession
from services.ingest.events.wait import preference_in
from services.ingest.http import backend_deadline, json_limits, request_checks
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.journal.append import AROUND_AN_ITEM, captured_entries
from shared import metrics
from shared.claude_formats.hook_kinds import DROPPED, KEPT, OTHER
from shared.events.messages import Binding, HookPayload, SessionId
from shared.events.plausible import objection_to_time
from shared.http.concurrency import slot_of
from shared.http.errors import ApiError, BadRequest, Forbidden, PayloadTooLarge, Unavailable
from shared.http.middleware import request_id_of

MAX_PAYLOAD_BYTES: Final = 1024**2
# For hooks of kinds that nothing knows.
UNKNOWN_SECONDS: Final = 60.0
MAX_UNKNOWN_KINDS: Final = 100
MAX_UNKNOWN_FIELDS: Final = 100


class _Hook(Struct):
    """The fields that ingest reads of a payload. `tracker_at`: when the hook ran, as the sender knows it."""

    session_id: SessionId
    hook_event_name: str
    tracker_at: str | None = None


class Hook(Struct, frozen=True):
    """A payload that can be kept. `text` is its JSON on one line."""

    session_id: str
    kind: str
    occurred_at: datetime
    id: UUID
    text: bytes


_hook: Final = msgspec.json.Decoder(_Hook)
_whole: Final = msgspec.json.Decoder(Raw)
_fields: Final = msgspec.json.Decoder(dict[str, Raw])


def lines_of(body: bytes, media_type: bytes) -> list[bytes]:
    """The payloads of a body, each on one line: one JSON object, whatever its layout, or NDJSON."""
    if not media_type.endswith(b"/x-ndjson"):
        try:
            _whole.decode(body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            pass
        else:
            # In JSON, a line feed can only stand between values.
            return [body.replace(b"\n", b" ").strip()]
    return json_limits.lines_of(body)


def decode(line: bytes, machine_id: str, now: datetime) -> Hook:
    """The hook of one line. ApiError if it is not JSON, too large, or no hook's payload."""
    if len(line) > MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge(f"A hook's payload may have {MAX_PAYLOAD_BYTES} bytes, this has {len(line)}.")
    json_limits.check_text(line)
    text = json_limits.storable(line)
    hook = parse(text, _hook)
    json_limits.check_depth(text)
    check_identifier(hook.session_id, "session_id")
    # With its time, a payload that is sent again is the same. Without, a session may say the same thing twice.
    hook_id = derived_id("hook", machine_id, line.decode()) if hook.tracker_at else new_id()
    return Hook(hook.session_id, hook.hook_event_name, _time_of(hook.tracker_at, now), hook_id, text)


def _time_of(text: str | None, now: datetime) -> datetime:
    """The time that a sender names; now, if it names none or one that cannot be true. A wrong clock must not keep the hook out."""
    if text is None:
        return now
    try:
        time = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return now
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return now if objection_to_time(aware, now) else aware.astimezone(UTC)


class UnknownKinds:
    """Lets a hook of a kind that nothing knows pass now and then, so that the worker counts its name. It may come many times a second."""

    def __init__(self) -> None:
        self._passed: OrderedDict[str, float] = OrderedDict()

    def may_pass(self, kind: str, now: float) -> bool:
        """Once a minute for each kind; a hundred kinds are told apart. `now`: seconds of a steady clock."""
        passed = self._passed.get(kind)
        if kind in DROPPED or (passed is not None and now < passed + UNKNOWN_SECONDS):
            return False
        self._passed[kind] = now
        self._passed.move_to_end(kind)
        if len(self._passed) > MAX_UNKNOWN_KINDS:
            self._passed.popitem(last=False)
        return True


def names_alone(hook: Hook) -> Hook:
    """The hook with the names of its fields and no value of them."""
    names = dict.fromkeys(list(_fields.decode(hook.text))[:MAX_UNKNOWN_FIELDS])
    text = msgspec.json.encode(names | {"session_id": hook.session_id, "hook_event_name": hook.kind})
    return replace(hook, text=text)


def label_of(kind: str) -> str:
    """The kind as a metric's label."""
    return kind if kind in KEPT or kind in DROPPED else OTHER


# A hook may keep Claude Code waiting.
_OWNER_SECONDS: Final = 0.2
BODY: Final = AcceptedBody((b"application/json", b"application/x-ndjson"), 16 * 1024**2)

_ACCEPTED: Final = metrics.EVENTS_ACCEPTED.labels("hook")
_ACCEPTED_OF_KIND: Final = {kind: metrics.HOOKS.labels(kind, "accepted") for kind in KEPT}
_ACCEPTED_OF_OTHERS: Final = metrics.HOOKS.labels(OTHER, "accepted")
# This process'.
_unknown_kinds: Final = UnknownKinds()


async def write_hooks(request: Request) -> Response:
    """204 once the hooks are on the journal's disk, or if there is nothing to keep of them. With `Prefer: wait=N`, once they can be read."""
    ingest = ingest_of(request)
    ingest.backlog.check()
    headers = request_checks.headers_of(request)
    user = user_of(request, query_of(request, ("user",)))
    machine_id = machine_of(headers)
    media_type = request_checks.media_type_of(headers, BODY)
    request_checks.check_declared_size(headers, BODY.max_bytes)
    body = await request_checks.read_body(request, max_bytes=BODY.max_bytes, seconds=ingest.settings.body_seconds)
    backend_deadline.begin()
    now = datetime.now(UTC)
    hooks = await _own(ingest, binding_of(request), _decode(lines_of(body, media_type), machine_id, now))
    hooks = await _kept(ingest, hooks, user)
    texts = [hook.text for hook in hooks]
    if ingest.settings.redact and texts:
        texts = (await without_secrets(b"\n".join(texts))).split(b"\n")
    bound_user = binding_of(request).user
    kept = [_message(hook, text, machine_id, user, bound_user) for hook, text in zip(hooks, texts, strict=True)]
    answer_headers = None
    if kept:
        partitions = ingest.settings.journal_partitions
        positions = await ingest.journal.append(
            captured_entries(
                kept,
                [len(hook.payload) + AROUND_AN_ITEM for hook in kept],
                request_id=request_id_of(request),
                received_at=now,
                partitions=partitions,
            )
        )
        _ACCEPTED.inc(len(kept))
        for hook in hooks:
            _ACCEPTED_OF_KIND.get(hook.kind, _ACCEPTED_OF_OTHERS).inc()
        slot = slot_of(request.scope)
        answer_headers = await headers_when_read(
            slot, preference_in(headers, slot), lambda: hooks_read(ingest, positions, [hook.id for hook in hooks])
        )
    return Response(status_code=204, headers=answer_headers)


def _decode(lines: list[bytes], machine_id: str, now: datetime) -> list[Hook]:
    """The hooks to keep; of those that nothing knows, now and then the names of their fields.

    A line that is not JSON is dropped: it must not keep out those behind it. The only line is refused, with the reason.
    """
    if not lines:
        raise BadRequest("The body is empty; send a hook's payload as Claude Code gives it.", code="INVALID_JSON")
    kept: list[Hook] = []
    for line in lines:
        try:
            hook = decode(line, machine_id, now)
        except ApiError as error:
            if len(lines) == 1:
                raise
            metrics.EVENTS_REFUSED.labels(error.code).inc()
            continue
        if hook.kind in KEPT:
            kept.append(hook)
        elif _unknown_kinds.may_pass(hook.kind, time.monotonic()):
            kept.append(names_alone(hook))
        else:
            metrics.HOOKS.labels(label_of(hook.kind), "dropped").inc()
    return kept


async def _own(ingest: Ingest, binding: Binding, hooks: list[Hook]) -> list[Hook]:
    """Without those of sessions that are known to be another user's; Forbidden for the only one. The worker refuses what is not known here."""
    if binding.user is None or not hooks:
        return hooks
    found: dict[str, CachedSession] = {}
    # Without an answer of Postgres in time, nothing more is known.
    with suppress(Unavailable, TimeoutError):
        async with asyncio.timeout(_OWNER_SECONDS):
            found = await with_users(ingest.session_cache, binding, await ingest.session_cache.find({hook.session_id for hook in hooks}))
    own = [hook for hook in hooks if (session := found.get(hook.session_id)) is None or not is_other_users(binding, session)]
    if not own and len(hooks) == 1:
        raise other_users_session()
    for _ in range(len(hooks) - len(own)):
        metrics.EVENTS_REFUSED.labels(Forbidden.code).inc()
    return own


async def _kept(ingest: Ingest, hooks: list[Hook], user: str | None) -> list[Hook]:
    """Without those of what was erased; Gone if nothing is left. The worker leaves out what is not known here."""
    gone = await ingest.tombstones.known_among([*(("session", hook.session_id) for hook in hooks), ("user", user)])
    kept = [hook for hook in hooks if ("session", hook.session_id) not in gone and ("user", user) not in gone]
    if len(kept) < len(hooks):
        refusal = next(iter(gone.values()))
        if not kept:
            raise refusal
        metrics.EVENTS_REFUSED.labels(refusal.code).inc(len(hooks) - len(kept))
    return kept


def _message(hook: Hook, text: bytes, machine_id: str, user: str | None, bound_user: str | None) -> HookPayload:
    return HookPayload(
        id=hook.id,
        session_id=hook.session_id,
        payload=text.decode(),
        occurred_at=hook.occurred_at,
        machine_id=machine_id,
        user=user,
        bound_user=bound_user,
    )
