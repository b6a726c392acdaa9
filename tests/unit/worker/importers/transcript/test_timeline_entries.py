"""The rows of a transcript that become timeline entries."""

from io import BytesIO
from typing import Any

import pytest

from services.worker.importers.formats import ids
from services.worker.importers.formats.transcript.timeline_entries import MAX_ENTRY_CHARACTERS
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.records import KeptResults, Message, TimelineEntry
from tests.unit.worker.importers.merged import IDLE_GAP
from tests.unit.worker.importers.transcript.rows_of_a_session import (
    SESSION,
    agent_progress,
    answer,
    jsonl,
    of,
    prompt,
    read_rows,
    row,
    text,
)


def thinking(words: str, signature: str = "c2lnbmVk") -> dict[str, Any]:
    return {"type": "thinking", "thinking": words, "signature": signature}


def system(subtype: str, content: str | None = None, **fields: Any) -> dict[str, Any]:
    return row("system", 5, "s1", subtype=subtype, **({} if content is None else {"content": content}), **fields)


def entries(*rows: dict[str, Any]) -> list[TimelineEntry]:
    return of(read_rows(*rows), TimelineEntry)


def entries_of(*rows: dict[str, Any]) -> list[tuple[str, str, dict[str, Any] | None]]:
    return [(entry.kind, entry.content, entry.details) for entry in entries(*rows)]


def test_thinking_is_an_entry_and_not_in_the_message() -> None:
    records = read_rows(prompt(0, "u1", "go"), answer(1, "a1", "msg_1", thinking("I look first.")), answer(2, "a2", "msg_1", text("Done.")))

    assert [(entry.kind, entry.content, entry.session_id) for entry in of(records, TimelineEntry)] == [
        ("thinking", "I look first.", SESSION)
    ]
    assert [message.content for message in of(records, Message)] == ["go", "Done."]


def test_thinking_without_a_text_is_no_entry() -> None:
    redacted = {"type": "redacted_thinking", "data": "EroB"}

    assert entries(answer(1, "a1", "msg_1", thinking(""), redacted, text("Done."))) == []


def test_thinking_is_left_out_where_it_is_not_kept() -> None:
    content = jsonl(answer(1, "a1", "msg_1", thinking("I look first.")), prompt(2, "u1", COMMAND))

    found = read_transcript(BytesIO(content), user=None, idle_gap=IDLE_GAP, kept_results=KeptResults(thinking=False))

    assert [entry.kind for entry in found if isinstance(entry, TimelineEntry)] == ["command"]


def test_one_block_of_thinking_has_one_id_in_every_copy() -> None:
    said = answer(1, "a1", "msg_1", thinking("first", "s1"), thinking("second", "s2"))
    copied = answer(1, "another-uuid", "msg_1", thinking("second", "s2"), sessionId="a-fork")
    # The one is not the other, and redaction does not make another of it.
    redacted = answer(1, "a1", "msg_1", thinking("[redacted]", "s1"))

    first, second = entries(said)
    assert first.id != second.id
    assert [entry.id for entry in entries(copied)] == [second.id]
    assert [entry.id for entry in entries(redacted)] == [first.id]
    assert [entry.id for entry in entries(agent_progress(said, "p1"))] == [first.id, second.id]


def test_long_thinking_is_cut() -> None:
    [entry] = entries(answer(1, "a1", "msg_1", thinking("x" * (MAX_ENTRY_CHARACTERS + 5))))

    assert (len(entry.content), entry.details) == (MAX_ENTRY_CHARACTERS, {"left_out_characters": 5})


def test_a_compaction_and_its_summary() -> None:
    metadata = {"trigger": "auto", "preTokens": 155_000, "postTokens": 17_000, "durationMs": 900, "preservedSegment": {"headUuid": "x"}}
    summary = prompt(6, "u2", "This session is being continued …", isCompactSummary=True, isVisibleInTranscriptOnly=True)

    assert entries_of(system("compact_boundary", "Conversation compacted", compactMetadata=metadata), summary) == [
        (
            "compaction",
            "Conversation compacted",
            {"type": "compaction", "trigger": "auto", "tokens_before": 155_000, "tokens_after": 17_000, "duration_ms": 900},
        ),
        ("compaction_summary", "This session is being continued …", None),
    ]


def test_a_part_of_the_context_that_was_compacted() -> None:
    metadata = {"trigger": "auto", "preTokens": 60_497, "tokensSaved": 21_279, "compactedToolIds": ["toolu_1"]}

    assert entries_of(system("microcompact_boundary", "Context microcompacted", microcompactMetadata=metadata)) == [
        (
            "compaction",
            "Context microcompacted",
            {"type": "microcompaction", "trigger": "auto", "tokens_before": 60_497, "tokens_saved": 21_279},
        )
    ]


