"""The state of a session: the list of open sessions, the session and the live feed say the same, whatever came first.

The files of its client's processes are believed before hooks.
"""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.query.answers.live import LiveSession
from services.worker.maintenance.idle_sessions import close_idle_sessions
from services.worker.resources import Resources
from shared.events.messages import Conversation, SessionStart, ToolCall
from shared.feed import FeedItem
from shared.sessions.session_state import QUIET_SECONDS, SAID_CHARACTERS
from tests.example_counts import examples
from tests.integration.worker.capture.captured import read_all
from tests.integration.worker.capture.hook_session import put_hooks
from tests.integration.worker.persist.told_feed import feed_of, stored
from tests.integration.worker.persist.told_states import (
    ASKED,
    BASH,
    CALL,
    CALL_LINE,
    FAILED,
    INTERRUPTED_LINE,
    PROMPT,
    REFUSED_LINE,
    STOP,
    Step,
    begun,
    bring,
    file,
    hook,
    line,
    listed,
    open_one,
    shown_alone,
    tell,
)
from tests.integration.worker.statements import execute

# The state, the tool, the seconds after the start, and who said so if that is of interest.
Told = tuple[str, str | None, float] | tuple[str, str | None, float, str]


def told_of(row: LiveSession, start: datetime) -> tuple[str, str | None, float, str]:
    return row.state, row.tool_name, round((row.since - start).total_seconds(), 3), str(row.state_source)


CASES: dict[str, tuple[list[Step], Told]] = {
    "a session that begins waits for its prompt": ([hook(0, "SessionStart", source="startup")], ("input", None, 0)),
    "a prompt is worked at": ([PROMPT], ("working", None, 0)),
    "a call runs": ([PROMPT, CALL], ("working", "Bash", 2)),
    "a permission is waited for": ([PROMPT, CALL, CALL_LINE, ASKED], ("permission", "Bash", 8)),
    "a permission was given": ([PROMPT, CALL, ASKED, hook(15, "PostToolUse", tool_response={}, duration_ms=4000, **BASH)], ("working", None, 15)),
    "no": ([PROMPT, CALL, CALL_LINE, ASKED, REFUSED_LINE, INTERRUPTED_LINE], ("interrupted", None, 12)),
    "no, with words": ([PROMPT, CALL, CALL_LINE, ASKED, REFUSED_LINE, hook(12.1, "PostToolBatch", tool_calls=[])], ("working", None, 12.1)),
    "escape in a call": ([PROMPT, CALL, CALL_LINE, REFUSED_LINE, INTERRUPTED_LINE], ("interrupted", None, 12)),
    "escape in an answer": ([PROMPT, line(9, "user", [{"type": "text", "text": "[Request interrupted by user]"}])], ("interrupted", None, 9)),
    "the turn is over": ([PROMPT, CALL, hook(9, "PostToolUse", tool_response={}, **BASH), STOP], ("input", None, 20)),
    "the turn is over, though an agent works in the background": ([PROMPT, hook(20, "Stop", background_tasks=[{"id": "a"}])], ("input", None, 20)),
    "the turn has failed": (
        [PROMPT, hook(20, "StopFailure", error="rate_limit"), hook(80, "Notification", notification_type="idle_prompt")],
        ("error", None, 20),
    ),
    "a person is reminded": ([PROMPT, hook(80, "Notification", notification_type="idle_prompt")], ("input", None, 80)),
    "a server asks": ([PROMPT, CALL, hook(9, "Elicitation")], ("input", None, 9)),
    "a server was answered": ([PROMPT, CALL, hook(9, "Elicitation"), hook(15, "ElicitationResult")], ("working", "Bash", 2)),
    "a client was killed in a call, and is started again": ([PROMPT, CALL, hook(30, "SessionStart", source="resume")], ("input", None, 30)),
    "a call of a client that was killed does not run": (
        [PROMPT, CALL, hook(30, "SessionStart", source="resume"), hook(40, "UserPromptSubmit", prompt="go on")],
        ("working", None, 40),
    ),
    "a turn goes on after a compaction": ([PROMPT, hook(30, "SessionStart", source="compact")], ("working", None, 0)),
    "titles are none of its work": ([PROMPT, STOP, hook(21, "SubagentStart", agent_type="")], ("input", None, 20)),
    "Claude said the last word, without hooks": ([line(0, "user", "make it"), line(9, "assistant", [{"type": "text", "text": "Made."}])], ("input", None, 9)),
    "Claude said a word, with hooks": ([PROMPT, line(9, "assistant", [{"type": "text", "text": "I make it."}])], ("working", None, 0)),
}  # fmt: skip

