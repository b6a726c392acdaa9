"""A person who opens an address that there is not gets the dashboard, which says so and leads on. Programs get the API's 404."""

from typing import Final

from fastapi.responses import FileResponse
from starlette.applications import Starlette
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from services.query.http import dashboard_files

# The header that a browser sends for the address line and for links, and programs do not send by default.
_PAGE: Final = b"text/html"
# Paths of programs: the API, its description, scripts of the page, and what the gateway answers.
_NOT_FOR_PEOPLE: Final = ("/api/", "/assets/", "/docs", "/openapi.json", "/flower", "/healthz", "/readyz", "/metrics")


class UnknownPage:
    """ASGI: answers a read of a path without a route, by a browser's window, with the dashboard and status 404.

    It stands before the check of keys: the page holds no data, and its scripts ask for a login.
    """

    def __init__(self, app: ASGIApp, routes_of: Starlette) -> None:
        self._app = app
        self._routes_of = routes_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._is_unknown_page(scope):
            page = FileResponse(dashboard_files.PAGE, 404, media_type="text/html", headers=dashboard_files.PAGE_HEADERS)
            await page(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_unknown_page(self, scope: Scope) -> bool:
        if scope["method"] not in ("GET", "HEAD") or scope["path"].startswith(_NOT_FOR_PEOPLE):
            return False
        if not any(name == b"accept" and _PAGE in value for name, value in scope["headers"]):
            return False
        return all(route.matches(scope)[0] is Match.NONE for route in self._routes_of.routes)
