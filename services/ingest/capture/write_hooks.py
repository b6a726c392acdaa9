"""`POST /api/hooks`, from request to answer. Claude Code may wait for the answer, so nothing here asks Postgres, unless `Prefer: wait` does.

The answer says nothing, since Claude Code would read what is in it. A hook that cannot be used is counted and dropped. Only of a key that is bound to a
user it is asked whose the sessions are, for a moment.
"""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from fastapi import Request, Response

from services.ingest.capture import hook_payloads
from services.ingest.capture.capture_request import machine_of, query_of, user_of
from services.ingest.capture.hook_payloads import Hook, UnknownKinds
from services.ingest.capture.redact_lines import without_secrets
from services.ingest.capture.wait_read import headers_when_read, hooks_read
from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.key_binding import binding_of, is_other_users, other_users_session, with_users
from services.ingest.events.session_cache import CachedSession
from services.ingest.events.wait import preference_in
from services.ingest.http import backend_deadline, request_checks
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.journal.append import AROUND_AN_ITEM, captured_entries
from shared import metrics
from shared.claude_formats.hook_kinds import KEPT, OTHER
from shared.events.messages import Binding, HookPayload
from shared.http.concurrency import slot_of
from shared.http.errors import ApiError, BadRequest, Forbidden, Unavailable
from shared.http.middleware import request_id_of

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
    hooks = await _own(ingest, binding_of(request), _decode(hook_payloads.lines_of(body, media_type), machine_id, now))
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
            hook = hook_payloads.decode(line, machine_id, now)
        except ApiError as error:
            if len(lines) == 1:
                raise
            metrics.EVENTS_REFUSED.labels(error.code).inc()
            continue
        if hook.kind in KEPT:
            kept.append(hook)
        elif _unknown_kinds.may_pass(hook.kind, time.monotonic()):
            kept.append(hook_payloads.names_alone(hook))
        else:
            metrics.HOOKS.labels(hook_payloads.label_of(hook.kind), "dropped").inc()
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
