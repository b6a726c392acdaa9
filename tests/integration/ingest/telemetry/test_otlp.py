"""`POST /v1/logs`, `/v1/metrics`, `/v1/traces`: what is kept of an export goes onto the journal, and the answer is OTLP's."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from services.ingest.telemetry.kept_attributes import EVENTS, METRICS
from services.ingest.telemetry.write_telemetry import BODY
from shared.events.messages import Signal
from shared.journal.streams import stream_key
from tests.integration.ingest.conftest import Service
from tests.telemetry import PERSON, START, Json, encoded, event, logs, metric, metrics, point, span, traces


def kept(service: Service) -> list[Signal]:
    return [item for envelope in service.envelopes() for item in envelope.signals]


def sent(service: Service, path: str, export: dict[str, Any], **headers: str) -> httpx.Response:
    return service.http.post(path, content=encoded(export), headers={"content-type": "application/json"} | headers)


def test_an_event_is_kept_with_its_listed_attributes(service: Service) -> None:
    decided = event("tool_decision", 7, tool_name="Bash", tool_use_id="toolu_1", decision="reject", source="user_reject", prompt__id="p-1")

    answer = sent(service, "/v1/logs", logs(decided))

    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["content-type"] == "application/json"
    [found] = kept(service)
    assert (found.session_id, found.kind, found.name, found.occurred_at, found.tool_use_id) == (
        *("s-1", "event", "tool_decision", START),
        "toolu_1",
    )
    assert json.loads(found.attributes) == {
        "tool_name": "Bash",
        "decision": "reject",
        "source": "user_reject",
        "prompt_id": "p-1",
        "event_sequence": 7,
    }


def test_numbers_and_flags_may_be_texts(service: Service) -> None:
    as_text = event("tool_result", 1, tool_use_id="toolu_1", success="true", duration_ms="529")
    as_number = event("tool_result", 2, tool_use_id="toolu_2", success=False, duration_ms=530)

    sent(service, "/v1/logs", logs(as_text, as_number))

    assert [json.loads(found.attributes)["duration_ms"] for found in kept(service)] == [529, 530]
    assert [json.loads(found.attributes)["success"] for found in kept(service)] == [True, False]


def test_integers_may_be_texts_on_the_wire(service: Service) -> None:
    export = encoded(logs(event("api_request", 1, input_tokens=12))).replace(b'"intValue": 12', b'"intValue": "12"')

    service.http.post("/v1/logs", content=export, headers={"content-type": "application/json"})

    [found] = kept(service)
    assert json.loads(found.attributes)["input_tokens"] == 12


def test_nothing_that_tells_who_a_person_is_is_kept_and_no_text_of_theirs(service: Service) -> None:
    """given every listed event and metric with prompts, bodies, inputs of tools and the person's ids."""
    private = {
        "prompt": "my secret plan",
        "prompt_text": "my secret plan",
        "response": "what Claude said",
        "tool_input": '{"command":"cat diary.txt"}',
        "tool_parameters": '{"bash_command":"cat diary.txt"}',
        "body": "the whole request",
        "new_attribute_of_tomorrow": "unlisted words",
    }
    records = [event(name, number, **private) for number, name in enumerate(sorted(EVENTS))]
    points = [metric(name, point(1.0, prompt="my secret plan")) for name in sorted(METRICS)]

    sent(service, "/v1/logs", logs(*records))
    sent(service, "/v1/metrics", metrics(*points))

    assert len(kept(service)) == len(records) + len(points)
    everything = str(service.envelopes())
    for text in (*private.values(), *PERSON.values()):
        assert text not in everything


def test_events_of_which_nothing_is_listed_are_dropped(service: Service) -> None:
    answer = sent(service, "/v1/logs", logs(event("hook_registered", 1), event("not_yet_invented", 2), event("compaction", 3)))

    assert (answer.status_code, answer.json()) == (200, {})
    assert [found.name for found in kept(service)] == ["compaction"]


def test_an_event_that_is_sent_again_is_the_same(service: Service) -> None:
    first, second = event("api_error", 3, error="overloaded"), event("api_error", 4, error="overloaded")
    later = event("api_error", 3, seconds=1, error="overloaded")
    for export in (logs(first, second), logs(first, later), logs(event("api_error", 3, session="s-2"))):
        sent(service, "/v1/logs", export)

    ids = [found.id for found in kept(service)]
    assert ids[0] == ids[2]
    assert len({*ids}) == 4


def test_a_point_is_known_by_name_attributes_start_and_time(service: Service) -> None:
    same = metric("token.usage", point(5.0, type="input"))
    others = [
        metric("token.usage", point(5.0, type="output")),
        metric("token.usage", point(5.0, type="input", seconds=61)),
        metric("token.usage", point(5.0, type="input", since=1)),
        metric("cost.usage", point(5.0, type="input")),
    ]
    for export in (metrics(same), metrics(same), *map(metrics, others)):
        assert sent(service, "/v1/metrics", export).status_code == 200

    ids = [found.id for found in kept(service)]
    assert ids[0] == ids[1]
    assert len({*ids}) == 5
    found = kept(service)[0]
    assert (found.kind, found.name, found.value, found.is_cumulative) == ("metric", "token.usage", 5.0, False)
    assert found.started_at == START


