"""Who gets in, before anything else is looked at: under which name, from whose page, over which address, and how many at once.

Any page that a browser shows can send requests to this machine, and can give its own name our address (DNS rebinding). A request under
a name that is not ours, or from a page that is not ours, is refused here, whatever its path.
"""

from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.http.bind_safety import LOOPBACK_NAMES, ReachSettings, comma_list, is_loopback
from shared.http.concurrency import Limits, Place
from shared.http.cors import Cors
from shared.http.errors import ApiError, BadRequest, Forbidden, HostNotAllowed, OriginNotAllowed, Unavailable

_READS: Final = frozenset({"GET", "HEAD"})
_OWN_SITE: Final = frozenset({b"same-origin", b"none"})
# Asked by whoever decides to end the process, so answered also when there is too much to do.
_ALWAYS_ANSWERED: Final = frozenset({"/healthz"})
# Host headers that were found good. There are as many as there are names and ports of ours, but a client chooses the port.
_HOSTS_REMEMBERED: Final = 1_000


class Admission:
    """ASGI: lets a request in or refuses it. `refuse` makes the answer of an error."""

    def __init__(self, app: ASGIApp, settings: ReachSettings, refuse: Callable[[Scope, ApiError], Response]) -> None:
        self._app = app
        self._refuse = refuse
        own = settings.host.lower()
        self._names = frozenset({*LOOPBACK_NAMES, f"[{own}]" if ":" in own and own[0] != "[" else own, *comma_list(settings.allowed_hosts)})
        self._good_hosts: set[bytes] = set()
        self._cors = Cors(comma_list(settings.cors_origins))
        # A gateway passes on the name that it was asked under. Asked under the service's own address, it was not the gateway's client.
        self._is_known_by_address = settings.behind_gateway == "on"
        # None: over whichever address.
        self._good_addresses: set[str] | None = set() if settings.access == "open" and settings.behind_gateway == "off" else None
        self._limits = Limits.of(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            # Nothing here speaks WebSocket, and a browser asks nobody before it opens one.
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._admit(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._limits.requests.is_full and scope["path"] not in _ALWAYS_ANSWERED:
            await self._refuse(scope, _too_many())(scope, receive, send)
            return
        place = scope["place"] = Place(self._limits)
        try:
            headers = dict(scope["headers"])
            try:
                self._check(scope, headers)
            except ApiError as error:
                await self._refuse(scope, error)(scope, receive, send)
                return
            if self._cors.origins and b"origin" in headers:
                await self._cors.answer(self._app, headers, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            place.leave()

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """ApiError if the request must not come in. The usual one costs two look-ups in sets."""
        host = headers.get(b"host", b"")
        if host not in self._good_hosts or len(headers) != len(scope["headers"]):
            self._check_host(scope, host)
        if self._good_addresses is not None and (server := scope.get("server")) and server[0] not in self._good_addresses:
            self._check_address(server[0])
        site = headers.get(b"sec-fetch-site")
        if site in _OWN_SITE:
            return
        if scope["method"] in _READS:
            # An answer is unreadable to another page, but how long it takes and whether there is one would tell of what is stored.
            if site is None or _is_followed_link(headers) or self._is_known(headers):
                return
        elif b"origin" not in headers and site is None:
            # No browser; one names the origin of whatever is not a plain read.
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
        if self._is_known_by_address and name == _address_in(scope):
            # As Prometheus does, which finds the replicas by their addresses. An address is no name that a page can give to us.
            return
        if name not in self._names:
            raise HostNotAllowed(
                f"The tracker is not known as {name[:200]}; ask for it as {', '.join(LOOPBACK_NAMES)}, or name it in TRACKER_ALLOWED_HOSTS.",
                details={"Host": "not allowed"},
            )
        if len(self._good_hosts) < _HOSTS_REMEMBERED:
            self._good_hosts.add(host)

    def _check_address(self, address: str) -> None:
        assert self._good_addresses is not None
        # A path is that of a socket of this machine's.
        if not is_loopback(address) and not address.startswith("/"):
            raise Forbidden(
                "The tracker was asked over an address that other machines reach, and it asks nobody for a key; "
                "let it listen on 127.0.0.1, or set TRACKER_ACCESS=keys."
            )
        self._good_addresses.add(address)

    def _is_known(self, headers: dict[bytes, bytes]) -> bool:
        return headers.get(b"origin") in self._cors.origins


def _is_followed_link(headers: dict[bytes, bytes]) -> bool:
    """Somebody goes to the page himself, in a window: not in a frame of another page's."""
    return headers.get(b"sec-fetch-mode") == b"navigate" and headers.get(b"sec-fetch-dest") == b"document"


def _without_port(host: str) -> str:
    """ "a:1" → "a", "[::1]:1" → "[::1]"; what has no form like that stays, and is no name of ours."""
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdecimal() and port.isascii() else host


def _address_in(scope: Scope) -> str | None:
    """The address that the request was sent to, as a Host header has it."""
    address: str | None = (scope.get("server") or (None,))[0]
    return f"[{address}]" if address and ":" in address else address


def _too_many() -> ApiError:
    return Unavailable("Too many requests are in work; try again in a moment.", code="OVERLOADED")
