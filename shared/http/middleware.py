"""The steps that both services share for each request: admission, the error body, X-Request-ID, the access log and its metrics."""

import re
import time
from collections.abc import Callable
from functools import cache
from secrets import token_hex
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from shared import metrics
from shared.http.api_document import no_such_operation
from shared.http.bind_safety import HttpSettings, check_host_setting
from shared.http.errors import ApiError, BadRequest, PayloadTooLarge
from shared.http.request_admission import Admission
from shared.http.response_headers import security_headers
from shared.redaction.redact import redact_text

log = structlog.get_logger()

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
# UUIDs and numbers, which are no secrets: the usual ids cost nothing to check.
_PLAIN_REQUEST_ID = re.compile(r"[0-9a-f-]{1,36}")
_encode = msgspec.json.Encoder().encode


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response. msgspec encodes datetimes in UTC with `Z` and UUIDs as strings."""
    return Response(_encode(content), status, headers, "application/json")


def error_response(scope: Scope, error: ApiError) -> Response:
    """The response to a request that failed. Its code goes into the log and the metrics too."""
    scope["error_code"] = error.code
    return json_response(error.body(), error.status, error.headers)


def install(app: FastAPI, service: str, settings: HttpSettings) -> None:
    """Adds admission, the error body for every failure (FastAPI's own too), and outermost the request context.

    UnsafeBind if other machines could reach the tracker without an API key.
    """
    check_host_setting(settings)

    async def on_api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return error_response(request.scope, error)

    async def on_validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await on_api_error(request, _from_validation(error, _parameter_names(request)))

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code in (404, 405):
            # The framework knows only this service's routes, of which one whose last parameter takes slashes matches more than the API has.
            return await on_api_error(request, no_such_operation(request.method, request.url.path))
        response = await on_api_error(request, _from_http(error))
        response.headers.update(error.headers or {})
        return response

    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    # The middleware added last is outermost.
    app.add_middleware(Admission, settings=settings, respond=error_response)
    app.add_middleware(RequestContext, service=service)


def _parameter_names(request: Request) -> list[str]:
    """The query parameters that the request's route takes."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    models = [field.field_info.annotation for field in dependant.query_params] if dependant else []
    return [name for model in models if isinstance(model, type) and issubclass(model, BaseModel) for name in model.model_fields]


def _from_validation(error: RequestValidationError, parameters: list[str]) -> ApiError:
    details = {".".join(str(part) for part in e["loc"][1:]) or str(e["loc"][0]): _reason(e, parameters) for e in error.errors()}
    field, reason = next(iter(details.items()), ("request", "not valid"))
    return BadRequest(f"{field}: {reason}", details=details)


def _reason(error: dict[str, Any], parameters: list[str]) -> str:
    """FastAPI's reason. FastAPI counts a text as a list; this counts characters. For an unknown parameter, it lists the allowed ones."""
    if error["type"] == "extra_forbidden":
        return f"is not a parameter of this path; it takes {', '.join(parameters)}"
    if isinstance(error["input"], str) and error["type"] in ("too_short", "too_long"):
        bounds = error["ctx"]
        return (
            f"must have at least {bounds['min_length']} character"
            if "min_length" in bounds
            else (f"must have at most {bounds['max_length']} characters, this has {len(error['input'])}")
        )
    return str(error["msg"])


def _from_http(error: HTTPException) -> ApiError:
    if error.status_code == 413:
        return PayloadTooLarge(str(error.detail))
    wrapped = BadRequest(str(error.detail))
    wrapped.status = error.status_code
    return wrapped


class RequestContext:
    """ASGI: sets the request id and the security headers, measures and logs the request, and turns a crash into the 500 body."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = scope["request_id"] = _request_id(scope)
        started = time.perf_counter()
        status = 500
        has_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal status, has_started
            if message["type"] == "http.response.start":
                has_started = True
                status = message["status"]
                headers = message["headers"]
                message["headers"] = [*headers, (b"x-request-id", request_id.encode()), *security_headers(headers)]
            await send(message)

        bound = bind_contextvars(request_id=request_id)
        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            log.exception("request_crashed", route=_route_of(scope))
            response = error_response(scope, _crash(request_id))
            if not has_started:
                await response(scope, receive, send_with_id)
        finally:
            self._log(scope, status, time.perf_counter() - started)
            reset_contextvars(**bound)

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route_of(scope)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        count, observe = _meters(self.service, method, route, status)
        count()
        observe(seconds)
        if status >= 400:
            code = scope.get("error_code", "UNKNOWN")
            metrics.ERRORS.labels(self.service, code).inc()
            log.warning("request_refused", method=method, route=route, status=status, code=code, duration_ms=round(seconds * 1000, 1))


def _route_of(scope: Scope) -> str:
    """The template of the path: a path itself may have names in it."""
    route: str = getattr(scope.get("route"), "path", "unknown")
    return route


@cache
def _meters(service: str, method: str, route: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
    """The functions that count a response and observe its time. Looking them up by label each time is 3 % of a write's CPU (ADR 43)."""
    return metrics.HTTP_REQUESTS.labels(service, method, route, status).inc, metrics.HTTP_SECONDS.labels(service, route).observe


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _crash(request_id: str) -> ApiError:
    return ApiError(f"Something broke here, not in your request; report it with request id {request_id}.")


def _is_sane(request_id: str) -> bool:
    """It goes into logs, rows and the journal, so it may not be a key that somebody has put into the wrong header."""
    return _SANE_REQUEST_ID.fullmatch(request_id) is not None and redact_text(request_id) is request_id


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            candidate: str = value.decode("latin-1")
            if _PLAIN_REQUEST_ID.fullmatch(candidate) or _is_sane(candidate):
                return candidate
    return token_hex(16)


def request_id_of(request: Request) -> str:
    """The id in this request's response, log lines and journal entries."""
    request_id: str = request.scope["request_id"]
    return request_id