WAITS = file(2.5, "waiting", 2.4, waits="permission prompt")
IDLE = file(12.2, "idle", 12.1)
BUSY = file(0.3, "busy", 0.1)
GRANTED = file(15.3, "busy", 15.1)
OF_FILES: dict[str, tuple[list[Step], Told]] = {
    "a file that says busy": ([PROMPT, BUSY], ("working", None, 0.1, "client_file")),
    "a call runs while the file says busy": ([PROMPT, CALL, file(2.3, "busy", 0.1)], ("working", "Bash", 2, "client_file")),
    "work after the file was read": ([PROMPT, BUSY, CALL], ("working", "Bash", 2, "hook")),
    "a permission, before its hook": ([PROMPT, CALL, WAITS], ("permission", "Bash", 2.4, "client_file")),
    "a permission, and its hook six seconds later": ([PROMPT, CALL, WAITS, ASKED], ("permission", "Bash", 2.4, "client_file")),
    "a permission without hooks": ([line(0, "user", "make it"), CALL_LINE, WAITS], ("permission", "Bash", 2.4, "client_file")),
    "a sandbox asks": ([PROMPT, CALL, file(2.5, "waiting", 2.4, waits="sandbox request")], ("permission", "Bash", 2.4, "client_file")),
    "a dialog is open": ([PROMPT, file(2.5, "waiting", 2.4, waits="dialog open")], ("input", None, 2.4, "client_file")),
    "a permission that was given, before any hook tells": ([PROMPT, CALL, WAITS, ASKED, GRANTED], ("working", "Bash", 2, "client_file")),
    "Esc in a call, of which no hook tells": ([PROMPT, CALL, IDLE], ("input", None, 12.1, "client_file")),
    "Esc in a call, with its lines": ([PROMPT, CALL, CALL_LINE, REFUSED_LINE, INTERRUPTED_LINE, IDLE], ("interrupted", None, 12, "transcript")),
    "no": ([PROMPT, CALL, CALL_LINE, WAITS, ASKED, REFUSED_LINE, INTERRUPTED_LINE, IDLE], ("interrupted", None, 12, "transcript")),
    "the turn is over": ([PROMPT, CALL, hook(9, "PostToolUse", tool_response={}, **BASH), STOP, file(20.2, "idle", 20.1)], ("input", None, 20.1, "client_file")),
    "the turn has failed": ([PROMPT, FAILED, file(20.4, "idle", 20.2)], ("error", None, 20.1, "hook")),
    "a prompt after the file was read": ([PROMPT, STOP, file(20.2, "idle", 20.1), hook(30, "UserPromptSubmit", prompt="on")], ("working", None, 30, "hook")),
    "a command of its own, as /compact, after a reminder": (
        [PROMPT, STOP, hook(80, "Notification", notification_type="idle_prompt"), file(90.2, "busy", 90.1)], ("working", None, 90.1, "client_file")
    ),
    "a command of its own, as /compact, without hooks": (
        [line(0, "user", "make it"), line(5, "assistant", "So."), file(90.2, "busy", 90.1)], ("working", None, 90.1, "client_file")
    ),
    "a word that nobody knows": ([PROMPT, CALL, file(3, "pondering")], ("working", "Bash", 2, "hook")),
    "an older reading": ([PROMPT, file(5, "idle"), file(3, "busy")], ("input", None, 5, "client_file")),
    "a process that is gone, and another that goes on": (
        [PROMPT, file(3, "busy", pid=1), file(5, None, gone=True, pid=1), file(6, "idle", pid=2)], ("input", None, 6, "client_file")
    ),
    "woken after a sleep": ([PROMPT, BUSY, file(90, "busy", 0.1)], ("working", None, 0.1, "client_file")),
}  # fmt: skip
CASES |= {f"{name}, with a file of the process": case for name, case in OF_FILES.items()}


