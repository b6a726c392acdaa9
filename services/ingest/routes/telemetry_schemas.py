"""The OpenAPI description of OpenTelemetry's routes. deploy/openapi_errors.py adds the error bodies."""

from typing import Any, Final

from services.ingest.http.examples import EXPORTS
from services.ingest.routes.capture_schemas import MACHINE, USER
from services.ingest.telemetry.kept_signals import NO_SESSION

_ERRORS: Final = (400, 403, 405, 408, 413, 415, 500, 503)
_NAMES: Final = {
    "logs": ("resourceLogs", "ExportLogsServiceRequest", "rejectedLogRecords"),
    "metrics": ("resourceMetrics", "ExportMetricsServiceRequest", "rejectedDataPoints"),
    "traces": ("resourceSpans", "ExportTraceServiceRequest", "rejectedSpans"),
}


def export(kind: str) -> dict[str, Any]:
    """The documentation of the route that takes exports of this kind."""
    resources, message, rejected = _NAMES[kind]
    schema = {
        "type": "object",
        "additionalProperties": True,
        "description": f"OTLP's {message} as JSON.",
        "properties": {resources: {"type": ["array", "null"], "items": {"type": "object", "additionalProperties": True}}},
    }
    answer = {
        "type": "object",
        "properties": {
            "partialSuccess": {
                "type": "object",
                "description": "Only if some were not taken. They are not to be sent again.",
                "properties": {rejected: {"type": "string", "pattern": "^[0-9]+$"}, "errorMessage": {"type": "string"}},
                "required": [rejected, "errorMessage"],
            }
        },
    }
    example = {"partialSuccess": {rejected: "1", "errorMessage": NO_SESSION}}
    content = {
        "application/json": {"schema": schema, "example": EXPORTS[kind]},
        "application/x-protobuf": {"schema": {"type": "string", "format": "binary", "description": f"OTLP's {message} as protobuf."}},
    }
    return {
        "openapi_extra": {
            "requestBody": {"content": content, "required": True},
            "parameters": [MACHINE, USER],
        },
        "responses": {
            200: {
                "description": "What is kept of it is on disk.",
                "content": {
                    "application/json": {"schema": answer, "example": example},
                    "application/x-protobuf": {"schema": {"type": "string", "format": "binary"}},
                },
            },
            **{code: {} for code in _ERRORS},
        },
    }
