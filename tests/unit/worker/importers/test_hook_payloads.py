"""Payloads of hooks as records: what each kind says, and what odd ones leave out."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.worker.importers.formats import ids
from services.worker.importers.formats.hooks import read_hook
from services.worker.importers.formats.sanitize import MAX_TEXT_CHARACTERS
from services.worker.persist.records import FileChange, Media, Message, RecordError, Result, SessionFacts, ToolUse
from tests.skips import SAMPLES, needs
from tests.unit.worker.importers.transcript.rows_of_a_session import PATCH, of

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def read(name: str, **fields: Any) -> list[Any]:
    payload = {"session_id": "s1", "cwd": "/home/ann/app", "hook_event_name": name} | fields
    return list(read_hook(json.dumps(payload).encode(), AT, user="ann"))


def only(records: list[Any], kind: type) -> Any:
    [record] = of(records, kind)
    return record


def call(name: str, tool: str = "Bash", *, tool_input: dict[str, Any] | None = None, **fields: Any) -> list[Any]:
    return read(name, tool_name=tool, tool_use_id="toolu_1", tool_input=tool_input or {"command": "ls"}, **fields)


def test_call_that_goes_on_in_the_background_has_no_duration() -> None:
    launched = {"isAsync": True, "status": "async_launched", "agentId": "a1"}

    record = only(call("PostToolUse", "Agent", tool_response=launched, duration_ms=32), ToolUse)

    assert (record.status, record.duration_ms, record.duration_source) == ("success", None, None)


@pytest.mark.parametrize(("source", "starts"), [("startup", AT), ("clear", AT), ("fork", AT), ("resume", None), ("compact", None)])
def test_a_start_is_a_time_of_the_session_only_if_something_begins(source: str, starts: datetime | None) -> None:
    facts = only(read("SessionStart", source=source, model="claude-opus-4-8[1m]"), SessionFacts)
    assert (facts.started_at, facts.project_path, facts.model, facts.user) == (starts, "/home/ann/app", "claude-opus-4-8", "ann")


@pytest.mark.parametrize(
    ("reason", "kept"), [("clear", "clear"), ("logout", "logout"), ("unheard of", "other"), (None, "other"), (7, "other")]
)
def test_an_end_has_a_time_and_a_reason(reason: Any, kept: str) -> None:
    facts = only(read("SessionEnd", reason=reason), SessionFacts)
    assert (facts.ended_at, facts.end_reason) == (AT, kept)


def test_a_prompt_is_a_message_and_the_sessions_title() -> None:
    records = read("UserPromptSubmit", prompt="fix\nit", prompt_id="p1")
    message = only(records, Message)
    assert (message.role, message.content, message.timestamp, message.session_id) == ("user", "fix\nit", AT, "s1")
    assert only(records, SessionFacts).title == "fix it"


@pytest.mark.parametrize("prompt", ["/clear", "/init now", "!ls", "", "  ", "<task-notification>done</task-notification>", None, 7])
def test_commands_and_what_claude_code_writes_are_no_messages(prompt: Any) -> None:
    assert of(read("UserPromptSubmit", prompt=prompt), Message) == []


def test_the_same_message_has_the_same_id_whenever_its_hook_is_said_to_have_run() -> None:
    payload = json.dumps({"session_id": "s1", "hook_event_name": "Stop", "prompt_id": "p1", "last_assistant_message": "Done."}).encode()
    [first, later] = [only(list(read_hook(payload, AT + timedelta(seconds=n), user=None)), Message) for n in range(2)]
    assert first.id == later.id


def test_a_reply_of_a_subagent_is_the_subagents() -> None:
    message = only(read("SubagentStop", agent_id="a1", agent_type="Explore", last_assistant_message="Found."), Message)
    assert (message.role, message.agent_id) == ("assistant", "a1")
    # And Claude Code's own agents, which have no type, say nothing that a transcript has
    assert read("SubagentStop", agent_id="a1", agent_type="", last_assistant_message="A summary.") == []


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("PreToolUse", {}, "pending"),
        ("PostToolUse", {"tool_response": {"stdout": "x"}}, "success"),
        ("PostToolUse", {"tool_response": "text"}, "success"),
        ("PostToolUse", {"tool_response": {"stdout": "", "interrupted": True}}, "cancelled"),
        ("PostToolUseFailure", {"error": "Exit code 1\nno"}, "error"),
        ("PostToolUseFailure", {"error": "Exit code 143\nCommand timed out after 2m"}, "timeout"),
        ("PostToolUseFailure", {"error": "The user doesn't want to proceed with this tool use."}, "rejected"),
        ("PostToolUseFailure", {"error": "[Request interrupted by user for tool use]"}, "cancelled"),
        ("PostToolUseFailure", {"error": "x", "is_interrupt": True}, "cancelled"),
        ("PermissionDenied", {"reason": "sends data out"}, "rejected"),
    ],
)
def test_the_status_of_a_tool_call_is_what_a_transcript_would_say(name: str, fields: dict[str, Any], status: str) -> None:
    record = only(call(name, **fields), ToolUse)
    assert (record.id, record.status, record.tool_name, record.parameters) == (
        ids.tool_use_id("toolu_1"),
        status,
        "Bash",
        {"command": "ls"},
    )


@pytest.mark.parametrize(
    ("name", "fields", "error_class"),
    [
        ("PreToolUse", {}, None),
        ("PostToolUse", {"tool_response": "text"}, None),
        ("PostToolUse", {"tool_response": {"stdout": "", "interrupted": True}}, "interrupted"),
        ("PostToolUseFailure", {"error": "Exit code 1\nls: x: No such file or directory"}, "file_not_found"),
        ("PostToolUseFailure", {}, "other"),
        ("PermissionDenied", {"reason": "sends data out"}, "permission"),
    ],
)
def test_a_failed_call_of_a_hook_has_a_class(name: str, fields: dict[str, Any], error_class: str | None) -> None:
    assert only(call(name, **fields), ToolUse).error_class == error_class


def test_a_calls_duration_is_reported_and_its_time_is_its_beginning() -> None:
    record = only(call("PostToolUse", tool_response={}, duration_ms=1500.7), ToolUse)
    assert (record.duration_ms, record.duration_source, record.timestamp) == (1500, "reported", AT - timedelta(milliseconds=1500))


def test_long_parameters_are_cut_as_those_of_transcripts() -> None:
    record = only(call("PreToolUse", tool_input={"command": "x" * 5000}), ToolUse)
    assert len(record.parameters["command"]) == MAX_TEXT_CHARACTERS


EDIT = {"file_path": "/home/ann/app/a.py", "old_string": "b", "new_string": "c\nd"}


@pytest.mark.parametrize(
    ("response", "change"),
    [
        ({"filePath": "/home/ann/app/a.py", "originalFile": "a\nb"} | PATCH, ("modified", 2, 1, False)),
        # As the documentation has it: the change is estimated from what was asked for
        ({"filePath": "/home/ann/app/a.py", "success": True}, ("modified", 2, 1, True)),
        ("done", ("modified", 2, 1, True)),
        (None, ("modified", 2, 1, True)),
    ],
)
def test_an_edit_has_the_lines_of_its_patch_or_an_estimate(response: Any, change: tuple[Any, ...]) -> None:
    found = only(call("PostToolUse", "Edit", tool_input=EDIT, tool_response=response), FileChange)
    assert (found.action, found.lines_added, found.lines_removed, found.is_estimated) == change
    assert (found.id, found.file_path) == (ids.file_change_id("toolu_1"), "/home/ann/app/a.py")


def test_a_failed_edit_changes_nothing() -> None:
    assert of(call("PostToolUseFailure", "Edit", tool_input=EDIT, error="no match"), FileChange) == []


def test_a_batch_tells_refused_calls_and_leaves_the_others_to_their_own_hooks() -> None:
    calls = [
        {"tool_name": "Bash", "tool_use_id": f"toolu_{n}", "tool_input": {}, "tool_response": response}
        for n, response in enumerate(
            ["ok", "<tool_use_error>InputValidationError</tool_use_error>", "This command requires approval", [{"type": "text"}]]
        )
    ]
    assert [record.status for record in of(read("PostToolBatch", tool_calls=calls), ToolUse)] == ["pending", "error", "error", "pending"]


@pytest.mark.parametrize(
    "payload", [b"[]", b'"text"', b"", b"{", b'{"session_id": 7}', b'{"session_id": "' + b"x" * 201 + b'"}', b"[" * 100_000]
)
def test_what_is_no_payload_of_a_hook_is_an_error(payload: bytes) -> None:
    assert [type(record) for record in read_hook(payload, AT, user=None)] == [RecordError]


@pytest.mark.parametrize("name", ["Unheard", "Notification", "SubagentStart", "PreCompact", None])
def test_hooks_that_say_nothing_that_is_stored_give_nothing(name: Any) -> None:
    assert read(name) == []


def test_fields_of_odd_types_are_left_out() -> None:
    odd = call("PostToolUse", tool_input=[1], duration_ms="long", tool_response=3, cwd=["x"], agent_id=4)
    record = only(odd, ToolUse)
    assert (record.status, record.parameters, record.duration_ms, record.agent_id) == ("success", None, None, None)
    assert only(read("UserPromptSubmit", prompt="a\u0000b\ud800"), Message).content == "a\ufffdb?"


@needs("samples")
def test_payloads_of_the_samples_are_read() -> None:
    lines = (SAMPLES / "hooks/hooks_2.1.270.jsonl").read_bytes().splitlines()
    found = [record for line in lines for record in read_hook(line, AT, user=None)]
    assert of(found, RecordError) == []
    assert {record.status for record in of(found, ToolUse)} >= {"pending", "success", "error", "rejected"}
    assert "AFTER" in [message.content for message in of(found, Message)]


RESPONSES: list[tuple[Any, Result]] = [
    ({"stdout": "out", "stderr": "err", "interrupted": False}, Result(text="out\nerr")),
    ({"stdout": "\x1b[1mout\x1b[0m", "stderr": ""}, Result(text="out")),
    ({"stdout": "data:image/png;base64,AAAA", "stderr": "", "isImage": True}, Result(text="", media=[Media("image/png", 3)])),
    ({"type": "text", "file": {"filePath": "/p/a.py", "content": "a = 1", "numLines": 1}}, Result(text="a = 1")),
    ({"type": "image", "file": {"base64": "AAAA", "type": "image/jpeg"}}, Result(text="", media=[Media("image/jpeg", 3)])),
    ({"content": [{"type": "text", "text": "what the agent found"}], "totalDurationMs": 5}, Result(text="what the agent found")),
    ({"filePath": "/p/a.py", "content": "new"}, Result(text='{"filePath":"/p/a.py","content":"new"}')),
    ([{"type": "text", "text": "of an MCP server"}], Result(text="of an MCP server")),
    ("plain", Result(text="plain")),
]


@pytest.mark.parametrize(("response", "expected"), RESPONSES)
def test_a_response_is_the_result_as_text(response: Any, expected: Result) -> None:
    assert only(call("PostToolUse", tool_response=response), ToolUse).result == expected


def test_a_failure_has_the_text_of_its_error() -> None:
    failed = only(call("PostToolUseFailure", error="Exit code 1\nno such file"), ToolUse)
    assert (failed.status, failed.result) == ("error", Result(text="Exit code 1\nno such file"))


def test_a_batch_has_what_claude_was_told() -> None:
    told = {"tool_name": "Bash", "tool_use_id": "toolu_1", "tool_input": {}, "tool_response": "Permission to use Bash has been denied."}
    assert only(read("PostToolBatch", tool_calls=[told]), ToolUse).result == Result(text="Permission to use Bash has been denied.")
