"""Answers of OTLP/HTTP, in the media type of the request: an export's response with a partial success, or an error's Status.

Errors are those of the protocol: 429 and 503 are to be sent again, after the Retry-After that they have. All other 4xx are not.
"""

from typing import Final, Literal

from fastapi import Request, Response
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from shared.http.errors import ApiError
from shared.http.middleware import error_response, json_response

Export = Literal["logs", "metrics", "traces"]
JSON: Final = b"application/json"
PROTOBUF: Final = b"application/x-protobuf"
# The answer to an export, and what the rejected records are called in it.
_ANSWERS: Final[dict[Export, tuple[type[Message], str]]] = {
    "logs": (ExportLogsServiceResponse, "rejectedLogRecords"),
    "metrics": (ExportMetricsServiceResponse, "rejectedDataPoints"),
    "traces": (ExportTraceServiceResponse, "rejectedSpans"),
}
# The codes of a Status (google.rpc.Code) by HTTP's; UNKNOWN for others.
_CODES: Final = {400: 3, 401: 16, 403: 7, 408: 4, 413: 8, 415: 3, 429: 8, 503: 14}
_UNKNOWN: Final = 2


def export_response(export: Export, media_type: bytes, rejected: int, message: str) -> Response:
    """200: all was taken, or all but the rejected ones, which are not to be sent again."""
    kind, name = _ANSWERS[export]
    answer = {"partialSuccess": {name: str(rejected), "errorMessage": message}} if rejected else {}
    if media_type == PROTOBUF:
        return _protobuf(ParseDict(answer, kind()).SerializeToString())
    return json_response(answer)


def failure_response(request: Request, media_type: bytes, error: ApiError) -> Response:
    """An error. As JSON it is the tracker's own, which has the `message` of a Status too."""
    response = error_response(request.scope, error)
    if media_type == PROTOBUF:
        return _protobuf(_status(_CODES.get(error.status, _UNKNOWN), error.message), error.status, error.headers)
    return response


def _protobuf(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers, PROTOBUF.decode())


def _status(code: int, message: str) -> bytes:
    """A google.rpc.Status: field 1 is the code, field 2 the message. The package has no class of it."""
    text = message.encode()
    return bytes((1 << 3, code, 2 << 3 | 2)) + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*digits, number))
