"""Tool calls with their results, and the file changes they made."""

import io
import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from services.worker.importers.formats.hooks import read_hook
from services.worker.importers.formats.transcript import tool_calls
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.derived_values.cut_results import ALL
from services.worker.persist.records import FileChange, KeptResults, ToolUse
from shared.claude_formats.call_outcome import CallOutcome, MadeCommit, RunOfTests
from shared.redaction.redacted_structs import redact_structs
from tests.unit.worker.importers.merged import IDLE_GAP, Merged
from tests.unit.worker.importers.transcript.rows_of_a_session import (
    PATCH,
    REJECTION,
    answer,
    jsonl,
    of,
    prompt,
    read_rows,
    refused,
    result,
    summary,
    use,
)


def called(
    content: Any = "ok", tool: str = "Bash", parameters: dict[str, Any] | None = None, **fields: Any
) -> tuple[ToolUse, list[FileChange]]:
    """A call, and its result 1.5 s later."""
    records = read_rows(
        answer(0, "a1", "msg_1", use("toolu_1", tool, **(parameters or {}))), result(1.5, "u1", "toolu_1", content, **fields)
    )
    [tool_use] = of(records, ToolUse)
    return tool_use, of(records, FileChange)


@pytest.mark.parametrize(
    ("content", "fields", "status"),
    [
        ("ok", {}, "success"),
        ("ok", {"is_error": False}, "success"),
        ("ok", {"toolUseResult": {"stdout": "x", "interrupted": True}}, "cancelled"),
        ("started", {"toolUseResult": {"status": "async_launched", "agentId": "a1"}}, "success"),
        ("Exit code 1\nno such file", {"is_error": True, "toolUseResult": "Error: Exit code 1"}, "error"),
        ([{"type": "text", "text": "<tool_use_error>File does not exist.</tool_use_error>"}], {"is_error": True}, "error"),
        (REJECTION, {"is_error": True, "toolUseResult": "User rejected tool use"}, "rejected"),
        ([{"type": "text", "text": REJECTION}], {"is_error": True}, "rejected"),
        ("User chose to stay in plan mode and continue planning", {"is_error": True}, "rejected"),
        ("User declined to answer questions", {"is_error": True}, "rejected"),
        ("no", {"is_error": True, "toolDenialKind": "user-rejected"}, "rejected"),
        ("no", {"is_error": True, "toolDenialKind": "interrupted"}, "cancelled"),
        ("[Request interrupted by user for tool use]", {"is_error": True}, "cancelled"),
        ("<tool_use_error>Sibling tool call errored</tool_use_error>", {"is_error": True}, "cancelled"),
        ("Exit code 143\nCommand timed out after 2m 0s", {"is_error": True}, "timeout"),
        (None, {"is_error": True}, "error"),
        ([None, 3, {"text": 7}], {"is_error": True}, "error"),
    ],
)
def test_the_result_decides_the_status_of_a_call(content: Any, fields: dict[str, Any], status: str) -> None:
    assert called(content, **fields)[0].status == status


@pytest.mark.parametrize(
    ("content", "fields", "error_class"),
    [
        ("ok", {}, None),
        ("Exit code 1\n(eval):1: command not found: tree", {"is_error": True}, "command_not_found"),
        ([{"type": "text", "text": "<tool_use_error>File does not exist.</tool_use_error>"}], {"is_error": True}, "file_not_found"),
        (REJECTION, {"is_error": True}, "rejected"),
        ("no", {"is_error": True, "toolDenialKind": "interrupted"}, "interrupted"),
        ("ok", {"toolUseResult": {"stdout": "x", "interrupted": True}}, "interrupted"),
        ("Exit code 143\nCommand timed out after 2m 0s", {"is_error": True}, "timeout"),
        (None, {"is_error": True}, "other"),
    ],
)
def test_what_claude_was_told_decides_why_a_call_failed(content: Any, fields: dict[str, Any], error_class: str | None) -> None:
    assert called(content, **fields)[0].error_class == error_class


