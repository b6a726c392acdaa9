"""What a person does with dead letters: put them back on the journal, or delete them.

A replay is an append like any other: it is answered once the letter is on the journal's disk. The letter's row stays as it is until the
worker has stored its event, in the same transaction, or has seen it die again. So nothing is lost or doubled, whoever dies when: a death
between append and mark leaves a letter that may be replayed again, and the event's own id makes one row of both.
"""

import asyncio
from datetime import UTC
from typing import Final
from uuid import UUID

import msgspec
from fastapi import Request, Response
from msgspec import Struct

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.json_body import read_json
from services.ingest.events.wait import Preference, preference_in
from services.ingest.http import request_checks
from services.ingest.http.queue_errors import REDIS_FAILURES
from services.ingest.http.request_checks import AcceptedBody
from services.ingest.http.responses import LetterDeleted, LetterReplayed, LettersChanged, Status
from services.ingest.journal.append import Entry, Position
from services.ingest.postgres import dead_letters
from services.ingest.postgres.audit import Act, act_of
from services.ingest.postgres.dead_letters import Group, Row
from shared.http.concurrency import Place, place_of
from shared.http.errors import NotFound, Unavailable, invalid
from shared.http.middleware import json_response
from shared.journal.dead_letter_envelope import WHOLE_ENTRY, encode_replay, events_in
from shared.journal.streams import partition_of, stream_key
from shared.messages import Time

_BODY: Final = AcceptedBody((b"application/json",), 64 * 1024)


class LetterFilter(Struct, kw_only=True):
    """Which dead letters: of this kind and reason, as GET /api/dead-letters shows them. `seen_before`: as the answer before this one said it."""

    kind: str | None = None
    reason: str | None = None
    seen_before: Time | None = None


_FILTER: Final = msgspec.json.Decoder(LetterFilter)


async def replay(request: Request) -> Response:
    """202: the letter is on the journal again. The same again changes nothing more: its event is stored once."""
    ingest, letter_id = _asked(request)
    ingest.backlog.check()
    place = place_of(request.scope)
    preference = preference_in(request_checks.headers_of(request), place)
    row = await dead_letters.find(ingest.registry, letter_id)
    if row is None:
        raise _no_such_letter()
    if row.is_stored:
        return await _replayed(ingest, row, "persisted", preference)
    positions = await _append(ingest, [row], act_of(request, "dead_letter.replay", letter_id))
    status = await _wait(preference, place, ingest, row, positions)
    return await _replayed(ingest, row, status, preference)


async def replay_group(request: Request) -> Response:
    """202: as many of the group as go at once are on the journal again, oldest first."""
    ingest, wanted = await _asked_group(request)
    ingest.backlog.check()
    rows = await dead_letters.group(ingest.registry, wanted)
    if rows:
        await _append(ingest, rows, _act_of_group(request, "replay", wanted, letters=len(rows)))
    left = await dead_letters.left(ingest.registry, wanted)
    message = f"{len(rows)} letters are on the journal again; {left} are left."
    return json_response(LettersChanged(done=len(rows), left=left, seen_before=wanted.seen_before, message=message), 202)


async def delete(request: Request) -> Response:
    """200: the letter and what died in it are gone."""
    ingest, letter_id = _asked(request)
    if not await dead_letters.delete(ingest.registry, letter_id, act_of(request, "dead_letter.delete", letter_id)):
        raise _no_such_letter()
    return json_response(LetterDeleted(id=letter_id, message="The letter is deleted; what died in it is gone."))


async def delete_group(request: Request) -> Response:
    """200: as many of the group as go at once are gone, oldest first. Asks for a kind or a reason, so that a slip does not delete all."""
    ingest, wanted = await _asked_group(request)
    if wanted.kind is None and wanted.reason is None:
        raise invalid("kind", "say which letters to delete, by kind, reason or both")
    done, left = await dead_letters.delete_group(ingest.registry, wanted, _act_of_group(request, "delete", wanted))
    message = f"{done} letters are deleted; {left} are left."
    return json_response(LettersChanged(done=done, left=left, seen_before=wanted.seen_before, message=message))


async def _replayed(ingest: Ingest, row: Row, status: Status, preference: Preference) -> Response:
    """The answer. Of an entry that could be opened this time, but whose events have died under letters of their own, it names those."""
    letters: list[UUID] = []
    if status == "persisted" and row.letter.kind == WHOLE_ENTRY:
        died = await ingest.registry.died_in([row.letter.journal_entry_id])
        letters = [letter["id"] for letter in died if letter["id"] != row.id]
    if letters:
        status = "dead_letter"
        message = f"Of its events {len(letters)} died again, as letters of their own; see those in letters."
    else:
        message = _MEANINGS[status]
    return json_response(LetterReplayed(id=row.id, status=status, message=message, letters=letters), 202, preference.headers)


_MEANINGS: Final[dict[Status, str]] = {
    "queued": "The letter is on the journal again; it is gone from the list once its event is stored.",
    "persisted": "Its event is stored.",
    "dead_letter": "It died again; its reason says of what.",
}


async def _append(ingest: Ingest, rows: list[Row], act: Act) -> list[Position]:
    """On the journal first, then marked: a mark without an entry would be a promise that nobody keeps. An entry without a mark is replayed too."""
    partitions = ingest.settings.journal_partitions
    entries = [
        Entry(stream_key(partition_of(row.letter.journal_entry_id, partitions)), encode_replay(row.letter), events_in(row.letter))
        for row in rows
    ]
    positions = await ingest.journal.append(entries)
    try:
        await dead_letters.mark_replayed(ingest.registry, [row.id for row in rows], act)
    except Unavailable:
        message = "The letters are on the journal, but that could not be written down; send this again, no event is stored twice."
        raise Unavailable(message, code="DATABASE_UNAVAILABLE") from None
    return positions


async def _wait(preference: Preference, place: Place, ingest: Ingest, before: Row, positions: list[Position]) -> Status:
    """What became of it, if that was to be waited for; "queued" if it is not dealt with in time."""
    if not preference.wait_seconds or not place.move(place.limits.waits):
        return "queued"
    try:
        async with asyncio.timeout(preference.wait_seconds):
            await ingest.entry_watch.until_gone(positions)
            after = await dead_letters.find(ingest.registry, before.id)
    except (TimeoutError, Unavailable, *REDIS_FAILURES):
        return "queued"
    if after is None or after.is_stored:
        return "persisted"
    return "queued" if after.last_seen_at == before.last_seen_at else "dead_letter"


def _act_of_group(request: Request, verb: str, wanted: Group, **more: int) -> Act:
    details = {"kind": wanted.kind, "reason": wanted.reason, "seen_before": wanted.seen_before.isoformat()}
    return act_of(request, f"dead_letter.{verb}", "group", **details, **more)


def _asked(request: Request) -> tuple[Ingest, UUID]:
    request_checks.check_query(request)
    return ingest_of(request), request_checks.uuid_in_path(request, "letter_id")


async def _asked_group(request: Request) -> tuple[Ingest, Group]:
    ingest, wanted = ingest_of(request), await read_json(request, _BODY, _FILTER)
    seen_before = wanted.seen_before or await dead_letters.now(ingest.registry)
    aware = seen_before if seen_before.tzinfo else seen_before.replace(tzinfo=UTC)
    return ingest, Group(aware, wanted.kind, wanted.reason)


def _no_such_letter() -> NotFound:
    return NotFound("There is no dead letter of this id; see /api/dead-letters.", code="DEAD_LETTER_NOT_FOUND")
