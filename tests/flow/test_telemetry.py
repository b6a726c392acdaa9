"""Telemetry beside a transcript, as they come from a machine: a tool call has its exact duration and who decided, the session what telemetry knows."""

from typing import Any
from uuid import uuid4

from deploy.embedded.supervision.processes import wait_until
from shared.claude_formats.tool_results import tool_call_id
from tests.flow.conftest import Stack
from tests.telemetry import event, logs, metric, metrics, point
from tests.unit.worker.importers.transcript.rows_of_a_session import START, answer, jsonl, prompt, result, use

SECONDS = 60


def test_a_tool_call_has_its_exact_duration_and_who_decided(stack: Stack) -> None:
    # Given a session of which telemetry tells first
    session_id, key = str(uuid4()), f"toolu_{uuid4().hex}"

    def of_session(name: str, sequence: int, seconds: float, **values: Any) -> dict[str, Any]:
        return event(name, sequence, session=session_id, seconds=seconds, start=START, **values)

    decided = of_session("tool_decision", 1, 4, tool_use_id=key, decision="accept", source="user_temporary")
    ended = of_session("tool_result", 2, 7, tool_use_id=key, duration_ms="2400", success="true")
    requested = of_session("api_request", 3, 8, ttft_ms=310, cost_usd=0.25)
    for path, export in (
        ("/v1/logs", logs(decided, ended, requested)),
        # And again, as an exporter does that has no answer
        ("/v1/logs", logs(decided, ended, requested)),
        ("/v1/metrics", metrics(metric("lines_of_code.count", point(5.0, session=session_id, type="added")))),
    ):
        assert stack.http.post(path, json=export).json() == {}

    # When its transcript comes
    rows = (
        prompt(1, str(uuid4()), "test it"),
        answer(2, str(uuid4()), f"msg_{uuid4().hex}", use(key, "Bash", command="make test")),
        result(7, str(uuid4()), key, "3 passed"),
    )
    content = jsonl(*(row | {"sessionId": session_id} for row in rows))
    query: dict[str, Any] = {"file": f"{session_id}.jsonl", "offset": 0}
    sent = stack.http.put(f"/api/transcripts/{session_id}", params=query, content=content, headers={"Content-Type": "application/x-ndjson"})
    assert sent.status_code == 200

    # Then the call shows both
    def call() -> dict[str, Any]:
        found = stack.http.get(f"/api/tool-calls/{tool_call_id(key)}")
        return found.json() if found.status_code == 200 else {}

    assert wait_until(lambda: call().get("result_status") == "success", SECONDS)
    assert (call()["execution_time_ms"], call()["duration_source"], call()["wait_ms"]) == (2400, "reported", 2600)
    decision = {"what": "accept", "source": "user_temporary", "wait_ms": None, "told_by": "telemetry"}
    assert wait_until(lambda: call()["decision"] == decision, SECONDS)
    # And the session, once, what telemetry alone knows
    signals = stack.http.get(f"/api/sessions/{session_id}/signals").json()
    assert [item["name"] for item in signals["items"]] == ["tool_decision", "tool_result", "api_request", "lines_of_code.count"]
    assert (signals["summary"]["api_cost_usd"], signals["summary"]["lines_added_counted"]) == (0.25, 5.0)
    # And nothing that telemetry says is counted beside the transcript
    session = stack.http.get(f"/api/sessions/{session_id}").json()
    assert (session["tool_calls_count"], session["lines_added"]) == (1, 0)
    assert stack.http.get("/api/accounting").json()["drift"] == 0
