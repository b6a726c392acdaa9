"""Admins replay dead letters, which puts them back on the journal, or delete them.

A replay is an append like any other: it is answered once the dead letter is on the journal's disk. The row stays as it is until the worker has stored
the event, in the same transaction, or has seen it die again. So a crash loses and doubles nothing: after one between append and mark, the dead letter
can be replayed again, and the event's own id makes one row of both.
"""

import asyncio
from datetime import UTC
from typing import Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Struct

from services.ingest.dependencies import Ingest, ingest_of
from services.ingest.events.json_body import read_json
from services.ingest.events.wait import Preference, preference_in
from services.ingest.http import request_checks, route_documents
from services.ingest.http.queue_errors import REDIS_FAILURES
from services.ingest.http.responses import DeadLetterDeleted, DeadLetterReplayed, DeadLettersChanged, Status
from services.ingest.journal.append import Entry, Position
from services.ingest.postgres.admin import dead_letters
from services.ingest.postgres.admin.dead_letters import Group, Row
from services.ingest.postgres.audit import AuditRecord, audit_record
from services.ingest.postgres.events import outcomes
from shared.auth.scopes import ADMIN, requires
from shared.events.messages import Time
from shared.http.concurrency import RequestSlot, slot_of
from shared.http.errors import NotFound, Unavailable, invalid
from shared.http.middleware import json_response
from shared.journal.dead_letter_envelope import WHOLE_ENTRY, encode_replay, events_in
from shared.journal.streams import partition_of, stream_key


class DeadLetterFilter(Struct, kw_only=True):
    """Which dead letters: of this kind and reason, as GET /api/dead-letters shows them. `seen_before`: the value of the previous answer."""

    kind: str | None = None
    reason: str | None = None
    seen_before: Time | None = None


_FILTER: Final = msgspec.json.Decoder(DeadLetterFilter)


router = APIRouter(tags=["dead letters"])


@router.post(
    "/api/dead-letters/{letter_id}/replay",
    status_code=202,
    summary="Replay a dead letter",
    **route_documents.action(DeadLetterReplayed, None, 404, of="letter_id", status=202, can_wait=True),
)
@requires(ADMIN)
async def replay_dead_letter(request: Request) -> Response:
    """Puts a dead letter back on the journal. It stays in the list until its event is stored, which happens once, however often it is replayed."""
    ingest, letter_id = _read_path(request)
    ingest.backlog.check()
    slot = slot_of(request.scope)
    preference = preference_in(request_checks.headers_of(request), slot)
    row = await dead_letters.find(ingest.database, letter_id)
    if row is None:
        raise _not_found()
    if row.is_stored:
        return await _replayed(ingest, row, "persisted", preference)
    positions = await _append(ingest, [row], audit_record(request, "dead_letter.replay", letter_id))
    status = await _wait(preference, slot, ingest, row, positions)
    return await _replayed(ingest, row, status, preference)


@router.post(
    "/api/dead-letter-groups/replay",
    status_code=202,
    summary="Replay a group of dead letters",
    **route_documents.action(DeadLettersChanged, DeadLetterFilter, status=202),
)
@requires(ADMIN)
async def replay_dead_letters(request: Request) -> Response:
    """Puts up to 500 dead letters of a kind and reason back on the journal, oldest first; `{}` means all. Repeat with `seen_before` until none is left."""
    ingest, group = await _read_group(request)
    ingest.backlog.check()
    rows = await dead_letters.find_group(ingest.database, group)
    if rows:
        await _append(ingest, rows, _group_record(request, "replay", group, letters=len(rows)))
    left = await dead_letters.count_left(ingest.database, group)
    message = f"{len(rows)} dead letters are on the journal again; {left} are left."
    return json_response(DeadLettersChanged(done=len(rows), left=left, seen_before=group.seen_before, message=message), 202)


@router.delete(
    "/api/dead-letters/{letter_id}", summary="Delete a dead letter", **route_documents.action(DeadLetterDeleted, None, 404, of="letter_id")
)
@requires(ADMIN)
async def delete_dead_letter(request: Request) -> Response:
    """Deletes a dead letter and its event."""
    ingest, letter_id = _read_path(request)
    if not await dead_letters.delete(ingest.database, letter_id, audit_record(request, "dead_letter.delete", letter_id)):
        raise _not_found()
    return json_response(DeadLetterDeleted(id=letter_id, message="The dead letter is deleted, and its event with it."))


