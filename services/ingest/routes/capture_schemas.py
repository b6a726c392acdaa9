"""The OpenAPI description of live capture's routes. deploy/openapi_errors.py adds the error bodies."""

from typing import Any, Final

from msgspec import Struct

from services.ingest.capture.write_range import MAX_FILE_NAME
from services.ingest.capture.write_readings import MAX_READINGS
from services.ingest.http.examples import EXPORTS, HOOK, RANGE_LINES, READINGS
from services.ingest.http.route_documents import answer_of, errors_of
from services.ingest.telemetry.kept_signals import NO_SESSION
from shared.events.messages import NO_CONTROL_CHARACTERS

_ERRORS: Final = (400, 403, 405, 408, 413, 415, 500, 503)
_NAME: Final = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": NO_CONTROL_CHARACTERS["pattern"]}
_NUMBER: Final = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
_FILE: Final = {
    "type": "string",
    "maxLength": MAX_FILE_NAME,
    "pattern": r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*\.jsonl$",
}
_HOOK: Final = {
    "type": "object",
    "required": ["session_id", "hook_event_name"],
    "additionalProperties": True,
    "description": "What Claude Code gives a hook, as it is.",
    "properties": {
        "session_id": _NAME,
        "hook_event_name": {"type": "string"},
        "tracker_at": {"type": ["string", "null"], "description": "When the hook ran, ISO 8601. Now, if it is left out."},
    },
}
_MACHINE: Final = {
    "name": "X-Tracker-Machine",
    "in": "header",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{0,64}$"},
    "description": "The id of the machine on which the file is, or the hook ran.",
}
_PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`wait=N` answers when what was sent can be read, after N seconds at most (up to 30). If it can, the answer has"
    " `Preference-Applied: wait=N`.",
}


def hooks_write() -> dict[str, Any]:
    """The route that takes hooks."""
    content = {"application/json": {"schema": _HOOK, "example": HOOK}, "application/x-ndjson": _lines_of("payload")}
    parameters = [_MACHINE, _PREFER, _query("user", _NAME, "Whose hooks they are.")]
    return _documented(content, parameters, {204: {"description": "The hooks are on disk. There is no body."}})


def readings_write(answer: type[Struct]) -> dict[str, Any]:
    """The route that takes readings."""
    reading = {
        "type": "object",
        "required": ["type", "read_at", "machine_id"],
        "additionalProperties": True,
        "description": "A `status_line`, `usage_cache`, `rate_limit_event` or `session_file`. Fields that the tracker does not know are dropped.",
        "properties": {
            "type": {"enum": ["status_line", "usage_cache", "rate_limit_event", "session_file"]},
            "read_at": {"type": "string", "description": "When it was read, ISO 8601."},
            "machine_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
            "user": _NAME
            | {"type": ["string", "null"], "description": "Whose machine it is. Of a key that is bound to a user it is that user."},
        },
    }
    content = {
        "application/json": {"schema": {"type": "array", "items": reading, "maxItems": MAX_READINGS}, "example": READINGS},
        "application/x-ndjson": _lines_of("reading"),
    }
    return _documented(content, [_PREFER], {200: answer_of(answer, "How many are on disk, and which were rejected.")})


def range_write(answer: type[Struct]) -> dict[str, Any]:
    """The route that takes ranges of transcripts."""
    lines = {"type": "string", "description": "Whole lines: at most 1 MiB, or one line of up to 16 MiB."}
    parameters = [
        {"name": "session_id", "in": "path", "required": True, "schema": _NAME, "description": "The session's id."},
        _query("file", _FILE, "`SESSION.jsonl`, or a path below the session's folder, as `subagents/agent-1.jsonl`.", is_required=True),
        _query("offset", _NUMBER, "Where the range begins, in bytes of the file on its machine.", is_required=True),
        _query("end", _NUMBER, "Where it ends there. Needed if the body is redacted and so has another length."),
        _query("generation", _NUMBER, "Counts how often the file was written anew; a higher one begins at offset 0."),
        _query("user", _NAME, "Whose session it is."),
        _MACHINE,
        _PREFER,
    ]
    content = {"application/octet-stream": {"schema": lines, "example": RANGE_LINES}, "application/x-ndjson": {"schema": lines}}
    return _documented(content, parameters, {200: answer_of(answer, "On disk, or known before.")}, 409)


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
    answers = {
        "application/json": {"schema": answer, "example": example},
        "application/x-protobuf": {"schema": {"type": "string", "format": "binary"}},
    }
    parameters = [_MACHINE, _query("user", _NAME, "Whose sessions they are.")]
    return _documented(content, parameters, {200: {"description": "What is kept of it is on disk.", "content": answers}})


def _documented(content: dict[str, Any], parameters: list[dict[str, Any]], successes: dict[int, Any], *errors: int) -> dict[str, Any]:
    return {
        "openapi_extra": {"requestBody": {"content": content, "required": True}, "parameters": parameters},
        "responses": successes | errors_of(*_ERRORS, *errors),
    }


def _lines_of(what: str) -> dict[str, Any]:
    return {"schema": {"type": "string", "description": f"NDJSON: one {what} a line."}}


def _query(name: str, schema: dict[str, Any], description: str, *, is_required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": is_required, "schema": schema, "description": description}
