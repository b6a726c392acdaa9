"""The outcomes of calls, as transcripts and hooks tell them: commits, pull requests and runs of tests."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.worker.importers.formats.hooks import read_hook
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.derived_values.cut_results import ALL
from services.worker.persist.records import KeptResults, ToolUse
from shared.claude_formats.call_outcome import CallOutcome, MadeCommit, RunOfTests
from shared.redaction.redacted_structs import redact_structs
from tests.unit.worker.importers.merged import IDLE_GAP
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, jsonl, of, read_rows, result, use

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
