"""Exports of Claude Code's telemetry as OTLP/JSON, made up for tests. The samples have what it really sends (one-session/otlp.ndjson)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

START = datetime(2026, 5, 1, 10, tzinfo=UTC)
# The person who is logged in: nothing of it may be stored.
PERSON = {
    "user.id": "8503d5630da702cf",
    "user.email": "ann@example.com",
    "user.account_uuid": "2f9b9a4e-7a4e-4b7a-8f57-0a3f8ce1f7aa",
    "organization.id": "0c6e2a7e-5e2f-4c0c-9f0b-0d6b1c7e4a55",
}


def attribute(key: str, value: Any) -> Json:
    match value:
        case bool():
            return {"key": key, "value": {"boolValue": value}}
        case int():
            return {"key": key, "value": {"intValue": value}}
        case float():
            return {"key": key, "value": {"doubleValue": value}}
        case _:
            return {"key": key, "value": {"stringValue": str(value)}}


def attributes(**values: Any) -> list[Json]:
    """The keyword arguments as attributes; `__` stands for a dot."""
    return [attribute(key.replace("__", "."), value) for key, value in values.items()]


def nanoseconds(at: datetime) -> str:
    return f"{int(at.timestamp() * 1000)}000000"


def event(name: str, sequence: int, *, session: str = "s-1", seconds: float = 0.0, start: datetime = START, **values: Any) -> Json:
    """A log record of an event, so many seconds after the start, as Claude Code writes it."""
    at = start + timedelta(seconds=seconds)
    return {
        "timeUnixNano": nanoseconds(at),
        "observedTimeUnixNano": nanoseconds(at),
        "body": {"stringValue": f"claude_code.{name}"},
        "attributes": [
            *(attribute(key, value) for key, value in PERSON.items()),
            *attributes(session__id=session, terminal__type="xterm", event__name=name),
            *attributes(event__timestamp=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), event__sequence=sequence),
            *attributes(**values),
        ],
        "droppedAttributesCount": 0,
    }


def point(value: float, *, session: str = "s-1", seconds: float = 60.0, since: float = 0.0, **values: Any) -> Json:
    """A point of a metric."""
    return {
        "attributes": [*(attribute(key, value) for key, value in PERSON.items()), *attributes(session__id=session, **values)],
        "startTimeUnixNano": nanoseconds(START + timedelta(seconds=since)),
        "timeUnixNano": nanoseconds(START + timedelta(seconds=seconds)),
        "asDouble": value,
    }


def metric(name: str, *points: Json, temporality: int = 1) -> Json:
    return {
        "name": f"claude_code.{name}",
        "unit": "",
        "sum": {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": list(points)},
    }


def span(name: str, span_id: str, *, parent_id: str = "", seconds: float = 0.0, lasts: float = 1.0, **values: Any) -> Json:
    at = START + timedelta(seconds=seconds)
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": span_id,
        "parentSpanId": parent_id,
        "name": f"claude_code.{name}",
        "startTimeUnixNano": nanoseconds(at),
        "endTimeUnixNano": nanoseconds(at + timedelta(seconds=lasts)),
        "attributes": attributes(**{"session__id": "s-1"} | values),
    }


_RESOURCE = {"attributes": attributes(service__name="claude-code", service__version="2.1.332", os__type="linux")}


def logs(*records: Json) -> Json:
    scope = {"name": "com.anthropic.claude_code.events", "version": "2.1.332"}
    return {"resourceLogs": [{"resource": _RESOURCE, "scopeLogs": [{"scope": scope, "logRecords": list(records)}]}]}


def metrics(*found: Json) -> Json:
    return {"resourceMetrics": [{"resource": _RESOURCE, "scopeMetrics": [{"scope": {"name": "claude_code"}, "metrics": list(found)}]}]}


def traces(*spans: Json) -> Json:
    return {"resourceSpans": [{"resource": _RESOURCE, "scopeSpans": [{"scope": {"name": "tracing"}, "spans": list(spans)}]}]}


def encoded(export: Json) -> bytes:
    return json.dumps(export).encode()
