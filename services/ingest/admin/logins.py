"""Logs a browser in and out: a token in a cookie that has the rights of the API key that was shown for it."""

from typing import Final

from fastapi import APIRouter, Request, Response

from services.ingest.dependencies import ingest_of
from services.ingest.http import request_checks, route_documents
from services.ingest.http.responses import LoggedIn, LoggedOut
from shared.auth.authentication import grant_of
from shared.auth.keys import digest_of, id_of, new_key
from shared.auth.login_cookie import clear_cookie, presented_login, require_own_page, set_cookie
from shared.auth.scopes import METRICS, PUBLIC, requires
from shared.http.errors import Unauthorized
from shared.http.middleware import json_response

_DAY_SECONDS: Final = 86_400


router = APIRouter(tags=["keys"])


@router.post("/api/login", summary="Log a browser in with an API key", **route_documents.login(LoggedIn))
@requires(METRICS)
async def login(request: Request) -> Response:
    """Takes the key as `Authorization: Bearer`, and sets a cookie that has the key's rights and no others.

    The cookie is a token of its own. It ends with its key, at its end, or by `DELETE /api/login`. It is taken from the tracker's own pages alone.
    """
    request_checks.check_query(request)
    ingest, grant = ingest_of(request), grant_of(request.scope)
    if ingest.settings.access == "open":
        return json_response(LoggedIn(key_id=None, expires_at=None, message="Access is open here: no key is needed, and no login."))
    assert grant is not None
    if grant.login_id is not None:
        raise Unauthorized("This browser is logged in already; to log in anew send the API key as Authorization: Bearer cct_….")
    # In the form of a key, which redaction knows.
    token, login_id = new_key()
    seconds = ingest.settings.login_days * _DAY_SECONDS
    expires_at = await ingest.keys.log_in(grant.key_id, login_id, digest_of(token.encode()), seconds)
    made = LoggedIn(key_id=grant.key_id, expires_at=expires_at, message="You are logged in.")
    return json_response(made, headers={"Set-Cookie": set_cookie(request.scope, token, seconds)})


# It needs no key, so that an ended login can be cleared too.
@router.delete("/api/login", summary="Log a browser out", **route_documents.login(LoggedOut))
@requires(PUBLIC)
async def logout(request: Request) -> Response:
    """Ends the login of the request's cookie, and deletes the cookie. Without one it changes nothing."""
    request_checks.check_query(request)
    token = presented_login(request.scope)
    if token:
        require_own_page(request.scope)
        login_id = id_of(token.decode("latin-1"))
        if login_id is not None:
            await ingest_of(request).keys.log_out(login_id, digest_of(token))
    return json_response(LoggedOut(), headers={"Set-Cookie": clear_cookie(request.scope)})