def test_of_traces_only_waits_for_a_permission_are_kept(service: Service) -> None:
    """given the span of a call that waited, whose name is that of the span around it."""
    spans = [
        span("interaction", "a1"),
        span("tool", "a2", parent_id="a1", lasts=5, tool_use_id="toolu_1", tool_name="Bash"),
        span("tool.blocked_on_user", "a3", parent_id="a2", lasts=2.1, decision="accept", source="user_temporary"),
        span("tool.execution", "a4", parent_id="a2"),
    ]

    answer = sent(service, "/v1/traces", traces(*spans))

    assert (answer.status_code, answer.json()) == (200, {})
    [found] = kept(service)
    assert (found.kind, found.name, found.tool_use_id) == ("span", "tool.blocked_on_user", "toolu_1")
    assert json.loads(found.attributes) == {"decision": "accept", "source": "user_temporary", "tool_name": "Bash", "duration_ms": 2100}


def test_a_commit_is_kept_without_the_input_that_names_it(service: Service) -> None:
    revision = "3f1c9e2ab47d5608e1f2a3b4c5d6e7f8091a2b3c"
    named = event("tool_result", 1, vcs__ref__head__revision=revision, vcs__ref__head__name="main")
    in_parameters = event("tool_result", 2, tool_parameters=json.dumps({"git_commit_id": revision, "bash_command": "git commit"}))
    no_revision = event("tool_result", 3, tool_parameters=json.dumps({"git_commit_id": "cat diary.txt"}))

    sent(service, "/v1/logs", logs(named, in_parameters, no_revision))

    commits = [
        (attributes.get("commit"), attributes.get("branch")) for found in kept(service) if (attributes := json.loads(found.attributes))
    ]
    assert commits == [(revision, "main"), (revision, None), (None, None)]


def test_secrets_in_what_is_kept_are_redacted(service: Service) -> None:
    secret = "sk-ant-api03-" + "a1B2" * 24

    sent(service, "/v1/logs", logs(event("api_error", 1, error=f"invalid x-api-key: {secret}")))

    [found] = kept(service)
    assert secret not in found.attributes
    assert "[redacted:" in found.attributes


def test_records_without_a_session_are_rejected_and_the_others_taken(service: Service) -> None:
    records = [event("compaction", 1), event("compaction", 2, session=""), event("compaction", 3, session="x\ny"), event("compaction", 4)]

    answer = sent(service, "/v1/logs", logs(*records))

    assert answer.status_code == 200
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedLogRecords"] == "2"
    assert "session.id" in partial["errorMessage"]
    assert len(kept(service)) == 2


def test_a_time_that_cannot_be_true_keeps_no_event_out(service: Service) -> None:
    old = event("compaction", 1)
    old["attributes"] = [each for each in old["attributes"] if each["key"] != "event.timestamp"]
    old["timeUnixNano"] = old["observedTimeUnixNano"] = "0"

    assert sent(service, "/v1/logs", logs(old)).status_code == 200

    [envelope] = service.envelopes()
    assert envelope.signals[0].occurred_at == envelope.received_at


def test_an_export_with_nothing_in_it_is_answered(service: Service) -> None:
    for path in ("/v1/logs", "/v1/metrics", "/v1/traces"):
        for export in ({}, {"resourceLogs": []}, {"resourceMetrics": None, "resourceLogs": None, "resourceSpans": None}):
            assert sent(service, path, export).status_code == 200
    assert service.envelopes() == []


def test_the_machine_and_the_user_are_those_of_the_request(service: Service) -> None:
    answer = service.http.post(
        "/v1/logs?user=ann",
        content=encoded(logs(event("compaction", 1))),
        headers={"content-type": "application/json", "x-tracker-machine": "m-1"},
    )

    assert answer.status_code == 200
    [found] = kept(service)
    assert (found.user, found.machine_id) == ("ann", "m-1")


JSON = {"content-type": "application/json"}
PROTOBUF = {"content-type": "application/x-protobuf"}
GZIP = {"content-encoding": "gzip"}

LOGS = logs(
    event("tool_decision", 1, tool_use_id="toolu_1", decision="accept", source="config"),
    event("tool_result", 2, tool_use_id="toolu_1", duration_ms="40", success="true"),
    event("api_request", 3, duration_ms=900, cost_usd=0.25, input_tokens=11),
    event("subagent_completed", 4, is_built_in=True, total_tokens=26),
)
MEASURED = metrics(metric("cost.usage", point(0.25, model="claude-opus-4-8")), metric("commit.count", point(1.0), temporality=2))
TRACES = traces(
    span("tool", "00000000000000a2", tool_use_id="toolu_1"),
    span("tool.blocked_on_user", "00000000000000a3", parent_id="00000000000000a2", source="user_temporary"),
)
EXPORTS: dict[str, tuple[Json, type[Message], type[Message]]] = {
    "/v1/logs": (LOGS, ExportLogsServiceRequest, ExportLogsServiceResponse),
    "/v1/metrics": (MEASURED, ExportMetricsServiceRequest, ExportMetricsServiceResponse),
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
