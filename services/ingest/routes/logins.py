"""Routes that log a browser in and out."""

from fastapi import APIRouter, Request, Response

from services.ingest.admin.logins import log_in, log_out
from services.ingest.http.responses import LoggedIn, LoggedOut
from services.ingest.routes import route_documents
from shared.auth.scopes import METRICS, PUBLIC, requires

logins = APIRouter(tags=["keys"])


@logins.post("/api/login", summary="Log a browser in with an API key", **route_documents.login(LoggedIn))
@requires(METRICS)
async def login(request: Request) -> Response:
    """Takes the key as `Authorization: Bearer`, and sets a cookie that has the key's rights and no others.

    The cookie is a token of its own. It ends with its key, at its end, or by `DELETE /api/login`. It is taken from the tracker's own pages alone.
    """
    return await log_in(request)


@logins.delete("/api/login", summary="Log a browser out", **route_documents.login(LoggedOut))
@requires(PUBLIC)
async def logout(request: Request) -> Response:
    """Ends the login of the request's cookie, and deletes the cookie. Without one it changes nothing."""
    return await log_out(request)
