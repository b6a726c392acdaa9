"""Decodes OTLP: bytes to Records. Fields that are not read are skipped, as the protocol wants it. Integers may be numbers or texts.

JSON, which Claude Code sends each second, is decoded at once. Protobuf becomes what it is as JSON first, which takes nine times as long.
"""

from base64 import b64decode
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, TypeVar

import msgspec
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from msgspec import Struct
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.ingest.events.decode import parse
from services.ingest.http import json_limits
from services.ingest.telemetry.kept_attributes import WANTED, Attributes, Record, Value
from services.ingest.telemetry.otlp_answers import PROTOBUF
from shared.http.errors import BadRequest, PayloadTooLarge

# As many take about 100 MB. Claude Code's exports have some thousands.
MAX_FIELDS: Final = 500_000
# An empty field.
_LEAST_BYTES: Final = 2
# The most bits of a number; one that goes on beyond them is damaged.
_MOST_BITS: Final = 63
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5


def has_too_many_fields(body: bytes, descriptor: Any) -> bool:
    """Whether a message and those in it have more than MAX_FIELDS fields. A damaged body is counted up to the damage. Takes at most a second."""
    if len(body) <= MAX_FIELDS * _LEAST_BYTES:
        return False
    count = 0
    parts: list[tuple[int, int, Any]] = [(0, len(body), descriptor)]
    while parts:
        at, end, kind = parts.pop()
        while at < end:
            count += 1
            if count > MAX_FIELDS:
                return True
            tag, at = _varint(body, at, end)
            if tag & 7 == _LENGTH:
                length, at = _varint(body, at, end)
                field = kind.fields_by_number.get(tag >> 3)
                if field is not None and field.message_type is not None:
                    parts.append((at, min(at + length, end), field.message_type))
                at += length
            elif tag & 7 == _VARINT:
                _, at = _varint(body, at, end)
            elif tag & 7 in (_FIXED64, _FIXED32):
                at += 8 if tag & 7 == _FIXED64 else 4
            else:
                break
    return False


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    """A number and the place behind it."""
    value = shift = 0
    while at < end:
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128 or shift > _MOST_BITS:
            break
    return value, at


_Integer = int | float | str | None


class _Value(Struct, rename="camel", gc=False):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: _Integer = None
    double_value: float | str | None = None


class _Attribute(Struct, gc=False):
    key: str = ""
    value: _Value | None = None


class _Resource(Struct, gc=False):
    attributes: list[_Attribute] | None = None


class _LogRecord(Struct, rename="camel", gc=False):
    time_unix_nano: _Integer = None
    observed_time_unix_nano: _Integer = None
    event_name: str | None = None
    span_id: str | None = None
    body: _Value | None = None
    attributes: list[_Attribute] | None = None


class _ScopeLogs(Struct, rename="camel", gc=False):
    log_records: list[_LogRecord] | None = None


class _ResourceLogs(Struct, rename="camel", gc=False):
    resource: _Resource | None = None
    scope_logs: list[_ScopeLogs] | None = None


class _Logs(Struct, rename="camel", gc=False):
    resource_logs: list[_ResourceLogs] | None = None


class _Point(Struct, rename="camel", gc=False):
    start_time_unix_nano: _Integer = None
    time_unix_nano: _Integer = None
    as_double: float | str | None = None
    as_int: _Integer = None
    attributes: list[_Attribute] | None = None


class _Sum(Struct, rename="camel", gc=False):
    aggregation_temporality: _Integer = None
    data_points: list[_Point] | None = None


class _Metric(Struct, gc=False):
    name: str = ""
    sum: _Sum | None = None
    gauge: _Sum | None = None


class _ScopeMetrics(Struct, gc=False):
    metrics: list[_Metric] | None = None


class _ResourceMetrics(Struct, rename="camel", gc=False):
    resource: _Resource | None = None
    scope_metrics: list[_ScopeMetrics] | None = None


class _Metrics(Struct, rename="camel", gc=False):
    resource_metrics: list[_ResourceMetrics] | None = None


class _Span(Struct, rename="camel", gc=False):
    span_id: str = ""
    parent_span_id: str = ""
    name: str = ""
    start_time_unix_nano: _Integer = None
    end_time_unix_nano: _Integer = None
    attributes: list[_Attribute] | None = None


class _ScopeSpans(Struct, gc=False):
    spans: list[_Span] | None = None


class _ResourceSpans(Struct, rename="camel", gc=False):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None


