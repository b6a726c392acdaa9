"""CORS headers for pages of the origins in TRACKER_CORS_ORIGINS. Other origins get none."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
