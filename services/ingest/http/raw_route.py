"""FastAPI for documentation, plain ASGI for speed: routes and an app that pass the bare request along.

FastAPI's dependencies, response models, exit stacks and telemetry cost more than all that a write does, and are not used here.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.http.errors import ApiError
from shared.http.middleware import refusal


class RawRoute(APIRoute):
    """Documented as FastAPI's routes are; calls `endpoint(request)` and sends the Response that it returns."""

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **options: Any) -> None:
        super().__init__(path, endpoint, **options)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive))
            await response(scope, receive, send)

        self.app = answer


class DirectRoutes:
    """ASGI: finds a route whose path has no parameters by one look-up. Everything else goes to the framework.

    Trying the routes in turn, through the layers that render the framework's own errors, costs a write 15 µs of 110.
    """

    def __init__(self, routes: Iterable[BaseRoute], otherwise: ASGIApp) -> None:
        self._otherwise = otherwise
        fixed = [route for route in routes if isinstance(route, RawRoute) and "{" not in route.path]
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
            response = refusal(scope, error)
        await response(scope, receive, send)


class RawApp(FastAPI):
    """An app of RawRoutes: around the routes there is what renders errors, and the middleware that was added."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Past FastAPI's and Starlette's own for requests: those look for telemetry, which is off, for 1 µs of a write's 55."""
        if scope["type"] == "http" and self.middleware_stack is not None:
            scope["app"] = self
            await self.middleware_stack(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        """Called once, by Starlette, before the first request."""
        app: ASGIApp = DirectRoutes(self.routes, ExceptionMiddleware(self.router, handlers=self.exception_handlers))
        for middleware, args, options in reversed(self.user_middleware):
            app = middleware(app, *args, **options)
        return app
