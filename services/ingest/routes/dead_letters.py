"""Routes that replay and delete dead letters. The query service has those that list them."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin.dead_letters import DeadLetterFilter, delete, delete_group, replay, replay_group
from services.ingest.http.responses import DeadLetterDeleted, DeadLetterReplayed, DeadLettersChanged
from services.ingest.routes import route_documents
from shared.auth.scopes import ADMIN, requires

dead_letters = APIRouter(tags=["dead letters"])


@dead_letters.post(
    "/api/dead-letter-groups/replay",
    status_code=202,
    summary="Replay a group of dead letters",
    **route_documents.action(DeadLettersChanged, DeadLetterFilter, status=202),
)
@requires(ADMIN)
async def replay_dead_letters(request: Request) -> Response:
    """Puts up to 500 dead letters of a kind and reason back on the journal, oldest first; `{}` means all. Repeat with `seen_before` until none is left."""
    return await replay_group(request)


@dead_letters.post(
    "/api/dead-letter-groups/delete",
    summary="Delete a group of dead letters",
    **route_documents.action(DeadLettersChanged, DeadLetterFilter),
)
@requires(ADMIN)
async def delete_dead_letters(request: Request) -> Response:
    """Deletes up to 500 dead letters of a kind, a reason or both, oldest first."""
    return await delete_group(request)


@dead_letters.post(
    "/api/dead-letters/{letter_id}/replay",
    status_code=202,
    summary="Replay a dead letter",
    **route_documents.action(DeadLetterReplayed, None, 404, of="letter_id", status=202, can_wait=True),
)
@requires(ADMIN)
async def replay_dead_letter(request: Request) -> Response:
    """Puts a dead letter back on the journal. It stays in the list until its event is stored, which happens once, however often it is replayed."""
    return await replay(request)


@dead_letters.delete(
    "/api/dead-letters/{letter_id}", summary="Delete a dead letter", **route_documents.action(DeadLetterDeleted, None, 404, of="letter_id")
)
@requires(ADMIN)
async def delete_dead_letter(request: Request) -> Response:
    """Deletes a dead letter and its event."""
    return await delete(request)
