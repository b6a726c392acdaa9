"""Answers of OTLP/HTTP, in the media type of the request: an export's response with a partial success, or an error's Status."""

from typing import Any, Final, Literal

from fastapi import Request, Response

from shared.http.errors import ApiError
from shared.http.middleware import error_response, json_response

Export = Literal["logs", "metrics", "traces"]

JSON: Final = b"application/json"
# What the rejected records are called.
_REJECTED: Final = {"logs": "rejectedLogRecords", "metrics": "rejectedDataPoints", "traces": "rejectedSpans"}


def export_response(export: Export, rejected: int, message: str) -> Response:
    """200: all was taken, or all but the rejected ones, which are not to be sent again."""
    partial: dict[str, Any] = {"partialSuccess": {_REJECTED[export]: str(rejected), "errorMessage": message}} if rejected else {}
    return json_response(partial)


def failure_response(request: Request, error: ApiError) -> Response:
    """An error. As JSON it is the tracker's own, which has the `message` of a Status too."""
    return error_response(request.scope, error)
