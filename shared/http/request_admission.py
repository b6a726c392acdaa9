"""Checks each request before anything else: the Host header, the page that sent it, the address, and how many are in progress.

Any page in a browser can send requests to this machine, and can point its own name to our address (DNS rebinding). A request under a
name that is not ours, or from a page of another origin, is therefore refused here on every path.
"""

from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.bind_safety import LOOPBACK_NAMES, HttpSettings, comma_list, is_loopback
from shared.http.concurrency import Limits, RequestSlot
from shared.http.errors import ApiError, BadRequest, Forbidden, HostNotAllowed, OriginNotAllowed, Unavailable

_PREFLIGHT_SECONDS: Final = 600
_ALLOWED: Final = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PATCH, DELETE"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key, Prefer, X-Request-ID"),
    (b"access-control-max-age", b"%d" % _PREFLIGHT_SECONDS),
]
_EXPOSED: Final = (
    b"access-control-expose-headers",
    b"Link, Location, Preference-Applied, Retry-After, X-Data-As-Of, X-Request-ID",
)


class Cors:
    """Adds the headers for known origins. Never `*`, never credentials: a page sends its API key in `Authorization`."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self.origins = frozenset(origin.encode("latin-1") for origin in origins)

    async def answer(self, app: ASGIApp, headers: dict[bytes, bytes], scope: Scope, receive: Receive, send: Send) -> None:
        """The app's response, readable for a page of a known origin. A preflight request of one is answered here."""
        origin = headers[b"origin"]
        is_known = origin in self.origins
        # A cache must not reuse a response for another origin, also when this origin has no permission.
        added = [(b"vary", b"Origin"), *([(b"access-control-allow-origin", origin), _EXPOSED] if is_known else [])]

        async def send_with_permission(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        if is_known and scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await send_with_permission({"type": "http.response.start", "status": 204, "headers": list(_ALLOWED)})
            await send({"type": "http.response.body", "body": b""})
        else:
            await app(scope, receive, send_with_permission)


# Methods that change nothing.
READS: Final = frozenset({"GET", "HEAD"})
_OWN_SITE: Final = frozenset({b"same-origin", b"none"})
# A liveness probe ends the process if this fails, so it is answered under any load.
_ALWAYS_ANSWERED: Final = frozenset({"/healthz"})
# Caps the cache of valid Host headers: our names are few, but a client chooses the port.
_HOSTS_CACHED: Final = 1_000


class Admission:
    """ASGI: admits a request or refuses it. `respond` makes the response to an error."""

    def __init__(self, app: ASGIApp, settings: HttpSettings, respond: Callable[[Scope, ApiError], Response]) -> None:
        self._app = app
        self._respond = respond
        own = settings.host.lower()
        self._names = frozenset({*LOOPBACK_NAMES, f"[{own}]" if ":" in own and own[0] != "[" else own, *comma_list(settings.allowed_hosts)})
        self._good_hosts: set[bytes] = set()
        self._cors = Cors(comma_list(settings.cors_origins))
        # A gateway passes on the client's Host header. One with the service's own address does not come from the gateway.
        self._may_use_own_address = settings.behind_gateway == "on"
        # None: any address is fine.
        self._good_addresses: set[str] | None = set() if settings.access == "open" and settings.behind_gateway == "off" else None
        self._limits = Limits.from_settings(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            # There are no WebSockets here, and a browser opens one to any origin without asking first.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._admit(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._limits.requests.is_full and scope["path"] not in _ALWAYS_ANSWERED:
            await self._respond(scope, _too_many())(scope, receive, send)
            return
        slot = scope["request_slot"] = RequestSlot(self._limits)
        try:
            headers = dict(scope["headers"])
            try:
                self._check(scope, headers)
            except ApiError as error:
                await self._respond(scope, error)(scope, receive, send)
                return
            if self._cors.origins and b"origin" in headers:
                await self._cors.answer(self._app, headers, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            slot.release()

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """ApiError if the request must be refused. The usual request costs two look-ups in sets."""
        host = headers.get(b"host", b"")
        if host not in self._good_hosts or len(headers) != len(scope["headers"]):
            self._check_host(scope, host)
        if self._good_addresses is not None and (server := scope.get("server")) and server[0] not in self._good_addresses:
            self._check_address(server[0])
        site = headers.get(b"sec-fetch-site")
        if site in _OWN_SITE:
            return
        if scope["method"] in READS:
            # Another page cannot read the response, but its timing and status would tell what is stored.
            if site is None or is_followed_link(headers) or self._is_known(headers):
                return
        elif b"origin" not in headers and site is None:
            # Not a browser: a browser sends Origin with every request that is not a plain read.
            return
        elif (site is None and headers[b"origin"].partition(b"://")[2].lower() == host.lower()) or self._is_known(headers):
            return
        raise OriginNotAllowed(
            "A page of another origin asked for this; open the tracker under its own address, or name the page's origin in TRACKER_CORS_ORIGINS."
        )

    def _check_host(self, scope: Scope, host: bytes) -> None:
        if sum(name == b"host" for name, _ in scope["headers"]) != 1 or not host:
            raise BadRequest("A request needs exactly one Host header.", details={"Host": "is required, once"})
        name = _without_port(host.decode("latin-1").lower())
        if self._may_use_own_address and name == _address_in(scope):
            # Prometheus finds the replicas by their addresses. A page cannot point a name of its own at an address in the Host header.
            return
        if name not in self._names:
            raise HostNotAllowed(
                f"The tracker is not known as {name[:200]}; ask for it as {', '.join(LOOPBACK_NAMES)}, or name it in TRACKER_ALLOWED_HOSTS.",
                details={"Host": "not allowed"},
            )
        if len(self._good_hosts) < _HOSTS_CACHED:
            self._good_hosts.add(host)

    def _check_address(self, address: str) -> None:
        assert self._good_addresses is not None
        # A path is that of a Unix socket on this machine.
        if not is_loopback(address) and not address.startswith("/"):
            raise Forbidden(
                "The tracker was asked over an address that other machines reach, and it asks nobody for a key; "
                "let it listen on 127.0.0.1, or set TRACKER_ACCESS=keys."
            )
        self._good_addresses.add(address)

    def _is_known(self, headers: dict[bytes, bytes]) -> bool:
        return headers.get(b"origin") in self._cors.origins


def is_followed_link(headers: dict[bytes, bytes]) -> bool:
    """A person follows a link in a window, not in a frame of another page."""
    return headers.get(b"sec-fetch-mode") == b"navigate" and headers.get(b"sec-fetch-dest") == b"document"


def _without_port(host: str) -> str:
    """ "a:1" → "a", "[::1]:1" → "[::1]"; any other text is returned as it is, and matches no allowed host."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and port.isascii() else host


def _address_in(scope: Scope) -> str | None:
    """The address that the request was sent to, as it would be in a Host header."""
    address: str | None = (scope.get("server") or (None,))[0]
    return f"[{address}]" if address and ":" in address else address


def _too_many() -> ApiError:
    return Unavailable("Too many requests are in work; try again in a moment.", code="OVERLOADED")
