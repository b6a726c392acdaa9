"""A request finds its route by one look-up of method and path. FastAPI serves all other paths, and describes all of them.

Endpoints take the bare request and return a Response: they use no dependencies and no response models of FastAPI's.
"""

from collections.abc import Iterable

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.http.errors import ApiError
from shared.http.middleware import error_response


class DirectRoutes:
    """ASGI: calls the endpoint of a path without parameters. All other requests go to `otherwise`.

    FastAPI tries its routes in turn and adds two exit stacks: 15 % of a write's CPU (ADR 43).
    """

    def __init__(self, routes: Iterable[BaseRoute], otherwise: ASGIApp) -> None:
        self._otherwise = otherwise
        fixed = [route for route in routes if isinstance(route, APIRoute) and "{" not in route.path]
        self._routes = {(method, route.path): route for route in fixed for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None:
            await self._otherwise(scope, receive, send)
            return
        scope["route"] = route
        try:
            response = await route.endpoint(Request(scope, receive))
        except ApiError as error:
            response = error_response(scope, error)
        await response(scope, receive, send)


class DirectApp(FastAPI):
    """An app whose requests pass only the middleware that was added, then DirectRoutes.

    FastAPI's own stack adds error pages, telemetry and a body limit: 7 % of a write's CPU (ADR 43).
    """

    def build_middleware_stack(self) -> ASGIApp:
        """Called once, by Starlette, before the first request."""
        by_framework = ExceptionMiddleware(AsyncExitStackMiddleware(self.router), handlers=self.exception_handlers)
        app: ASGIApp = DirectRoutes(self.routes, by_framework)
        for middleware, args, options in reversed(self.user_middleware):
            app = middleware(app, *args, **options)
        return app
