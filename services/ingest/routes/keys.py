"""Routes that make and revoke API keys. The query service has the one that lists them."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin.keys import NewKey, create, revoke
from services.ingest.http.responses import KeyCreated, KeyRevoked
from services.ingest.routes import route_documents
from shared.auth.scopes import ADMIN, requires

keys = APIRouter(tags=["keys"])


@keys.post("/api/keys", status_code=201, summary="Make an API key", **route_documents.action(KeyCreated, NewKey, status=201))
@requires(ADMIN)
async def create_key(request: Request) -> Response:
    """Makes an API key. Only this answer has it; only its SHA-256 is stored."""
    return await create(request)


@keys.delete("/api/keys/{key_id}", summary="Revoke an API key", **route_documents.action(KeyRevoked, None, 404, of="key_id"))
@requires(ADMIN)
async def revoke_key(request: Request) -> Response:
    """Revokes an API key: within five seconds every process refuses it."""
    return await revoke(request)