@pytest.mark.parametrize(
    ("tool_use_result", "milliseconds", "source"),
    [
        ({"totalDurationMs": 900, "durationMs": 1}, 900, "reported"),
        ({"durationMs": 12.7, "numFiles": 3}, 12, "reported"),
        ({"durationMs": -1}, 1500, "timestamps"),
        ({"stdout": "x"}, 1500, "timestamps"),
        ("Error: x", 1500, "timestamps"),
        ([{"type": "text", "text": "of an MCP server"}], 1500, "timestamps"),
        (None, 1500, "timestamps"),
    ],
)
def test_a_duration_is_reported_by_the_tool_or_taken_from_timestamps(tool_use_result: Any, milliseconds: int, source: str) -> None:
    tool_use, _ = called(toolUseResult=tool_use_result)
    assert (tool_use.duration_ms, tool_use.duration_source) == (milliseconds, source)


@pytest.mark.parametrize(
    ("message_id", "status", "error_class", "duration_ms", "wait_ms"),
    [
        ("msg_1", "cancelled", "interrupted", 1500, None),
        (None, "rejected", "rejected", None, 1500),
        ("msg_of_another", "rejected", "rejected", None, 1500),
    ],
)
def test_call_that_a_person_interrupts_while_it_runs_is_not_refused(
    message_id: str | None, status: str, error_class: str, duration_ms: int | None, wait_ms: int | None
) -> None:
    [call] = of(list(Merged().add(read_rows(*refused(message_id))).rows.values()), ToolUse)

    assert (call.status, call.error_class, call.duration_ms, call.wait_ms) == (status, error_class, duration_ms, wait_ms)


@pytest.mark.parametrize(
    ("tool", "tool_use_result"),
    [("Agent", {"status": "async_launched", "agentId": "a1"}), ("Bash", {"stdout": "", "backgroundTaskId": "b1"})],
)
def test_call_that_goes_on_in_the_background_has_no_duration(tool: str, tool_use_result: Any) -> None:
    tool_use, _ = called("started", tool, toolUseResult=tool_use_result)

    assert (tool_use.status, tool_use.duration_ms, tool_use.duration_source, tool_use.wait_ms) == ("success", None, None, None)


def test_a_result_before_its_call_has_no_duration() -> None:
    [tool_use] = of(read_rows(answer(5, "a1", "m", use("toolu_1")), result(4, "u1", "toolu_1")), ToolUse)
    assert (tool_use.status, tool_use.duration_ms, tool_use.duration_source) == ("success", None, None)


def test_a_call_without_result_is_pending_and_an_orphan_result_is_ignored() -> None:
    [tool_use] = of(read_rows(answer(0, "a1", "m", use("toolu_1", command="make")), result(4, "u1", "toolu_9")), ToolUse)
    assert (tool_use.status, tool_use.duration_ms, tool_use.parameters) == ("pending", None, {"command": "make"})


def test_calls_beyond_the_pending_window_are_kept_as_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_calls, "MAX_WAITING", 3)
    uses = [answer(n, f"a{n}", f"m{n}", use(f"toolu_{n}")) for n in range(8)]
    results = [result(20 + n, f"u{n}", f"toolu_{n}") for n in range(8)]
    statuses = [tool_use.status for tool_use in of(read_rows(*uses, *results), ToolUse)]
    assert statuses == ["pending"] * 5 + ["success"] * 3


def test_long_parameters_are_cut_and_malformed_names_are_kept() -> None:
    garbage = 'Task" >\n<parameter name="description'
    tool_use, _ = called(tool=garbage, parameters={"content": "x" * 100_000, "deep": [[[[[[[[1]]]]]]]], "n": 7, "many": ["y" * 900] * 90})
    assert tool_use.tool_name == garbage
    assert tool_use.parameters is not None
    assert len(str(tool_use.parameters)) < 20_000
    assert tool_use.parameters["n"] == 7


