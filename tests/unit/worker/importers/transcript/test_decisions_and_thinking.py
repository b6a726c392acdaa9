"""The decision on a call, whether it ran in a sandbox, how much Claude was asked to think and how long it did, as transcripts say since 2.1.332."""

from typing import Any

import pytest

from services.worker.persist.records import ApiCall, ToolUse
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, of, prompt, read_rows, result, text, use


def call_with(**fields: Any) -> ToolUse:
    """A call whose result's row has these fields."""
    said = {"is_error": True} if fields.get("toolDenialKind") else {}
    rows = [
        prompt(0, "u1", "go"),
        answer(1, "a1", "m1", use("t1")),
        result(2, "u2", "t1", "The user doesn't want to proceed", **said, **fields),
    ]
    [call] = of(read_rows(*rows), ToolUse)
    return call


@pytest.mark.parametrize(
    ("said", "decision", "source"),
    [
        ({"decision": "accept", "source": "user_temporary", "reasonType": "other"}, "accept", "user_temporary"),
        ({"decision": "accept", "source": "user_permanent", "reasonType": "rule", "ruleSource": "userSettings"}, "accept", "rule"),
        ({"decision": "reject", "source": "config", "reasonCode": "unknown"}, "reject", "config"),
        ({"decision": "accept", "source": "classifier"}, "accept", "classifier"),
        ({"decision": "perhaps", "source": "the weather"}, "other", "other"),
        ({"decision": "accept"}, "accept", "other"),
        ({"source": "hook"}, None, None),
        ({}, None, None),
        (None, None, None),
    ],
)
def test_a_call_says_whether_it_was_allowed_and_by_what(said: Any, decision: str | None, source: str | None) -> None:
    call = call_with(permissionDecision=said)

    assert (call.decision, call.decision_source) == (decision, source)
    assert call.decision_told_by == (None if decision is None else "transcript")


def test_a_persons_no_is_a_decision_too() -> None:
    call = call_with(toolDenialKind="user-rejected")

    assert (call.status, call.decision, call.decision_source) == ("rejected", "reject", "user_reject")


# As 2.1.332 writes them without a person: a rule of the settings; no rule, in `claude -p`; a rule that asks; a hook that denies, and one that asks.
@pytest.mark.parametrize(
    ("text", "kind", "said", "source", "error_class"),
    [
        (
            "Permission to use Bash with command curl http://127.0.0.1/x has been denied.",
            "permission-rule",
            {"source": "config", "reasonType": "subcommandResults", "ruleSource": "userSettings", "reasonCode": "rule:userSettings"},
            "rule",
            "permission",
        ),
        (
            "This command requires approval",
            "user-rejected",
            {"source": "config", "reasonCode": "bashMiss:no-rule-match"},
            "config",
            "permission",
        ),
        (
            "Claude requested permissions to use Bash, but you haven't granted it yet.",
            "user-rejected",
            {"source": "config", "ruleSource": "userSettings", "reasonCode": "rule:userSettings"},
            "rule",
            "permission",
        ),
        (
            "PreToolUse:Bash hook error: Not here",
            "permission-rule",
            {"source": "hook", "reasonType": "hook", "reasonCode": "hook:PreToolUse"},
            "hook",
            "hook_blocked",
        ),
        ("Ask", "user-rejected", {"source": "config", "reasonCode": "hook:PreToolUse"}, "config", "permission"),
    ],
)
def test_a_refusal_without_a_person_is_not_a_persons_no(text: str, kind: str, said: dict[str, str], source: str, error_class: str) -> None:
    rows = [
        prompt(0, "u1", "go"),
        answer(1, "a1", "m1", use("t1")),
        result(2, "u2", "t1", text, is_error=True, toolDenialKind=kind, permissionDecision={"decision": "reject", **said}),
    ]

    [call] = of(read_rows(*rows), ToolUse)

    assert (call.status, call.decision, call.decision_source, call.error_class) == ("rejected", "reject", source, error_class)
    assert (call.duration_ms, call.duration_source, call.wait_ms) == (None, None, 1000)


def test_a_call_that_was_stopped_was_not_refused() -> None:
    rows = [
        prompt(0, "u1", "go"),
        answer(1, "a1", "m1", use("t1")),
        result(2, "u2", "t1", "The user doesn't want to proceed", is_error=True, toolDenialKind="user-rejected"),
        prompt(3, "u3", [text("[Request interrupted by user for tool use]")], interruptedMessageId="m1"),
    ]

    call = of(read_rows(*rows), ToolUse)[-1]

    assert (call.status, call.decision, call.decision_source, call.decision_told_by) == ("cancelled", None, None, None)


@pytest.mark.parametrize("sandboxed", [True, False, None])
def test_a_call_says_whether_it_ran_in_a_sandbox(sandboxed: bool | None) -> None:
    assert call_with(sandboxed=sandboxed).is_sandboxed is sandboxed


def thinking(words: str = "") -> dict[str, Any]:
    return {"type": "thinking", "thinking": words, "signature": "s"}


def test_an_answer_says_its_effort_and_how_long_claude_thought() -> None:
    first = answer(1, "a1", "m1", thinking(), effort="high", thinkingDurationMs=1200, apiBlockIndex=0)
    rows = [first, answer(2, "a2", "m1", text("So."), effort="high", apiBlockIndex=1)]
    more = answer(3, "a3", "m1", thinking(), effort="high", thinkingDurationMs=300, apiBlockIndex=2)

    # A row that a resumed session has copied counts once
    [call] = of(read_rows(prompt(0, "u1", "go"), *rows, more, first), ApiCall)

    assert (call.effort, call.thinking_ms) == ("high", 1500)


def test_nothing_is_said_of_thinking_that_no_row_measured() -> None:
    [call] = of(read_rows(prompt(0, "u1", "go"), answer(1, "a1", "m1", text("Yes."))), ApiCall)

    assert (call.effort, call.thinking_ms) == (None, None)


@pytest.mark.parametrize(("word", "effort"), [("max", "max"), ("enormous", "other"), ("", None)])
def test_an_effort_that_is_not_known_is_another(word: str, effort: str | None) -> None:
    [call] = of(read_rows(prompt(0, "u1", "go"), answer(1, "a1", "m1", text("Yes."), effort=word)), ApiCall)

    assert call.effort == effort


@pytest.mark.parametrize("milliseconds", [-1, "12", None, True])
def test_a_time_of_thinking_that_is_none_is_left_out(milliseconds: Any) -> None:
    [call] = of(read_rows(prompt(0, "u1", "go"), answer(1, "a1", "m1", thinking(), thinkingDurationMs=milliseconds)), ApiCall)

    assert call.thinking_ms is None