def last_item(worker: Resources, session_id: str) -> FeedItem:
    """The last one that tells of a state."""
    return [item for item in feed_of(worker.redis) if item.session_id == session_id and item.state is not None][-1]


@pytest.mark.parametrize(("steps", "expected"), CASES.values(), ids=CASES)
def test_a_state_follows_from_hooks_transcripts_and_files(worker: Resources, steps: list[Step], expected: Told) -> None:
    session_id, start = begun()

    # Files come one by one. All else is read at once.
    (tell if any(step[1] == "file" for step in steps) else bring)(worker, session_id, steps, start)

    row = open_one(worker, session_id)
    assert told_of(row, start)[: len(expected)] == expected
    last = last_item(worker, session_id)
    assert (last.state, last.running_tool, last.since, last.state_source) == (row.state, row.tool_name, row.since, row.state_source)
    shown = shown_alone(worker, session_id)
    assert (shown.state, shown.state_since, shown.state_source) == (row.state, row.since, row.state_source)


TWO_CALLS = line(
    1.9,
    "assistant",
    [
        {"type": "tool_use", "id": f"toolu_{number}", "name": "Bash", "input": {"command": command}}
        for number, command in ((1, "make"), (2, "make test"))
    ],
)
AGENTS_CALL = hook(
    3, "PreToolUse", tool_name="Bash", tool_use_id="toolu_2", tool_input={"command": "ls"}, agent_id="a1", agent_type="Explore"
)
SYNTHETIC = {
    "id": "msg_e",
    "role": "assistant",
    "model": "<synthetic>",
    "content": [{"type": "text", "text": "API Error: 529\n Overloaded"}],
}
API_ERROR = line(20, "assistant", [], message=SYNTHETIC, isApiErrorMessage=True, error="overloaded")
TRY = {"type": "system", "subtype": "api_error", "retryAttempt": 1, "maxRetries": 10, "error": {"status": 529, "message": "Overloaded"}}
RETRIED = line(9, "user", "", **TRY)
FAILED_CALL = hook(9, "PostToolUseFailure", error="Exit code 2\nno rule to make it", is_interrupt=False, **BASH)

# Its parameters, and the error.
DOES: dict[str, tuple[list[Step], tuple[str, str | None, str | None]]] = {
    "the command that runs": ([PROMPT, CALL], ("working", "make", None)),
    "the command whose permission is waited for": ([PROMPT, CALL, ASKED], ("permission", "make", None)),
    "the first of two calls, since the second has not begun": ([PROMPT, CALL, TWO_CALLS, ASKED], ("permission", "make", None)),
    "the call of an agent, which began last": ([PROMPT, CALL, AGENTS_CALL, ASKED], ("permission", "ls", None)),
    "nothing after the call": ([PROMPT, CALL, hook(9, "PostToolUse", tool_response={}, **BASH), STOP], ("input", None, None)),
    "the error of the API": ([PROMPT, CALL, FAILED_CALL, API_ERROR, FAILED], ("error", None, "API Error: 529 Overloaded")),
    "the error of the API, though the hook comes first": ([PROMPT, FAILED, API_ERROR], ("error", None, "API Error: 529 Overloaded")),
    "the error of the API, without hooks": ([line(0, "user", "make it"), API_ERROR], ("error", None, "API Error: 529 Overloaded")),
    "a try of the API that is repeated is none": ([line(0, "user", "make it"), RETRIED], ("working", None, None)),
    "the call that failed": ([PROMPT, CALL, FAILED_CALL, FAILED], ("error", None, "Exit code 2 no rule to make it")),
    "an error of the turn before is none": ([PROMPT, CALL, FAILED_CALL, hook(15, "UserPromptSubmit", prompt="go on"), FAILED], ("error", None, None)),
    "an error that was overcome is none": ([PROMPT, API_ERROR, STOP], ("input", None, None)),
}  # fmt: skip