def test_an_edit_counts_the_lines_of_its_patch() -> None:
    patch = {"structuredPatch": [{"lines": [" a", "-b", "+c", "+d", "\\ No newline at end of file"]}, {"lines": ["-e"]}]}
    asked = {"file_path": "C:\\src\\app\\a.py", "old_string": "b", "new_string": "c\nd"}
    _, [change] = called(tool="Edit", parameters=asked, toolUseResult={"filePath": "C:\\src\\app\\a.py", "originalFile": "x"} | patch)
    assert (change.file_path, change.action, change.lines_added, change.lines_removed) == ("C:/src/app/a.py", "modified", 2, 2)
    assert not change.is_estimated


@pytest.mark.parametrize(("content", "lines"), [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("a\n\n", 2), ("\n", 1)])
def test_a_created_file_counts_all_its_lines_as_added(content: str, lines: int) -> None:
    written = {"type": "create", "filePath": "/p/a", "content": content, "structuredPatch": []}
    _, [change] = called(tool="Write", parameters={"file_path": "/p/a", "content": content}, toolUseResult=written)
    assert (change.action, change.lines_added, change.lines_removed, change.is_estimated) == ("created", lines, 0, False)


@pytest.mark.parametrize(
    ("tool", "parameters", "tool_use_result", "action", "lines"),
    [
        (
            "Write",
            {"file_path": "/p/a", "content": "a"},
            {"type": "update", "filePath": "/p/a", "content": "a", "structuredPatch": []},
            "modified",
            (0, 0),
        ),
        ("Write", {"file_path": "/p/a", "content": "a"}, {"type": "update", "filePath": "/p/a"} | PATCH, "modified", (2, 1)),
        (
            "Edit",
            {"file_path": "/p/a", "old_string": ""},
            {"filePath": "/p/a", "oldString": "", "originalFile": None} | PATCH,
            "created",
            (2, 1),
        ),
        (
            "Edit",
            {"file_path": "/p/a", "old_string": "b"},
            {"filePath": "/p/a", "oldString": "b", "originalFile": None} | PATCH,
            "modified",
            (2, 1),
        ),
        ("MultiEdit", {"file_path": "/p/a", "edits": []}, {"filePath": "/p/a", "originalFileContents": "x"} | PATCH, "modified", (2, 1)),
    ],
)
def test_the_result_decides_action_and_lines_of_a_file_change(
    tool: str, parameters: dict[str, Any], tool_use_result: dict[str, Any], action: str, lines: tuple[int, int]
) -> None:
    _, [change] = called(tool=tool, parameters=parameters, toolUseResult=tool_use_result)
    assert (change.action, change.lines_added, change.lines_removed, change.is_estimated) == (action, *lines, False)


@pytest.mark.parametrize(
    ("tool", "parameters", "action", "lines"),
    [
        ("Edit", {"file_path": "/p/a", "old_string": "a\nb\nc", "new_string": "a\nX\nY\nc"}, "modified", (2, 1)),
        ("Edit", {"file_path": "/p/a", "old_string": "", "new_string": "a\nb"}, "created", (2, 0)),
        ("Write", {"file_path": "/p/a", "content": "a\nb\n"}, "created", (2, 0)),
        (
            "MultiEdit",
            {"file_path": "/p/a", "edits": [{"old_string": "a", "new_string": "b"}, None, {"old_string": "c", "new_string": ""}]},
            "modified",
            (1, 2),
        ),
        ("NotebookEdit", {"notebook_path": "/p/a", "new_source": "x = 1\ny = 2"}, "modified", (2, 0)),
        ("NotebookEdit", {"notebook_path": "/p/a", "new_source": "x", "edit_mode": "delete"}, "modified", (0, 0)),
    ],
)
def test_lines_are_estimated_from_the_request_without_a_patch(
    tool: str, parameters: dict[str, Any], action: str, lines: tuple[int, int]
) -> None:
    _, [change] = called(tool=tool, parameters=parameters)
    assert (change.action, change.lines_added, change.lines_removed, change.is_estimated) == (action, *lines, True)