class _Traces(Struct, rename="camel", gc=False):
    resource_spans: list[_ResourceSpans] | None = None


T = TypeVar("T")
_logs: Final = msgspec.json.Decoder(_Logs)
_metrics: Final = msgspec.json.Decoder(_Metrics)
_traces: Final = msgspec.json.Decoder(_Traces)


def logs(body: bytes, media_type: bytes) -> Iterator[Record]:
    """The log records of an export. BadRequest if it is no such export."""
    for of_resource in _decoded(body, media_type, _logs, ExportLogsServiceRequest).resource_logs or ():
        shared = _of_resource(of_resource.resource)
        for record in (record for scope in of_resource.scope_logs or () for record in scope.log_records or ()):
            yield Record(
                name=record.event_name or _text(record.body),
                time=_integer(record.time_unix_nano) or _integer(record.observed_time_unix_nano),
                attributes=shared | _attributes(record.attributes, WANTED),
                span_id=_hex(record.span_id, media_type),
            )


def metrics(body: bytes, media_type: bytes) -> Iterator[Record]:
    """The points of an export's sums and gauges. BadRequest if it is no such export."""
    for of_resource in _decoded(body, media_type, _metrics, ExportMetricsServiceRequest).resource_metrics or ():
        shared = _of_resource(of_resource.resource)
        for metric in (metric for scope in of_resource.scope_metrics or () for metric in scope.metrics or ()):
            points = metric.sum or metric.gauge or _Sum()
            for point in points.data_points or ():
                yield Record(
                    name=metric.name,
                    time=_integer(point.time_unix_nano),
                    start=_integer(point.start_time_unix_nano),
                    attributes=shared | _attributes(point.attributes, None),
                    value=_number(point.as_double if point.as_double is not None else point.as_int),
                    temporality=_integer(points.aggregation_temporality),
                )


def spans(body: bytes, media_type: bytes) -> Iterator[Record]:
    """The spans of an export. BadRequest if it is no such export."""
    for of_resource in _decoded(body, media_type, _traces, ExportTraceServiceRequest).resource_spans or ():
        shared = _of_resource(of_resource.resource)
        for span in (span for scope in of_resource.scope_spans or () for span in scope.spans or ()):
            yield Record(
                name=span.name,
                time=_integer(span.end_time_unix_nano),
                start=_integer(span.start_time_unix_nano),
                attributes=shared | _attributes(span.attributes, WANTED),
                span_id=_hex(span.span_id, media_type),
                parent_id=_hex(span.parent_span_id, media_type),
            )


def _decoded(body: bytes, media_type: bytes, decoder: msgspec.json.Decoder[T], kind: type[Message]) -> T:
    if media_type != PROTOBUF:
        json_limits.check_text(body)
        return parse(json_limits.storable(body), decoder)
    message = kind()
    if has_too_many_fields(body, message.DESCRIPTOR):
        raise PayloadTooLarge(f"The export has more than {MAX_FIELDS:,} values; send it in parts.", details={"max_values": MAX_FIELDS})
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise BadRequest("The body is not the export that it says it is, or is cut off; send OTLP as protobuf or JSON.") from error
    return msgspec.convert(MessageToDict(message, use_integers_for_enums=True), decoder.type)


def _hex(span_id: str | None, media_type: bytes) -> str:
    """Ids are hex in OTLP's JSON, and base64 in that of protobuf."""
    return b64decode(span_id or "").hex() if media_type == PROTOBUF else span_id or ""


def _of_resource(resource: _Resource | None) -> Attributes:
    return _attributes(resource.attributes, WANTED) if resource is not None else {}


def _attributes(attributes: Iterable[_Attribute] | None, wanted: Collection[str] | None) -> Attributes:
    found: Attributes = {}
    for attribute in attributes or ():
        if (wanted is None or attribute.key in wanted) and attribute.value is not None:
            value = _value_of(attribute.value)
            if value is not None:
                found[attribute.key] = value
    return found


def _value_of(value: _Value) -> Value | None:
    for each in (value.string_value, value.bool_value, value.int_value, value.double_value):
        if each is not None:
            return each
    return None


def _text(value: _Value | None) -> str:
    return (value.string_value or "") if value is not None else ""


def _integer(value: _Integer) -> int:
    return _converted(int, value) or 0


def _number(value: Any) -> float | None:
    return _converted(float, value)


def _converted(kind: Callable[[Any], T], value: Any) -> T | None:
    try:
        return None if value is None else kind(value)
    except (ValueError, OverflowError):
        return None