LONG_COMMAND = "ssh staging <<'EOF'\n" + "\n".join(f"  echo {n}" for n in range(100)) + "\nEOF"
QUESTION = {
    "tool_name": "AskUserQuestion",
    "tool_use_id": "toolu_q",
    "tool_input": {
        "questions": [{"question": "Which one?", "options": [{"label": "Red"}, {"label": "Blue"}]}, {"question": "When?", "options": 3}]
    },
}
CALLED = hook(2, "PreToolUse", tool_name="Bash", tool_use_id="toolu_l", tool_input={"command": LONG_COMMAND})
QUESTIONS = "Which one?\n• Red\n• Blue\n\nWhen?"
SAID = line(5, "assistant", [{"type": "text", "text": "x" * 700 + "\n\nShall I commit it?\n"}])
ASKING: dict[str, tuple[list[Step], tuple[str, str | None, str | None]]] = {
    "the whole command": ([PROMPT, CALLED, ASKED], ("permission", "Bash", LONG_COMMAND)),
    "the questions, while a dialog is open": (
        [PROMPT, hook(2, "PreToolUse", **QUESTION), hook(3, "Notification", notification_type="elicitation_dialog")],
        ("input", "AskUserQuestion", QUESTIONS),
    ),
    "the questions, as a permission": ([PROMPT, hook(2, "PreToolUse", **QUESTION), ASKED], ("permission", "AskUserQuestion", QUESTIONS)),
    "the end of the last message": (
        [line(0, "user", "make it"), SAID],
        ("input", None, "…" + ("x" * 700 + "\n\nShall I commit it?")[-SAID_CHARACTERS:]),
    ),
    "nothing while it works": ([PROMPT, CALLED], ("working", "Bash", None)),
    "nothing of the turn before": (
        [line(0, "user", "make it"), SAID, line(9, "user", "yes"), file(9.5, "waiting", 9.4, waits="dialog open")],
        ("input", None, None),
    ),
}


@pytest.mark.parametrize(("steps", "expected"), ASKING.values(), ids=ASKING)
def test_a_session_that_waits_tells_all_that_its_person_is_to_decide(
    worker: Resources, steps: list[Step], expected: tuple[str, str | None, str | None]
) -> None:
    session_id, start = begun()

    tell(worker, session_id, steps, start)

    row = open_one(worker, session_id)
    assert (row.state, row.tool_name, row.asks) == expected
    last = last_item(worker, session_id)
    assert (last.state, last.running_tool, last.asks) == expected


@pytest.mark.parametrize(("steps", "expected"), DOES.values(), ids=DOES)
def test_the_command_and_the_error_are_told(worker: Resources, steps: list[Step], expected: tuple[str, str | None, str | None]) -> None:
    session_id, start = begun()

    for step in steps:
        bring(worker, session_id, [step], start)

    row = open_one(worker, session_id)
    assert (row.state, row.tool_input, row.error) == expected
    last = last_item(worker, session_id)
    assert (last.state, last.running_input, last.error) == expected


@pytest.mark.parametrize(
    ("called_with", "told"),
    [
        ({"command": " make\n\ttest ", "description": "Run the tests"}, "make test"),
        ({"pattern": "TODO", "path": "/srv"}, "TODO"),
        ({"url": "https://example.org", "prompt": "read it"}, "https://example.org"),
        ({"questions": [{"question": "Which one?"}]}, "Which one?"),
        ({"limit": 3}, '{"limit":3}'),
        ({}, "{}"),
        ({"command": "x" * 300}, "x" * 300),
        ({"command": "é" * 301}, "é" * 300 + "…"),
    ],
)
def test_of_what_a_tool_was_called_with_the_most_telling_is_told_in_one_line(
    worker: Resources, called_with: dict[str, Any], told: str
) -> None:
    session_id, start = begun()

    bring(worker, session_id, [PROMPT, hook(2, "PreToolUse", tool_name="Any", tool_use_id="toolu_1", tool_input=called_with)], start)

    row = open_one(worker, session_id)
    assert row.tool_input == told