def test_an_estimated_write_of_a_file_read_before_is_a_modification() -> None:
    records = read_rows(
        answer(0, "a1", "m1", use("toolu_1", "Read", file_path="/p/a")),
        answer(1, "a2", "m2", use("toolu_2", "Write", file_path="/p/a", content="x")),
        result(2, "u1", "toolu_2"),
    )
    assert [change.action for change in of(records, FileChange)] == ["modified"]


@pytest.mark.parametrize(
    ("content", "fields"),
    [("failed", {"is_error": True}), ("ok", {"toolUseResult": {"interrupted": True}}), (REJECTION, {"is_error": True})],
)
def test_a_failed_call_changes_no_files(content: str, fields: dict[str, Any]) -> None:
    assert called(content, tool="Write", parameters={"file_path": "/p/a", "content": "x"}, **fields)[1] == []


def test_relative_paths_are_resolved_in_the_rows_folder() -> None:
    _, [change] = called(tool="Write", parameters={"file_path": "docs/../a.md", "content": "x"})
    assert change.file_path == "/home/ann/app/a.md"


def test_a_tool_call_without_a_path_changes_no_files() -> None:
    for parameters in ({}, {"file_path": 7}, {"file_path": ""}):
        assert called(tool="Edit", parameters=parameters)[1] == []
    assert of(read_rows(prompt(0, "u", "x")), FileChange) == []


@pytest.mark.parametrize(
    ("command", "paths"),
    [
        ("rm a.py", ["/home/ann/app/a.py"]),
        ("rm -f /tmp/x 'with space.txt'", ["/tmp/x", "/home/ann/app/with space.txt"]),
        ("git rm docs/old.md && git commit -m 'gone; rm it'", ["/home/ann/app/docs/old.md"]),
        ("make\nrm -- a.py", ["/home/ann/app/a.py"]),
        ("rm -rf build", []),
        ("rm build/", []),
        ("rm *.py", []),
        ("rm $FILE", []),
        ("rm a.py > /dev/null", []),
        ("cd docs && rm a.md", []),
        ("git rm --cached a.py", []),
        ("find . -name x | xargs rm -f", []),
        ("echo 'rm a.py'", []),
        ("npm rm left-pad", []),
        ("rm 'unclosed", []),
    ],
)
def test_only_plain_rm_commands_give_deletions(command: str, paths: list[str]) -> None:
    _, changes = called(parameters={"command": command})
    assert [change.file_path for change in changes] == paths
    assert all((change.action, change.lines_removed, change.is_estimated) == ("deleted", 0, True) for change in changes)
    assert len({change.id for change in changes}) == len(changes)


def test_results_may_stand_before_their_calls() -> None:
    rows = [
        answer(0, "a1", "msg_1", use("toolu_1", "Edit", file_path="/p/b.py", old_string="b", new_string="c\nd")),
        result(2, "u1", "toolu_1", "edited", toolUseResult=PATCH),
        answer(0, "a2", "msg_1", use("toolu_2", command="rm a.py")),
        result(3, "u2", "toolu_2", REJECTION, is_error=True),
    ]

    read = [read_rows(*order) for order in permutations(rows)]

    tables = [{record.id: record for kind in (ToolUse, FileChange) for record in of(records, kind)} for records in read]
    assert {call.status for call in of(read[0], ToolUse)} == {"success", "rejected"}
    assert [table for table in tables if table != tables[0]] == []
    assert {summary(records).skipped_records.get("tool_result without a call", 0) for records in read} == {0}


def test_results_whose_calls_never_come_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_calls, "MAX_EARLY_BYTES", 3000)
    strangers = [result(n, f"u{n}", f"toolu_x{n}") for n in range(20)]
    early = result(30, "u", "toolu_1")

    told = summary(records := read_rows(*strangers, early, answer(29, "a1", "msg_1", use("toolu_1"))))

    assert [call.status for call in of(records, ToolUse)] == ["success"]
    assert told.skipped_records == {"tool_result without a call": 20}


