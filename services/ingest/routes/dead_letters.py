"""What can be done with dead letters; to look at them is the query service's."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import dead_letters as acts
from services.ingest.http.raw_route import RawRoute
from services.ingest.http.responses import LetterDeleted, LetterReplayed, LettersChanged
from services.ingest.routes import openapi_schemas
from shared.auth.scopes import ADMIN, requires

dead_letters = APIRouter(route_class=RawRoute, tags=["dead letters"])


@dead_letters.post("/api/dead-letter-groups/replay", status_code=202, **openapi_schemas.letters_act(LettersChanged, 202))
@requires(ADMIN)
async def replay_letters(request: Request) -> Response:
    """Puts up to 500 waiting letters of a kind and reason back on the journal, oldest first; `{}` is any. Again with `seen_before` until none is left."""
    return await acts.replay_group(request)


@dead_letters.post("/api/dead-letter-groups/delete", **openapi_schemas.letters_act(LettersChanged, 200))
@requires(ADMIN)
async def delete_letters(request: Request) -> Response:
    """Deletes up to 500 waiting letters of a kind, a reason or both, oldest first."""
    return await acts.delete_group(request)


@dead_letters.post("/api/dead-letters/{letter_id}/replay", status_code=202, **openapi_schemas.letter_act(LetterReplayed, 202))
@requires(ADMIN)
async def replay_letter(request: Request) -> Response:
    """Puts a letter back on the journal. It stays a letter until its event is stored, once, however often this is asked for."""
    return await acts.replay(request)


@dead_letters.delete("/api/dead-letters/{letter_id}", **openapi_schemas.letter_act(LetterDeleted, 200))
@requires(ADMIN)
async def delete_letter(request: Request) -> Response:
    """Deletes a letter and what died in it."""
    return await acts.delete(request)
