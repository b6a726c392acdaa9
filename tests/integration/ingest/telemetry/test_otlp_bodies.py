"""The bodies of OTLP/HTTP: JSON or protobuf, compressed or not, whole or not. Each has its answer, in its own media type."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from services.ingest.telemetry.write_telemetry import BODY
from shared.events.messages import Signal
from shared.journal.streams import stream_key
from tests.integration.ingest.conftest import Service
from tests.telemetry import Json, encoded, event, logs, metric, metrics, point, span, traces

JSON = {"content-type": "application/json"}
PROTOBUF = {"content-type": "application/x-protobuf"}
GZIP = {"content-encoding": "gzip"}

LOGS = logs(
    event("tool_decision", 1, tool_use_id="toolu_1", decision="accept", source="config"),
    event("tool_result", 2, tool_use_id="toolu_1", duration_ms="40", success="true"),
    event("api_request", 3, duration_ms=900, cost_usd=0.25, input_tokens=11),
    event("subagent_completed", 4, is_built_in=True, total_tokens=26),
)
METRICS = metrics(metric("cost.usage", point(0.25, model="claude-opus-4-8")), metric("commit.count", point(1.0), temporality=2))
TRACES = traces(
    span("tool", "00000000000000a2", tool_use_id="toolu_1"),
    span("tool.blocked_on_user", "00000000000000a3", parent_id="00000000000000a2", source="user_temporary"),
)
EXPORTS: dict[str, tuple[Json, type[Message], type[Message]]] = {
    "/v1/logs": (LOGS, ExportLogsServiceRequest, ExportLogsServiceResponse),
    "/v1/metrics": (METRICS, ExportMetricsServiceRequest, ExportMetricsServiceResponse),
    "/v1/traces": (TRACES, ExportTraceServiceRequest, ExportTraceServiceResponse),
}


def protobuf(path: str, export: Json | None = None) -> bytes:
    """The export as protobuf. Ids of spans are hex in OTLP's JSON, and base64 in protobuf's."""
    message = EXPORTS[path][1]()
    ParseDict(json.loads(_with_base64(json.dumps(export or EXPORTS[path][0]))), message)
    return message.SerializeToString()


def _with_base64(text: str) -> str:
    return (
        text.replace("00000000000000a2", "AAAAAAAAAKI=")
        .replace("00000000000000a3", "AAAAAAAAAKM=")
        .replace("5b8efff798038103d269b633813fc60c", "W47/95gDgQPSabYzgT/GDA==")
    )


def kept(service: Service) -> list[Signal]:
    return [item for envelope in service.envelopes() for item in envelope.signals]


@pytest.mark.parametrize("path", sorted(EXPORTS))
def test_one_export_is_the_same_as_json_as_protobuf_and_compressed(service: Service, path: str) -> None:
    as_json, as_protobuf = encoded(EXPORTS[path][0]), protobuf(path)
    found = []
    for body, headers in (
        (as_json, JSON),
        (as_protobuf, PROTOBUF),
        (gzip.compress(as_json), JSON | GZIP),
        (gzip.compress(as_protobuf), PROTOBUF | GZIP),
        # In two members, as one that is written in pieces.
        (gzip.compress(as_json[:100]) + gzip.compress(as_json[100:]), JSON | GZIP),
    ):
        answer = service.http.post(path, content=body, headers=headers)

        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == headers["content-type"]
        assert answer.content == (b"{}" if headers["content-type"] == JSON["content-type"] else b"")
        found.append(kept(service))
        service.redis.delete(stream_key(0))

    assert len(found[0]) == {"/v1/logs": 4, "/v1/metrics": 2, "/v1/traces": 1}[path]
    assert found[1:] == found[:1] * 4


@pytest.mark.parametrize("path", sorted(EXPORTS))
def test_a_partial_success_is_told_in_the_media_type_of_the_request(service: Service, path: str) -> None:
    """given an export none of whose records names a session."""
    export = json.loads(json.dumps(EXPORTS[path][0]).replace("session.id", "other.id"))
    count = {"/v1/logs": 4, "/v1/metrics": 2, "/v1/traces": 2}[path]

    as_json = service.http.post(path, content=encoded(export), headers=JSON)
    as_protobuf = service.http.post(path, content=protobuf(path, export), headers=PROTOBUF)

    assert (as_json.status_code, as_protobuf.status_code) == (200, 200)
    partial = as_json.json()["partialSuccess"]
    name = {"/v1/logs": "rejectedLogRecords", "/v1/metrics": "rejectedDataPoints", "/v1/traces": "rejectedSpans"}[path]
    assert partial[name] == str(count)
    answer: Any = EXPORTS[path][2].FromString(as_protobuf.content)
    counts = {getattr(answer.partial_success, each.name) for each in answer.partial_success.DESCRIPTOR.fields}
    assert counts == {count, partial["errorMessage"]}
    assert service.envelopes() == []


_MAKE = Callable[[], bytes]
ANSWERS: dict[str, tuple[dict[str, str], _MAKE, int, str]] = {
    "no body": (JSON, lambda: b"", 400, "INVALID_JSON"),
    "half of a JSON body": (JSON, lambda: encoded(LOGS)[:-200], 400, "INVALID_JSON"),
    "no JSON": (JSON, lambda: b"hello", 400, "INVALID_JSON"),
    "a list": (JSON, lambda: b"[]", 400, "VALIDATION_ERROR"),
    "records that are none": (JSON, lambda: b'{"resourceLogs":5}', 400, "VALIDATION_ERROR"),
    "a text that is not UTF-8": (JSON, lambda: b'{"resourceLogs":[{"schemaUrl":"\xff"}]}', 400, "INVALID_JSON"),
    "depths of JSON": (JSON, lambda: b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "INVALID_JSON"),
    "protobuf that is called JSON": (JSON, lambda: protobuf("/v1/logs"), 400, "INVALID_JSON"),
    "half of a protobuf body": (PROTOBUF, lambda: protobuf("/v1/logs")[:-20], 400, "VALIDATION_ERROR"),
    "JSON that is called protobuf": (PROTOBUF, lambda: encoded(LOGS), 400, "VALIDATION_ERROR"),
    "no gzip": (JSON | GZIP, lambda: encoded(LOGS), 400, "VALIDATION_ERROR"),
    "half of a gzip body": (JSON | GZIP, lambda: gzip.compress(encoded(LOGS))[:-20], 400, "VALIDATION_ERROR"),
    "gzip of nothing": (JSON | GZIP, lambda: b"", 400, "VALIDATION_ERROR"),
    "16 MB and a byte": (JSON, lambda: b" " * (BODY.max_bytes + 1), 413, "PAYLOAD_TOO_LARGE"),
    "16 MB and a byte, compressed": (JSON | GZIP, lambda: gzip.compress(b" " * (BODY.max_bytes + 1)), 413, "PAYLOAD_TOO_LARGE"),
    "16 MB and a byte of protobuf": (PROTOBUF | GZIP, lambda: gzip.compress(b" " * (BODY.max_bytes + 1)), 413, "PAYLOAD_TOO_LARGE"),
    "millions of empty records": (JSON, lambda: b'{"resourceLogs":[' + b"{}," * 5_000_000 + b"{}]}", 413, "PAYLOAD_TOO_LARGE"),
    "millions of empty records, compressed": (PROTOBUF | GZIP, lambda: gzip.compress(b"\x0a\x00" * 8_000_000), 413, "PAYLOAD_TOO_LARGE"),
    "many gzip streams": (JSON | GZIP, lambda: gzip.compress(b"") * 100_000, 400, "VALIDATION_ERROR"),
    "another encoding": (JSON | {"content-encoding": "br"}, lambda: encoded(LOGS), 415, "UNSUPPORTED_MEDIA_TYPE"),
    "another media type": ({"content-type": "text/plain"}, lambda: encoded(LOGS), 415, "UNSUPPORTED_MEDIA_TYPE"),
    "no media type": ({}, lambda: encoded(LOGS), 415, "UNSUPPORTED_MEDIA_TYPE"),
}


def test_a_body_that_cannot_be_read_is_refused_with_the_reason(service: Service, subtests: pytest.Subtests) -> None:
    for name, (headers, make, status, code) in ANSWERS.items():
        with subtests.test(name):
            answer = service.http.post("/v1/logs", content=make(), headers=headers)

            assert answer.status_code == status, answer.text
            if headers.get("content-type") == PROTOBUF["content-type"]:
                assert answer.headers["content-type"] == PROTOBUF["content-type"]
                grpc_code, message = status_in(answer.content)
                assert grpc_code == {400: 3, 413: 8}[status]
                assert message.endswith(".")
            else:
                assert answer.json()["code"] == code
                assert answer.json()["message"]
    assert service.envelopes() == []


def status_in(body: bytes) -> tuple[int, str]:
    """Code and message of a google.rpc.Status."""
    assert body[0] == 0x08
    assert body[2] == 0x12
    length, at = 0, 3
    for place in range(5):
        length |= (body[at] & 0x7F) << 7 * place
        at += 1
        if body[at - 1] < 0x80:
            break
    assert len(body) == at + length
    return body[1], body[at:].decode()


def test_an_empty_protobuf_export_is_one(service: Service) -> None:
    assert service.http.post("/v1/logs", content=b"", headers=PROTOBUF).status_code == 200


def test_16_mb_are_taken(service: Service) -> None:
    body = encoded(LOGS)
    padded = body + b" " * (BODY.max_bytes - len(body))

    for content, headers in ((padded, JSON), (gzip.compress(padded, 1), JSON | GZIP)):
        assert service.http.post("/v1/logs", content=content, headers=headers).status_code == 200

    assert len(kept(service)) == 8


def test_parameters_that_the_route_does_not_have_are_refused(service: Service) -> None:
    assert service.http.post("/v1/logs?session=1", content=encoded(LOGS), headers=JSON).status_code == 400


def test_other_signals_are_not_there(service: Service) -> None:
    assert service.http.post("/v1/profiles", content=b"{}", headers=JSON).status_code == 404
