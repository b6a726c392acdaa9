"""Conversations, activities and tool calls, one a request: the hot path. Nothing here waits but for one append to the journal."""

from fastapi import Request, Response

from services.ingest.events.decode import E, event_id
from services.ingest.events.decode_and_redact import event_of
from services.ingest.events.ownership import check_owner, give_user, user_of
from services.ingest.events.session_inference import only_open_session
from services.ingest.events.write_event import ONE_EVENT, Write, keep_one, receive
from services.ingest.http.idempotency import new_id
from services.ingest.http.responses import EventAccepted
from shared.event_kinds import KINDS
from shared.http.middleware import json_response
from shared.messages import Event


async def accept_event(request: Request, struct: type[E]) -> Response:
    """Body to answer: 201 once the event is on the journal's disk."""
    write = await receive(request, ONE_EVENT)
    event = await event_of(write, struct)
    give_user(write, [event])
    event.id = event.id or write.derived_id() or new_id()
    is_inferred = event.session_id is None
    await _give_session(write, event)
    status = await keep_one(write, event, inferred=(event_id(event),) if is_inferred else ())
    return json_response(EventAccepted(id=event_id(event), session_id=event.session_id, status=status), 201, write.preference.headers)


async def _give_session(write: Write, event: Event) -> None:
    """Checks that the event's session exists and is for this key; one of a kind that may name none gets the only open one."""
    if event.session_id is not None:
        await check_owner(write, event.session_id, await write.ingest.sessions.get(event.session_id))
    elif KINDS[type(event)].joins_open_session:
        event.session_id = await only_open_session(write, user_of(event))
