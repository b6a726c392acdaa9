"""`POST /v1/logs`, `/v1/metrics`, `/v1/traces`: what is kept of an export goes onto the journal, and the answer is OTLP's."""

import json
from typing import Any

import httpx2 as httpx

from services.ingest.telemetry.kept_attributes import EVENTS, METRICS
from shared.events.messages import Signal
from tests.integration.ingest.conftest import Service
from tests.telemetry import PERSON, START, encoded, event, logs, metric, metrics, point, span, traces


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
