"""Any export is either refused with a reason, or the attributes that are kept of it are listed, bounded and storable."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.telemetry import otlp_records
from services.ingest.telemetry.kept_attributes import EVENTS, MAX_CHARACTERS, MAX_INTEGER, MAX_NUMBER, METRICS, SPANS, Record
from services.ingest.telemetry.kept_signals import Found, signals_of_logs, signals_of_metrics, signals_of_spans
from services.ingest.telemetry.otlp_answers import JSON, PROTOBUF
from shared.events.messages import ENVELOPE_VERSION, Envelope, decode_envelope, encode_envelope
from shared.http.errors import BadRequest
from tests.telemetry import event, logs, metric, metrics, point, span, traces

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LISTED = EVENTS | METRICS | SPANS

HUGE = [10**4000, -(10**4000), 2**63, "9" * 4000, "9" * 5000, 1e308, -1e308, "NaN", "Infinity", "-1", "", "0x10", "1e3", True, None, [], {}]
scalars = st.one_of(st.sampled_from(HUGE), st.text(max_size=300), st.integers(), st.floats(allow_nan=False, allow_infinity=False))
values = st.one_of(
    st.builds(
        lambda kind, value: {kind: value}, st.sampled_from(["stringValue", "intValue", "doubleValue", "boolValue", "arrayValue"]), scalars
    ),
    st.none(),
    scalars,
)
names = st.sampled_from(
    sorted({"session.id", "event.name", "event.timestamp", "event.sequence", "tool_use_id", "tool_parameters"}.union(*EVENTS.values()))
)
attributes = st.lists(st.builds(lambda key, value: {"key": key, "value": value}, names, values), max_size=12)
times = st.one_of(scalars, st.sampled_from(["1795686725060000000", 1795686725060000000]))


def broken(data: st.DataObject, record: dict[str, Any], *time_fields: str) -> dict[str, Any]:
    """A record with attributes and times of which some are absurd."""
    changed = record | {"attributes": record["attributes"] + data.draw(attributes)}
    return changed | {field: data.draw(times) for field in data.draw(st.sets(st.sampled_from(time_fields)))}


def read(decode: Callable[[bytes, bytes], Iterable[Record]], keep: Callable[[Iterable[Record], datetime], Found], export: Any) -> Found:
    try:
        return keep(decode(json.dumps(export).encode(), JSON), NOW)
    except BadRequest:
        return Found()


def assert_storable(found: Found) -> None:
    envelope = Envelope(version=ENVELOPE_VERSION, request_id="r", received_at=NOW, events=[], signals=found.signals)
    assert decode_envelope(encode_envelope(envelope)) == envelope
    for signal in found.signals:
        kept = json.loads(signal.attributes)
        assert kept.keys() <= {name for name, _ in LISTED[signal.name].values()} | {"commit", "span_id", "duration_ms"}
        assert "\\u0000" not in signal.attributes
        assert 2000 < signal.occurred_at.year < 2100
        for value in kept.values():
            if isinstance(value, str):
                assert 0 < len(value) <= MAX_CHARACTERS
            elif isinstance(value, float):
                assert abs(value) <= MAX_NUMBER
            else:
                assert 0 <= value <= MAX_INTEGER
        if signal.kind == "metric":
            assert signal.value is not None
            assert abs(signal.value) <= MAX_NUMBER


@given(data=st.data())
def test_absurd_events_are_refused_or_kept_within_bounds(data: st.DataObject) -> None:
    record = broken(data, event(data.draw(st.sampled_from(sorted(EVENTS))), 1), "timeUnixNano", "observedTimeUnixNano")

    assert_storable(read(otlp_records.logs, signals_of_logs, logs(record)))


@given(data=st.data())
def test_absurd_points_are_refused_or_kept_within_bounds(data: st.DataObject) -> None:
    record = broken(data, point(1.0), "timeUnixNano", "startTimeUnixNano", "asDouble", "asInt")

    assert_storable(read(otlp_records.metrics, signals_of_metrics, metrics(metric(data.draw(st.sampled_from(sorted(METRICS))), record))))


@given(data=st.data())
def test_absurd_spans_are_refused_or_kept_within_bounds(data: st.DataObject) -> None:
    record = broken(data, span("tool.blocked_on_user", "a3"), "startTimeUnixNano", "endTimeUnixNano", "spanId", "parentSpanId")

    assert_storable(read(otlp_records.spans, signals_of_spans, traces(record)))


@pytest.mark.parametrize(
    ("decode", "keep"),
    [(otlp_records.logs, signals_of_logs), (otlp_records.metrics, signals_of_metrics), (otlp_records.spans, signals_of_spans)],
)
@given(body=st.binary(max_size=200))
def test_bytes_that_are_no_export_are_refused_or_say_nothing(
    decode: Callable[[bytes, bytes], Iterable[Record]], keep: Callable[[Iterable[Record], datetime], Found], body: bytes
) -> None:
    with suppress(BadRequest):
        assert_storable(keep(decode(body, PROTOBUF), NOW))


def test_the_same_record_has_the_same_id_wherever_it_comes() -> None:
    told = event("tool_result", 1, duration_ms="40")
    [alone] = signals_of_logs(otlp_records.logs(json.dumps(logs(told)).encode(), JSON), NOW).signals
    [*_, last] = signals_of_logs(otlp_records.logs(json.dumps(logs(event("compaction", 2), told)).encode(), JSON), NOW).signals

    assert alone == last
