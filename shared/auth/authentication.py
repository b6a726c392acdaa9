"""Checks the key, or the login, of each request against the scopes that its route requires. The same for both services."""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as RequestScope

from shared.auth.failed_tries import FailedTries
from shared.auth.key_cache import KeyCache
from shared.auth.keys import NO_ADMIN_KEY, Grant
from shared.auth.login_cookie import presented_login, require_own_page
from shared.auth.route_scopes import RequiredByPath
from shared.auth.scopes import PUBLIC, Required
from shared.http.api_document import no_such_operation
from shared.http.bind_safety import Access
from shared.http.errors import ApiError, Forbidden, Unauthorized, Unavailable
from shared.http.middleware import error_response

log = structlog.get_logger()

# Set by the gateway (deploy/gateway/forward.conf), whatever the client sent.
CLIENT_ADDRESS_HEADER: Final = b"x-real-ip"


class NoAdminKey(Exception):
    """A service refuses to start; the message says what to do."""


async def require_admin_key(access: Access, has_admin: Callable[[], Awaitable[bool]]) -> None:
    """NoAdminKey if keys are needed and none could make others. Not checked while the database is away, when requests are refused anyway."""
    if access != "keys":
        return
    try:
        is_there = await has_admin()
    except Unavailable:
        log.warning("admin_key_not_looked_for")
        return
    if not is_there:
        raise NoAdminKey(NO_ADMIN_KEY)


class AccessControl:
    """ASGI: refuses a request whose key lacks the scope, and with a valid key 404 or 405 where no route is: no scope helps there.

    The ASGI scope of other requests has `key`, the grant of the key or login; `grant`, its side that answers here (Grant.answering); and
    `presented`, its name in the cache. All are None without a key.
    """

    def __init__(self, app: ASGIApp, access: Access, keys: KeyCache, required: RequiredByPath, *, is_behind_gateway: bool = False) -> None:
        """`required` gives what a request's method and path need (required_by_path). The gateway tells the address of the client."""
        self._app = app
        self._needs_key = access == "keys"
        self._keys = keys
        self._required = required
        self._tries = FailedTries()
        self._is_behind_gateway = is_behind_gateway

    async def __call__(self, scope: RequestScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                scope["presented"], scope["key"], scope["grant"] = await self._grants(scope)
            except ApiError as error:
                await error_response(scope, error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _grants(self, scope: RequestScope) -> tuple[bytes | None, Grant | None, Grant | None]:
        presented = presented_key(scope)
        if presented is None and not self._needs_key:
            # Nor does a login that a browser still has matter.
            return None, None, None
        required = self._required(scope["method"], scope["path"])
        if required is not None and required.scopes == PUBLIC:
            return None, None, None
        if presented is not None:
            grant = await self._tried(presented, scope)
            if grant.login_id is not None:
                raise Unauthorized("This is the cookie of a login; send an API key instead.", challenge='Bearer error="invalid_token"')
        else:
            presented, grant = await self._login(scope)
        if required is None:
            # The app is not asked: where its routing is laxer than ours, a request would pass without a scope.
            raise no_such_operation(scope["method"], scope["path"])
        match required.lacked_by(grant):
            case "scope":
                raise _insufficient_scope(grant, required)
            case "binding":
                raise Forbidden(
                    f"{scope['path']} is of all projects and users together, and this key is for some; use a key that is not bound."
                )
        return presented, grant, grant.answering(required.scopes)

    async def _login(self, scope: RequestScope) -> tuple[bytes, Grant]:
        """The login of a request that presents no key."""
        presented = presented_login(scope)
        if not presented:
            raise Unauthorized("This needs an API key: send it as Authorization: Bearer cct_… (tracker: --token, or TRACKER_TOKEN).")
        require_own_page(scope)
        try:
            grant = await self._tried(presented, scope)
        except Unauthorized:
            grant = None
        if grant is None or grant.login_id is None:
            raise Unauthorized("This login has ended, or its key was revoked; log in again with an API key.")
        return presented, grant

    async def _tried(self, presented: bytes, scope: RequestScope) -> Grant:
        """The grant of a key or login. Unauthorized if it has none, TooManyTries if too many had none before."""
        if self._keys.is_known(presented):
            return await self._keys.grant_of(presented)
        address = address_of(scope, is_behind_gateway=self._is_behind_gateway)
        self._tries.check(address)
        try:
            return await self._keys.grant_of(presented)
        except Unauthorized:
            self._tries.add(address)
            raise


def address_of(scope: RequestScope, *, is_behind_gateway: bool) -> str:
    """The client's address. Behind the gateway it is the one that the gateway sends; else that of the connection, empty on a Unix socket."""
    if is_behind_gateway:
        found = next((value for name, value in scope["headers"] if name == CLIENT_ADDRESS_HEADER), b"")
        if found:
            return bytes(found).decode("latin-1")
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else ""


def presented_key(scope: RequestScope) -> bytes | None:
    """The key of the Authorization header; None without a header or with another scheme."""
    found: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found is not None:
                raise Unauthorized("There are two Authorization headers; send one.", challenge='Bearer error="invalid_request"')
            found = value
    if found is None:
        return None
    kind, _, presented = found.partition(b" ")
    return bytes(presented.strip()) if kind.lower() == b"bearer" else None


def _insufficient_scope(grant: Grant, required: Required) -> Forbidden:
    needed = sorted(required.scopes | required.also)
    error = Forbidden(
        f"This needs a key with the scope {required.names}, and this one has {', '.join(sorted(grant.scopes))}; ask whoever runs the tracker for one.",
        details={"needed": needed, "has": sorted(grant.scopes)},
    )
    error.headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(needed)}"'}
    return error


def grant_of(scope: RequestScope) -> Grant | None:
    """The rights of a request: its key's or login's grant, or the side of it that answers here. None for a request without one."""
    grant: Grant | None = scope.get("grant")
    return grant


def key_of(scope: RequestScope) -> Grant | None:
    """The whole grant of the request's key or login; None for a request without one."""
    key: Grant | None = scope.get("key")
    return key


def presented_by(scope: RequestScope) -> bytes | None:
    """The key or login that the request has its grant by: what a stream asks the cache for, again and again."""
    presented: bytes | None = scope.get("presented")
    return presented


def actor_of(scope: RequestScope) -> str:
    """For the audit log: the id of the request's key, or `open` without one."""
    grant = grant_of(scope)
    return grant.key_id if grant else "open"