COMMIT = "git commit -m 'Retry uploads'"
COMMITTED = "[main 1a2b3c4] Retry uploads\n 1 file changed"
RETRIED = CallOutcome(commits=[MadeCommit("Retry uploads", "1a2b3c4")])
PULL_REQUEST = "https://github.com/ann/shop/pull/12"
NOTHING_KEPT = KeptResults(only_errors=True)


def outcome(command: str, told: str, *between: Any, kept: KeptResults = ALL, **fields: Any) -> CallOutcome | None:
    rows = [answer(0, "a1", "m1", use("t1", "Bash", command=command)), *between, result(1, "u1", "t1", told, **fields)]
    [call] = of(list(read_transcript(io.BytesIO(jsonl(*rows)), user=None, idle_gap=IDLE_GAP, kept_results=kept)), ToolUse)
    found: CallOutcome | None = call.outcome
    return found


@pytest.mark.parametrize(
    ("command", "told", "fields", "expected"),
    [
        (COMMIT, COMMITTED, {}, RETRIED),
        ("git commit --amend --no-edit", COMMITTED, {}, CallOutcome(commits=RETRIED.commits, amends=True)),
        (COMMIT, COMMITTED, {"is_error": True}, None),
        (
            "pytest -q",
            "Exit code 1\n1 failed in 1s",
            {"is_error": True},
            CallOutcome(runs_of_tests=[RunOfTests("pytest -q", "failed", 0, 1)]),
        ),
        ("pytest -q", "User rejected tool use", {"is_error": True}, None),
        ("ls tests", "a", {}, None),
        ("echo tests | wc", "1" * 5000 + " passed in 1s", {}, None),
        ("pytest", "9" * 5000 + " passed in 1s", {}, CallOutcome(runs_of_tests=[RunOfTests("pytest", "passed", 2**53, 0)])),
    ],
)
@pytest.mark.parametrize("kept", [ALL, NOTHING_KEPT], ids=["results kept", "none kept"])
def test_what_came_of_a_call_is_read_from_its_result_whether_that_is_kept(
    command: str, told: str, fields: dict[str, Any], kept: KeptResults, expected: CallOutcome | None
) -> None:
    assert outcome(command, told, kept=kept, **fields) == expected


def link(address: str = PULL_REQUEST) -> dict[str, Any]:
    """As Claude Code writes it between a call and its result."""
    return {"type": "pr-link", "sessionId": "s", "prNumber": 12, "prUrl": address, "prRepository": "ann/shop"}


@pytest.mark.parametrize(
    ("command", "told", "opened"),
    [
        ("rtk gh pr create --fill", "ok #12", True),
        ("./ship.sh", "done", True),
        ("gh pr comment 12 -b Thanks", f"{PULL_REQUEST}#issuecomment-1", False),
    ],
)
def test_a_link_to_a_pull_request_is_of_the_call_that_runs(command: str, told: str, opened: bool) -> None:
    assert outcome(command, told, link()) == (CallOutcome(pull_requests=[PULL_REQUEST]) if opened else None)
    assert outcome(command, told) is None


def test_a_hook_tells_what_came_of_a_call_as_a_transcript_does() -> None:
    payload = {
        "session_id": "s",
        "hook_event_name": "PostToolUse",
        "tool_name": "Bash",
        "tool_use_id": "t1",
        "tool_input": {"command": COMMIT},
        "tool_response": {"stdout": COMMITTED, "stderr": "", "interrupted": False},
    }

    found = read_hook(json.dumps(payload).encode(), datetime(2026, 3, 1, tzinfo=UTC), user=None, kept_results=NOTHING_KEPT)

    [call] = [record for record in found if isinstance(record, ToolUse)]
    assert (call.outcome, call.result) == (RETRIED, None)


def test_a_secret_in_what_came_of_a_call_is_redacted() -> None:
    [call] = of(read_rows(answer(0, "a1", "m1", use("t1", "Bash", command=COMMIT)), result(1, "u1", "t1", COMMITTED)), ToolUse)
    call.outcome.commits[0].subject = "Use ghp_" + "a1B2" * 9

    redact_structs([call], {})

    assert call.outcome.commits[0].subject.startswith("Use [redacted:")
