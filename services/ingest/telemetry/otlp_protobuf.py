"""Decodes OTLP as protobuf: bytes to Records. Only attributes that may be kept are read: to read all of them takes ten times as long as to parse."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from services.ingest.telemetry.kept_attributes import WANTED
from services.ingest.telemetry.protobuf_fields import MAX_FIELDS, has_too_many_fields
from services.ingest.telemetry.telemetry_records import Attributes, Record
from shared.http.errors import BadRequest, PayloadTooLarge

M = TypeVar("M", ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest)
_PLAIN: Final = frozenset({"string_value", "bool_value", "int_value", "double_value"})


def logs(body: bytes) -> Iterator[Record]:
    """The log records of an export. BadRequest if it is no such export."""
    for of_resource in _decoded(body, ExportLogsServiceRequest()).resource_logs:
        shared = _attributes(of_resource.resource.attributes, WANTED)
        for record in (record for scope in of_resource.scope_logs for record in scope.log_records):
            yield Record(
                name=record.event_name or record.body.string_value,
                time=record.time_unix_nano or record.observed_time_unix_nano,
                attributes=shared | _attributes(record.attributes, WANTED),
                span_id=record.span_id.hex(),
            )


def metrics(body: bytes) -> Iterator[Record]:
    """The points of an export's sums and gauges. BadRequest if it is no such export."""
    for of_resource in _decoded(body, ExportMetricsServiceRequest()).resource_metrics:
        shared = _attributes(of_resource.resource.attributes, WANTED)
        for metric in (metric for scope in of_resource.scope_metrics for metric in scope.metrics):
            for point in metric.gauge.data_points if metric.HasField("gauge") else metric.sum.data_points:
                value = point.WhichOneof("value")
                yield Record(
                    name=metric.name,
                    time=point.time_unix_nano,
                    start=point.start_time_unix_nano,
                    attributes=shared | _attributes(point.attributes, None),
                    value=None if value is None else float(getattr(point, value)),
                    temporality=metric.sum.aggregation_temporality,
                )


def spans(body: bytes) -> Iterator[Record]:
    """The spans of an export. BadRequest if it is no such export."""
    for of_resource in _decoded(body, ExportTraceServiceRequest()).resource_spans:
        shared = _attributes(of_resource.resource.attributes, WANTED)
        for span in (span for scope in of_resource.scope_spans for span in scope.spans):
            yield Record(
                name=span.name,
                time=span.end_time_unix_nano,
                start=span.start_time_unix_nano,
                attributes=shared | _attributes(span.attributes, WANTED),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
            )


def _decoded(body: bytes, message: M) -> M:
    if has_too_many_fields(body, message.DESCRIPTOR):
        raise PayloadTooLarge(f"The export has more than {MAX_FIELDS:,} values; send it in parts.", details={"max_values": MAX_FIELDS})
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise BadRequest("The body is not the export that it says it is, or is cut off; send OTLP as protobuf or JSON.") from error
    return message


def _attributes(attributes: Iterable[Any], wanted: Collection[str] | None) -> Attributes:
    found: Attributes = {}
    for attribute in attributes:
        key = attribute.key
        if wanted is None or key in wanted:
            kind = attribute.value.WhichOneof("value")
            if kind in _PLAIN:
                found[key] = getattr(attribute.value, kind)
    return found