@settings(max_examples=examples(65), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_the_order_of_arrival_does_not_change_a_state(worker: Resources, data: st.DataObject) -> None:
    steps, expected = data.draw(st.sampled_from(list(CASES.values())))
    # Lines of a file come in their order, all else in any, and files of processes again.
    others = data.draw(st.permutations([step for step in steps if step[1] != "line"]))
    lines = [step for step in steps if step[1] == "line"]
    whose = data.draw(st.permutations(["line"] * len(lines) + ["other"] * len(others)))
    arriving = [lines.pop(0) if each == "line" else others.pop() for each in whose]
    arriving += [step for step in steps if step[1] == "file"]
    session_id, start = begun()

    for step in arriving:
        tell(worker, session_id, [step], start)

    # Its call may be a row of another example, which has the same id.
    row = open_one(worker, session_id)
    assert (row.state, *expected[3:]) == (expected[0], str(row.state_source))[: len(expected) - 2]
    assert last_item(worker, session_id).state == expected[0]


@pytest.mark.parametrize(
    ("files", "heard_again", "works"),
    [
        ([], hook(60, "PostToolUse", tool_response={}, **BASH), ("working", None, 60, "hook")),
        ([file(2.3, "busy", 0.1)], file(90, "busy", 0.1), ("working", "Bash", 2, "client_file")),
    ],
    ids=["by hooks", "a laptop that sleeps and wakes"],
)
def test_a_session_that_falls_silent_while_it_works_is_quiet_until_something_is_heard(
    worker: Resources, files: list[Step], heard_again: Step, works: Told
) -> None:
    session_id, start = begun()
    tell(worker, session_id, [PROMPT, CALL, *files], start)

    for table in ("session_signs", "session_processes"):
        execute(worker, f"UPDATE {table} SET heard_at = now() - make_interval(secs => %s)", [QUIET_SECONDS + 1])
    assert told_of(open_one(worker, session_id), start) == ("quiet", "Bash", 2, "time")

    tell(worker, session_id, [heard_again], start)
    assert told_of(open_one(worker, session_id), start) == works


def test_a_session_that_has_ended_is_told_so_and_is_listed_no_more(worker: Resources) -> None:
    session_id, start = begun()

    bring(worker, session_id, [PROMPT, hook(9, "SessionEnd", reason="prompt_input_exit")], start)

    assert listed(worker, session_id) is None
    assert (feed_of(worker.redis)[-1].kind, feed_of(worker.redis)[-1].state) == ("session_ended", "ended")


def test_what_is_silent_for_an_hour_is_not_listed(worker: Resources) -> None:
    session_id = str(uuid4())
    bring(worker, session_id, [PROMPT], datetime.now(UTC) - timedelta(minutes=61))
    assert listed(worker, session_id) is None


def test_events_of_clients_give_a_state_too(worker: Resources) -> None:
    start, session_id = datetime.now(UTC), "wire"
    call = ToolCall(tool_name="Bash", result_status="pending", timestamp=start, id=uuid4(), session_id=session_id)

    def said(text: str, role: Any) -> Conversation:
        return Conversation(session_id=session_id, content=text, role=role, timestamp=datetime.now(UTC), id=uuid4())

    def state(*events: Any) -> tuple[str | None, str | None]:
        last = stored(worker, *events, received_at=datetime.now(UTC))[-1]
        row = open_one(worker, session_id)
        assert (row.state, row.tool_name) == (last.state, last.running_tool)
        return row.state, row.tool_name

    begun = SessionStart(project_path="/home/ann/shop", start_time=start, session_id=session_id, user="ann", id=uuid4())
    assert state(begun) == ("input", None)
    # The first prompt may have the same time.
    assert state(Conversation(session_id=session_id, content="go", role="user", timestamp=start, id=uuid4())) == ("working", None)
    call.timestamp = datetime.now(UTC)
    assert state(call) == ("working", "Bash")
    assert state(said("gone", "assistant")) == ("input", None)


def test_a_call_that_is_said_to_have_run_for_ages_ended_when_it_was_told(worker: Resources) -> None:
    now, session_id = datetime.now(UTC), "ages"
    call = ToolCall(
        tool_name="Bash", result_status="success", execution_time_ms=2**53 - 1, timestamp=now, id=uuid4(), session_id=session_id
    )
    reply = Conversation(session_id=session_id, content="done", role="assistant", timestamp=now + timedelta(seconds=2), id=uuid4())
    begun = SessionStart(project_path="/home/ann/shop", start_time=now, session_id=session_id, user="ann", id=uuid4())

    last = stored(worker, begun, call, reply, received_at=now + timedelta(seconds=1))[-1]

    assert last.state == "input"


def test_a_hook_of_another_user_says_nothing_of_a_session(worker: Resources) -> None:
    session_id, start = begun()
    bring(worker, session_id, [PROMPT], start)

    with worker.transaction() as connection:
        connection.execute("INSERT INTO users (name) VALUES ('bob')")
        put_hooks(connection, [(50, STOP[2] | {"session_id": session_id})], user="bob", bound_user="bob", start=start)
    read_all(worker)

    row = open_one(worker, session_id)
    assert row.state == "working"


KILLED: list[Step] = [PROMPT, CALL, file(2.3, "busy", 0.1), file(9, None, gone=True)]


@pytest.mark.parametrize("steps", list(permutations(KILLED)))
def test_a_client_that_is_killed_has_ended_at_once_in_every_order(worker: Resources, steps: tuple[Step, ...]) -> None:
    session_id, start = begun()

    tell(worker, session_id, list(steps), start)

    assert listed(worker, session_id) is None
    shown = shown_alone(worker, session_id)
    assert (shown.status, shown.end_reason, shown.state, shown.state_source) == ("ended", "gone", "ended", "client_file")
    items = [item for item in feed_of(worker.redis) if item.session_id == session_id]
    assert "gone" in [item.reason for item in items if item.kind == "session_ended"]
    assert (items[-1].state, items[-1].state_source) == ("ended", "client_file")


def test_the_last_lines_of_a_killed_client_do_not_open_its_session_again(worker: Resources) -> None:
    session_id, start = begun()
    tell(worker, session_id, [PROMPT, CALL, file(9, None, gone=True)], start)

    tell(worker, session_id, [CALL_LINE, line(8.9, "assistant", [{"type": "text", "text": "I make it."}])], start)

    assert listed(worker, session_id) is None


def test_a_killed_session_that_is_resumed_is_open_again(worker: Resources) -> None:
    session_id, start = begun()
    tell(worker, session_id, KILLED, start)

    tell(worker, session_id, [hook(30, "SessionStart", source="resume"), file(30.2, "idle", 30.1, pid=2)], start)
    assert told_of(open_one(worker, session_id), start) == ("input", None, 30.1, "client_file")

    tell(worker, session_id, [hook(40, "UserPromptSubmit", prompt="go on"), file(40.2, "busy", 40.1, pid=2)], start)
    assert told_of(open_one(worker, session_id), start)[0] == "working"


def test_a_process_that_goes_on_with_another_session_has_left_the_first(worker: Resources) -> None:
    """given /clear without hooks: the file of the process names another session"""
    (first, start), (second, _) = begun(), begun()
    tell(worker, first, [line(0, "user", "make it"), file(1, "busy", 0.1)], start, "laptop")
    tell(worker, second, [line(20, "user", "make another")], start)

    tell(worker, second, [file(21, "busy", 20)], start, "laptop")

    assert listed(worker, first) is None
    assert told_of(open_one(worker, second), start)[0] == "working"
    last = [item for item in feed_of(worker.redis) if item.session_id == first][-1]
    assert (last.kind, last.state) == ("session_ended", "ended")


def test_a_sweep_closes_what_was_missed(worker: Resources) -> None:
    """given a session that another worker was just writing when its process was seen to be gone"""
    session_id, start = begun()
    tell(worker, session_id, [PROMPT, CALL], start)
    with psycopg.connect(worker.settings.database_url) as other:
        other.execute("SELECT FROM sessions WHERE session_id = %s FOR UPDATE", [session_id])
        tell(worker, session_id, [file(9, None, gone=True)], start)
        assert listed(worker, session_id) is not None

    assert close_idle_sessions(worker) == 1

    assert listed(worker, session_id) is None
    last: Any = feed_of(worker.redis)[-1]
    assert (last.reason, last.state, json.dumps(last.state_source)) == ("gone", "ended", '"client_file"')
