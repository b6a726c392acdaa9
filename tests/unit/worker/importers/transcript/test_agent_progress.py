"""Subagents: the call that started one, and what the parent's `agent_progress` records tell of it alone."""

import json
from typing import Any

import pytest

from services.worker.persist.records import ApiCall, FileChange, Message, SessionFacts, ToolUse
from tests.unit.worker.importers.transcript.rows_of_a_session import (
    START,
    agent_progress,
    answer,
    of,
    prompt,
    read,
    read_rows,
    result,
    row,
    summary,
    text,
    use,
)

EDITED = {"filePath": "/home/ann/app/b.py", "oldString": "x", "newString": "y", "structuredPatch": [{"lines": ["-x", "+y", "+z"]}]}
AGENTS = [
    prompt(10, "s0", "find it"),
    answer(11, "s1", "msg_s1", text("Looking."), use("toolu_s1", "Grep", pattern="x"), output=1),
    answer(12, "s2", "msg_s1", use("toolu_s2", "Edit", file_path="/home/ann/app/b.py", old_string="x", new_string="y"), output=50),
    result(14, "s3", "toolu_s1", "found"),
    result(15, "s4", "toolu_s2", "edited", toolUseResult=EDITED),
]
OWN_FILE = [said | {"isSidechain": True, "agentId": "a1b2c3d"} for said in AGENTS]
TOLD_BY_PARENT = [agent_progress(said, f"p{n}") for n, said in enumerate(AGENTS)]


def kinds(records: list[Any]) -> list[Any]:
    return [record for record in records if type(record) in (Message, ToolUse, FileChange, ApiCall)]


def test_progress_records_equal_the_records_of_the_subagents_own_file() -> None:
    told = read_rows(*TOLD_BY_PARENT)

    assert kinds(told) == kinds(read_rows(*OWN_FILE))
    [message] = of(told, Message)
    [call] = of(told, ApiCall)
    [change] = of(told, FileChange)
    assert (message.role, message.content, message.agent_id) == ("assistant", "Looking.", "a1b2c3d")
    assert (call.output_tokens, call.cache_read_tokens, call.agent_id) == (50, 2000, "a1b2c3d")
    assert [(tool.tool_name, tool.status, tool.duration_ms) for tool in of(told, ToolUse)] == [
        ("Grep", "success", 3000),
        ("Edit", "success", 3000),
    ]
    assert (change.lines_added, change.lines_removed, change.is_estimated) == (2, 1, False)


def test_subagent_activity_counts_as_active_time_and_gives_no_user_messages() -> None:
    told = read_rows(*TOLD_BY_PARENT)

    facts = of(told, SessionFacts)[-1]
    assert (facts.started_at, facts.ended_at) == (START.replace(second=10), START.replace(second=15))
    assert [message.role for message in of(told, Message)] == ["assistant"]
    assert facts.model is None


def test_relative_paths_of_a_subagent_are_not_resolved_in_its_parents_folder() -> None:
    """given a subagent with an unknown folder, then `rm a.py` gives no deletion, and `rm /tmp/a.py` gives one."""
    rows = [answer(0, "s1", "m", use("t1", "Bash", command="rm a.py"), use("t2", "Bash", command="rm /tmp/a.py"))]
    rows += [result(1, "s2", "t1"), result(2, "s3", "t2")]

    told = read_rows(*(agent_progress(said, f"p{n}") for n, said in enumerate(rows)))

    assert [change.file_path for change in of(told, FileChange)] == ["/tmp/a.py"]


@pytest.mark.parametrize(
    ("record", "unknown", "skipped"),
    [
        (row("progress", 0, "p", data={"type": "hook_progress"}), {}, {"progress/hook_progress": 1}),
        (row("progress", 0, "p", data={"type": "bash_progress", "message": 7}), {}, {"progress/bash_progress": 1}),
        (row("progress", 0, "p", data={"type": "new_progress"}), {"progress/new_progress": 1}, {}),
        (row("progress", 0, "p", data="text"), {"progress/(none)": 1}, {}),
        (row("progress", 0, "p"), {"progress/(none)": 1}, {}),
        (row("progress", 0, "p", data={"type": "agent_progress"}), {"progress/agent_progress/(none)": 1}, {}),
        (
            row("progress", 0, "p", data={"type": "agent_progress", "message": {"type": "system"}}),
            {"progress/agent_progress/system": 1},
            {},
        ),
        (row("progress", 0, "p", data={"type": "agent_progress", "message": {"type": "user"}}), {}, {"user without a message": 1}),
        (agent_progress(AGENTS[1], "p", sessionId=None), {}, {"progress without a session": 1}),
        (prompt(0, "u", "words", sessionId=None), {}, {"user without a session": 1}),
        ({"type": "file-history-snapshot", "messageId": "m"}, {}, {"file-history-snapshot": 1}),
        (result(0, "r", "toolu_elsewhere"), {}, {"tool_result without a call": 1}),
        (answer(0, "a", "m", text("words"), timestamp=None), {}, {"API call without a time": 1}),
        (row("assistant", 0, "a", message={"id": "m", "model": "<synthetic>", "content": []}), {}, {"synthetic assistant": 1}),
        (row("system", 0, "s"), {"system/(none)": 1}, {}),
        ({"type": "ai-title", "aiTitle": "Its", "sessionId": "s"}, {}, {}),
    ],
)
def test_records_left_out_are_counted(record: dict[str, Any], unknown: dict[str, int], skipped: dict[str, int]) -> None:
    told = summary(read_rows(record))

    assert (told.unknown_records, told.skipped_records) == (unknown, skipped)


def test_damaged_progress_is_decoded_field_by_field() -> None:
    """given a subagent's record with half a surrogate pair, and a field of another type, then the rest of it is read."""
    said = agent_progress(answer(0, "s1", "m", text("caf\ud83d"), requestId=7), "p")

    [message] = of(read(json.dumps(said).encode()), Message)

    assert (message.content, message.agent_id) == ("caf?", "a1b2c3d")


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