@router.post(
    "/api/dead-letter-groups/delete",
    summary="Delete a group of dead letters",
    **route_documents.action(DeadLettersChanged, DeadLetterFilter),
)
@requires(ADMIN)
async def delete_dead_letters(request: Request) -> Response:
    """Deletes up to 500 dead letters of a kind, a reason or both, oldest first."""
    ingest, group = await _read_group(request)
    # So that a slip does not delete all.
    if group.kind is None and group.reason is None:
        raise invalid("kind", "say which dead letters to delete, by kind, reason or both")
    done, left = await dead_letters.delete_group(ingest.database, group, _group_record(request, "delete", group))
    message = f"{done} dead letters are deleted; {left} are left."
    return json_response(DeadLettersChanged(done=done, left=left, seen_before=group.seen_before, message=message))


async def _replayed(ingest: Ingest, row: Row, status: Status, preference: Preference) -> Response:
    """The answer. A whole entry may have been readable this time, but its events died as dead letters of their own: then it names those."""
    letters: list[UUID] = []
    if status == "persisted" and row.letter.kind == WHOLE_ENTRY:
        died = await outcomes.dead_letters_of(ingest.database, [row.letter.journal_entry_id])
        letters = [letter["id"] for letter in died if letter["id"] != row.id]
    if letters:
        status = "dead_letter"
        message = f"{len(letters)} of its events died again, as dead letters of their own; see those in letters."
    else:
        message = _MEANINGS[status]
    return json_response(DeadLetterReplayed(id=row.id, status=status, message=message, letters=letters), 202, preference.headers)


_MEANINGS: Final[dict[Status, str]] = {
    "queued": "The dead letter is on the journal again; it leaves the list once its event is stored.",
    "persisted": "Its event is stored.",
    "dead_letter": "It died again; see its reason.",
}


async def _append(ingest: Ingest, rows: list[Row], record: AuditRecord) -> list[Position]:
    """Appends to the journal first, then marks the rows: a row that is marked but in no entry would never be stored. An unmarked one is replayed too."""
    partitions = ingest.settings.journal_partitions
    entries = [
        Entry(stream_key(partition_of(row.letter.journal_entry_id, partitions)), encode_replay(row.letter), events_in(row.letter))
        for row in rows
    ]
    positions = await ingest.journal.append(entries)
    try:
        await dead_letters.mark_replayed(ingest.database, [row.id for row in rows], record)
    except Unavailable:
        message = "The dead letters are on the journal, but the database did not confirm that; send this again, no event is stored twice."
        raise Unavailable(message, code="DATABASE_UNAVAILABLE") from None
    return positions


async def _wait(preference: Preference, slot: RequestSlot, ingest: Ingest, before: Row, positions: list[Position]) -> Status:
    """The dead letter's status after the replay, if the request has `Prefer: wait`; else, or if it takes longer, "queued"."""
    if not preference.wait_seconds or not slot.move_to(slot.limits.waits):
        return "queued"
    try:
        async with asyncio.timeout(preference.wait_seconds):
            await ingest.entry_watch.until_gone(positions)
            after = await dead_letters.find(ingest.database, before.id)
    except (TimeoutError, Unavailable, *REDIS_FAILURES):
        return "queued"
    if after is None or after.is_stored:
        return "persisted"
    return "queued" if after.last_seen_at == before.last_seen_at else "dead_letter"


def _group_record(request: Request, verb: str, group: Group, **more: int) -> AuditRecord:
    details = {"kind": group.kind, "reason": group.reason, "seen_before": group.seen_before.isoformat()}
    return audit_record(request, f"dead_letter.{verb}", "group", **details, **more)


def _read_path(request: Request) -> tuple[Ingest, UUID]:
    return ingest_of(request), request_checks.uuid_in_path(request, "letter_id")


async def _read_group(request: Request) -> tuple[Ingest, Group]:
    ingest, wanted = ingest_of(request), await read_json(request, _FILTER)
    seen_before = wanted.seen_before or await dead_letters.now(ingest.database)
    aware = seen_before if seen_before.tzinfo else seen_before.replace(tzinfo=UTC)
    return ingest, Group(aware, wanted.kind, wanted.reason)


def _not_found() -> NotFound:
    return NotFound("There is no dead letter with this id; see /api/dead-letters.", code="DEAD_LETTER_NOT_FOUND")
