"""What an admin does with API keys; to look at them is the query service's."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin import keys as acts
from services.ingest.http.raw_route import RawRoute
from services.ingest.http.responses import KeyCreated, KeyRevoked
from services.ingest.routes import openapi_schemas
from shared.auth.scopes import ADMIN, requires

keys = APIRouter(route_class=RawRoute, tags=["keys"])


@keys.post("/api/keys", status_code=201, **openapi_schemas.json_act(acts.NewKey, KeyCreated, 201))
@requires(ADMIN)
async def create_key(request: Request) -> Response:
    """Makes an API key. The answer has it this once; only its SHA-256 is kept."""
    return await acts.create(request)


@keys.delete("/api/keys/{key_id}", **openapi_schemas.key_act(KeyRevoked))
@requires(ADMIN)
async def revoke_key(request: Request) -> Response:
    """Revokes an API key: within five seconds no process takes it any more."""
    return await acts.revoke(request)
