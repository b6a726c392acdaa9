"""What both services show outward identically: who is let in, the error body, X-Request-ID, the access log and its metrics."""

import os
import re
import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from typing import Any

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics
from shared.http.api_document import methods_by_path
from shared.http.bind_safety import ReachSettings, check_reach
from shared.http.errors import ApiError, BadRequest, MethodNotAllowed, NotFound, PayloadTooLarge
from shared.http.request_admission import Admission
from shared.http.response_headers import JSON, protection

log = structlog.get_logger()

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
_encode = msgspec.json.Encoder().encode

# Under this name structlog puts it into every line of the log; binding it by structlog's own means costs 3 µs, setting it 0.1 µs.
_REQUEST_ID: ContextVar[Any] = ContextVar(f"{structlog.contextvars.STRUCTLOG_KEY_PREFIX}request_id", default=Ellipsis)


class JsonResponse(Response):
    """Starlette's Response for JSON that is encoded already, without the 3 µs in which it finds out what its headers are."""

    media_type = "application/json"

    def __init__(self, body: bytes, status: int, headers: dict[str, str] | None) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), JSON]
        if headers:
            self.raw_headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def json_response(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer. msgspec encodes datetimes in UTC with `Z` and UUIDs as strings."""
    return JsonResponse(_encode(content), status, headers)


def error_response(error: ApiError) -> Response:
    """The one error body."""
    return json_response(error.body(), error.status, error.headers)


def refusal(scope: Scope, error: ApiError) -> Response:
    """The answer to a request that failed; its code word goes into the log and the metrics too."""
    scope["error_code"] = error.code
    return error_response(error)


def install(app: FastAPI, service: str, reach: ReachSettings) -> None:
    """Gives an app its door, the error body for every failure, the framework's own included, and the request context around it all.

    NotReachable if other machines would reach it and nobody were asked for a key.
    """
    check_reach(reach)
    methods_of = methods_by_path()

    async def on_api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return refusal(request.scope, error)

    async def on_validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await on_api_error(request, _from_validation(error))

    async def on_http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        methods = methods_of(request.url.path) if error.status_code in (404, 405) else []
        answer = await on_api_error(request, _from_http(request, error, methods))
        answer.headers.update(error.headers or {})
        if methods:
            answer.headers["Allow"] = ", ".join(methods)
        return answer

    app.add_exception_handler(ApiError, on_api_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    # What is added last is outermost.
    app.add_middleware(Admission, settings=reach, refuse=refusal)
    app.add_middleware(RequestContext, service=service)


def _from_validation(error: RequestValidationError) -> ApiError:
    details = {".".join(str(part) for part in e["loc"][1:]) or str(e["loc"][0]): _reason(e) for e in error.errors()}
    field, reason = next(iter(details.items()), ("request", "not valid"))
    return BadRequest(f"{field}: {reason}", details=details)


def _reason(error: dict[str, Any]) -> str:
    """As the framework says it; of a text, which it counts as a list, in characters; of a parameter that there is not, what to do."""
    if error["type"] == "extra_forbidden":
        return "is not a parameter of this path; see /docs for those it takes"
    if isinstance(error["input"], str) and error["type"] in ("too_short", "too_long"):
        bounds = error["ctx"]
        return (
            f"must have at least {bounds['min_length']} character"
            if "min_length" in bounds
            else (f"must have at most {bounds['max_length']} characters, this has {len(error['input'])}")
        )
    return str(error["msg"])


def _from_http(request: Request, error: HTTPException, methods: list[str]) -> ApiError:
    """`methods`: what the path takes in the whole API, the other service's included."""
    path, method = request.url.path[:200], request.method
    match error.status_code:
        case 404 if not methods:
            return NotFound(f"There is nothing at {path}; see /docs for what there is.")
        case 404 | 405:
            return MethodNotAllowed(f"{path} does not take {method}; see /docs for what it takes.")
        case 413:
            return PayloadTooLarge(str(error.detail))
        case _:
            wrapped = BadRequest(str(error.detail))
            wrapped.status = error.status_code
            return wrapped


class RequestContext:
    """ASGI: gives the request its id and the answer what protects it, times and logs it, and turns a crash into the 500 body."""

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
        answering = False

        async def send_with_id(message: Message) -> None:
            nonlocal status, answering
            if message["type"] == "http.response.start":
                answering = True
                status = message["status"]
                headers = message["headers"]
                message["headers"] = [*headers, (b"x-request-id", request_id.encode()), *protection(headers)]
            await send(message)

        bound = _REQUEST_ID.set(request_id)
        try:
            await self.app(scope, receive, send_with_id)
        except Exception:
            log.exception("request_crashed", path=scope["path"])
            scope["error_code"] = ApiError.code
            if not answering:
                await error_response(_crash(request_id))(scope, receive, send_with_id)
        finally:
            self._account(scope, status, time.perf_counter() - started)
            _REQUEST_ID.reset(bound)

    def _account(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unknown")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        count, observe = _meters(self.service, method, route, status)
        count()
        observe(seconds)
        if status >= 400:
            code = scope.get("error_code", "UNKNOWN")
            metrics.ERRORS.labels(self.service, code).inc()
            log.warning("request_refused", method=method, route=route, status=status, code=code, duration_ms=round(seconds * 1000, 1))


@cache
def _meters(service: str, method: str, route: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
    """What counts an answer and notes its time. Finding them by their labels costs 6 µs; there are as many as there are metrics."""
    return metrics.HTTP_REQUESTS.labels(service, method, route, status).inc, metrics.HTTP_SECONDS.labels(service, route).observe


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _crash(request_id: str) -> ApiError:
    return ApiError(f"Something broke here, not in your request; report it with request id {request_id}.")


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            candidate: str = value.decode("latin-1")
            if _SANE_REQUEST_ID.fullmatch(candidate):
                return candidate
    return os.urandom(16).hex()


def request_id_of(request: Request) -> str:
    """The id that this request's answer, logs and journal entries carry."""
    request_id: str = request.scope["request_id"]
    return request_id