NOTIFIED = """<task-notification>
<task-id>a4ec</task-id>
<tool-use-id>toolu_9</tool-use-id>
<status>completed</status>
<summary>Agent "tests" finished</summary>
<result>All pass.</result>
</task-notification>"""
COMMAND = "<command-name>/model</command-name>\n   <command-message>model</command-message>\n   <command-args>opus</command-args>"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (COMMAND, ("command", "/model opus", None)),
        ("<command-message>init</command-message>\n<command-name>init</command-name>", ("command", "/init", {"type": "prompt"})),
        # The message of a command that Claude answers comes first.
        (
            "<command-message>review</command-message>\n<command-name>/review</command-name>\n<command-args>42\n</command-args>",
            ("command", "/review 42", {"type": "prompt"}),
        ),
        # Skills that Claude loads itself.
        (
            '<command-message>The "pdf" skill is loading</command-message>\n<command-name>pdf</command-name>',
            ("command", "/pdf", None),
        ),
        (
            "<command-message>pdf</command-message>\n<command-name>pdf</command-name>\n<skill-format>true</skill-format>",
            ("command", "/pdf", None),
        ),
        (
            "<local-command-stdout>Set model to \x1b[1mOpus\x1b[22m</local-command-stdout>",
            ("command_output", "Set model to Opus", None),
        ),
        ("<bash-input>git pull</bash-input>", ("command", "git pull", {"shell": True})),
        ("<bash-stdout>ok</bash-stdout><bash-stderr>warned</bash-stderr>", ("command_output", "ok\nwarned", None)),
        ("<bash-stdout></bash-stdout><bash-stderr></bash-stderr>", None),
        ([text("[Request interrupted by user for tool use]")], ("interruption", "[Request interrupted by user for tool use]", None)),
        (
            NOTIFIED,
            (
                "notice",
                'Agent "tests" finished\n\nAll pass.',
                {
                    "type": "task_notification",
                    "task": "a4ec",
                    "status": "completed",
                    "tool_call_id": str(ids.tool_use_id("toolu_9")),
                },
            ),
        ),
        ("<system-reminder>Do not tell.</system-reminder>", None),
        ("fix the bug", None),
        ("", None),
    ],
)
def test_what_claude_code_wrote_as_the_user(content: Any, expected: Any) -> None:
    assert entries_of(prompt(1, "u1", content)) == ([expected] if expected else [])


def test_injected_texts_are_no_entries() -> None:
    assert entries(prompt(1, "u1", COMMAND, isMeta=True)) == []


def test_an_answer_in_claudes_place_is_an_error_of_the_api() -> None:
    message = {"model": "<synthetic>", "id": "m1", "role": "assistant", "content": [text("API Error: 529 Overloaded")]}
    said = row("assistant", 1, "a1", message=message, isApiErrorMessage=True, error="overloaded", apiErrorStatus=529)
    filler = row("assistant", 2, "a2", message=message | {"content": [text("No response requested.")]}, isApiErrorMessage=False)

    assert entries_of(said, filler) == [("api_error", "API Error: 529 Overloaded", {"error": "overloaded", "status": 529})]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"message": "Connection error.", "formatted": "Unable to connect to API (ECONNRESET)"}, "Unable to connect to API (ECONNRESET)"),
        ({"status": 529, "error": {"type": "error", "error": {"message": "Overloaded"}}}, "Overloaded"),
        ({"cause": {"code": "FailedToOpenSocket", "errno": 0}}, "FailedToOpenSocket"),
        ({}, "Error of the API"),
    ],
)
def test_an_attempt_that_the_api_did_not_answer(error: dict[str, Any], expected: str) -> None:
    [entry] = entries(system("api_error", error=error, level="error", retryInMs=529.9, retryAttempt=1, maxRetries=10))

    status = {"status": 529} if "status" in error else {}
    assert (entry.kind, entry.content, entry.details) == (
        "api_error",
        expected,
        status | {"attempt": 1, "attempts_at_most": 10, "retry_after_ms": 529},
    )


def test_notices() -> None:
    fell_back = system("model_refusal_fallback", "Switched to Opus.", originalModel="claude-fable-5", fallbackModel="claude-opus-4-8")
    blocked = row(
        "attachment",
        6,
        "t1",
        attachment={
            "type": "hook_blocking_error",
            "hookName": "PreToolUse:Bash",
            "blockingError": {"blockingError": "No.", "command": "x"},
        },
    )
    stopped = system("stop_hook_summary", hookErrors=["exit 2"], preventedContinuation=True, stopReason="not yet")
    queued = row("attachment", 7, "t2", attachment={"type": "queued_command", "prompt": "and the docs", "commandMode": "prompt"})

    assert entries_of(fell_back) == [
        ("notice", "Switched to Opus.", {"type": "model_refusal_fallback", "from": "claude-fable-5", "to": "claude-opus-4-8"})
    ]
    assert entries_of(blocked) == [("notice", "No.", {"type": "hook_blocking_error", "hook": "PreToolUse:Bash"})]
    assert entries_of(stopped) == [("notice", "not yet\nexit 2", {"type": "stop_hook", "stopped": True})]
    assert entries_of(queued) == [("notice", "and the docs", {"type": "queued_prompt"})]


def test_ends_of_turns_and_context_are_no_entries() -> None:
    ended = system("turn_duration", durationMs=70)
    summed_up = system("stop_hook_summary", hookErrors=[], preventedContinuation=False, stopReason="")
    context = row("attachment", 6, "t1", attachment={"type": "task_reminder", "content": "x"})

    assert entries(ended, summed_up, context) == []


def test_rows_without_an_id_or_a_time() -> None:
    without_uuid = prompt(1, "u1", COMMAND)
    del without_uuid["uuid"]
    without_time = prompt(2, "u2", COMMAND)
    del without_time["timestamp"]

    [first, second] = entries(without_uuid, without_time)
    assert first.timestamp == second.timestamp
    assert [entry.id for entry in entries(without_uuid)] == [first.id]
    # Nothing says when it was.
    assert entries(without_time) == []
