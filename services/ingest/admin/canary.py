"""Accepts the canary. It goes through the steps of any event, but shows a token instead of an API key, and has no session."""

from hmac import compare_digest
from uuid import UUID

import msgspec
from fastapi import Request, Response
from msgspec import Struct

from services.ingest.dependencies import ingest_of
from services.ingest.events.write_event import SINGLE_BODY, admit_write
from services.ingest.http.queue_errors import answering_503
from services.ingest.http.request_checks import headers_of
from services.ingest.journal.append import Entry
from shared.events.messages import ENVELOPE_VERSION, Canary, Envelope, encode_envelope
from shared.http.errors import MethodNotAllowed, invalid
from shared.http.middleware import json_response
from shared.journal.canary import PATH, PROOF_HEADER, PROOF_KEY
from shared.journal.streams import partition_of, stream_key

_CANARY = msgspec.json.Decoder(Canary)


class CanaryAccepted(Struct):
    """The canary is on the journal's disk."""

    id: UUID


async def accept_canary(request: Request) -> Response:
    """201 once it is on the journal's disk. Without the token it answers 405, as if there were no such route; the API document has none."""
    await _check_token(request)
    write = await admit_write(request, SINGLE_BODY)
    try:
        canary = _CANARY.decode(write.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise invalid("body", "must be a canary, as the tracker's worker sends it") from error
    envelope = Envelope(version=ENVELOPE_VERSION, request_id=write.request_id, received_at=write.received_at, events=[], canary=canary)
    # Another partition each time, so that each is tested.
    stream = stream_key(partition_of(str(canary.id), write.ingest.settings.journal_partitions))
    await write.ingest.journal.append([Entry(stream, encode_envelope(envelope), events=1)])
    return json_response(CanaryAccepted(canary.id), 201)


async def _check_token(request: Request) -> None:
    shown = headers_of(request).get(PROOF_HEADER.lower().encode(), b"")
    redis = ingest_of(request).redis
    async with answering_503(redis):
        token = await redis.get(PROOF_KEY)
    if not isinstance(token, bytes) or not compare_digest(shown, token):
        refused = MethodNotAllowed(f"Only the tracker itself may POST to {PATH}; send events to /api/events.")
        refused.headers = {"Allow": "GET, HEAD"}
        raise refused
