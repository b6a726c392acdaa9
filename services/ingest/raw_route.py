"""FastAPI for documentation, Starlette for speed: routes and an app that pass the bare request along.

FastAPI's dependencies, response models, exit stacks and telemetry cost more than all that a write does, and are not used here.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class RawRoute(APIRoute):
    """Documented as FastAPI's routes are; calls `endpoint(request)` and sends the Response that it returns."""

    def __init__(self, path: str, endpoint: Callable[[Request], Awaitable[Response]], **options: Any) -> None:
        super().__init__(path, endpoint, **options)

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            response = await endpoint(Request(scope, receive))
            await response(scope, receive, send)

        self.app = answer


class RawApp(FastAPI):
    """An app of RawRoutes: around the router there is what renders errors, and the middleware that was added."""

    def build_middleware_stack(self) -> ASGIApp:
        """Called once, by Starlette, before the first request."""
        app: ASGIApp = ExceptionMiddleware(self.router, handlers=self.exception_handlers)
        for middleware, args, options in reversed(self.user_middleware):
            app = middleware(app, *args, **options)
        return app
