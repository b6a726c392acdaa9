"""Which subagent a call started, and how long a call waited."""

from typing import Any

import pytest

from services.worker.persist.records import ToolUse
from tests.unit.worker.importers.transcript.rows_of_a_session import agent_progress, answer, of, read_rows, result, text, use

CALL = answer(0, "a1", "msg_1", use("toolu_1", "Agent", prompt="look at it"))
BY_AGENT = answer(1, "s1", "msg_s", text("I look."))


def call(*rows: dict[str, Any]) -> ToolUse:
    """The last version of the one call."""
    return [record for record in of(read_rows(*rows), ToolUse) if record.tool_name not in ("Read",)][-1]


@pytest.mark.parametrize("status", ["completed", "async_launched"])
def test_the_result_names_the_agent(status: str) -> None:
    outcome = {"status": status, "agentId": "a1b2c3d"}

    assert call(CALL, result(2, "u1", "toolu_1", toolUseResult=outcome)).started_agent == "a1b2c3d"


def test_what_claude_is_told_names_the_agent_where_there_is_no_structured_result() -> None:
    told = [text("All is well. agentId: aother1"), text("agentId: a1b2c3d (for resuming to continue this agent's work if needed)")]

    assert call(CALL, result(2, "u1", "toolu_1", told)).started_agent == "a1b2c3d"
    # The agent's own words name none.
    assert call(CALL, result(2, "u1", "toolu_1", [text("agentId: aother1")])).started_agent is None


def test_progress_names_the_agent_of_a_call_without_a_result() -> None:
    assert call(CALL, agent_progress(BY_AGENT, "p1", "a1b2c3d", parentToolUseID="toolu_1")).started_agent == "a1b2c3d"
    assert call(CALL, agent_progress(BY_AGENT, "p1", "a1b2c3d", parentToolUseID="toolu_2")).started_agent is None


def test_a_message_to_an_agent_does_not_start_it() -> None:
    sent = answer(0, "a1", "msg_1", use("toolu_1", "SendMessage", to="a1b2c3d"))

    assert call(sent, result(2, "u1", "toolu_1", toolUseResult={"agentId": "a1b2c3d"})).started_agent is None


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ({"totalDurationMs": 1500}, (1500, "reported", 500)),
        # It cannot have run longer than from its use to its result.
        ({"durationMs": 2500}, (2500, "reported", 0)),
        ({"durationSeconds": 1.25, "query": "x"}, (1250, "reported", 750)),
        # Only the time between the two rows is known: it may have waited, or not.
        ({}, (2000, "timestamps", None)),
    ],
)
def test_what_is_left_beside_the_reported_time_is_wait(outcome: dict[str, Any], expected: Any) -> None:
    found = call(CALL, result(2, "u1", "toolu_1", toolUseResult=outcome))

    assert (found.duration_ms, found.duration_source, found.wait_ms) == expected


def test_without_the_time_of_the_result_no_wait_is_known() -> None:
    answered = result(2, "u1", "toolu_1", toolUseResult={"durationMs": 70})
    del answered["timestamp"]

    assert (call(CALL, answered).duration_ms, call(CALL, answered).wait_ms) == (70, None)
