"""The state of a session: the list of open sessions and the live feed say the same, whatever came first."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.worker.capture.parser_states import ParserStates
from services.worker.capture.read_captured import read_captured
from services.worker.maintenance.idle_sessions import close_idle_sessions
from services.worker.resources import Resources
from shared.events.messages import Conversation, SessionStart, ToolCall
from shared.sessions.session_state import QUIET_SECONDS
from tests.example_counts import examples
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
    bring,
    hook,
    line,
    listed,
)

CASES: dict[str, tuple[list[Step], tuple[str, str | None, float]]] = {
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


@pytest.mark.parametrize(("steps", "expected"), CASES.values(), ids=CASES)
def test_a_state_follows_from_hooks_and_transcripts(worker: Resources, steps: list[Step], expected: tuple[str, str | None, float]) -> None:
    session_id, start = str(uuid4()), datetime.now(UTC) - timedelta(seconds=100)

    bring(worker, session_id, steps, start)

    row = listed(worker, session_id)
    assert row is not None
    assert (row.state, row.tool_name, round((row.since - start).total_seconds(), 3)) == expected
    last = [item for item in feed_of(worker.redis) if item.session_id == session_id and item.state is not None][-1]
    assert (last.state, last.running_tool, last.since) == (row.state, row.tool_name, row.since)


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


@pytest.mark.parametrize(("steps", "expected"), DOES.values(), ids=DOES)
def test_the_command_and_the_error_are_told(worker: Resources, steps: list[Step], expected: tuple[str, str | None, str | None]) -> None:
    session_id, start = str(uuid4()), datetime.now(UTC) - timedelta(seconds=100)

    for step in steps:
        bring(worker, session_id, [step], start)

    row = listed(worker, session_id)
    assert row is not None
    assert (row.state, row.tool_input, row.error) == expected
    last = [item for item in feed_of(worker.redis) if item.session_id == session_id and item.state is not None][-1]
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
    session_id, start = str(uuid4()), datetime.now(UTC) - timedelta(seconds=100)

    bring(worker, session_id, [PROMPT, hook(2, "PreToolUse", tool_name="Any", tool_use_id="toolu_1", tool_input=called_with)], start)

    row = listed(worker, session_id)
    assert row is not None
    assert row.tool_input == told


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_the_order_of_arrival_does_not_change_a_state(worker: Resources, data: st.DataObject) -> None:
    steps, expected = data.draw(st.sampled_from(list(CASES.values())))
    # Lines of a file come in their order, hooks in any and again.
    hooks = data.draw(st.permutations([step for step in steps if step[1] == "hook"]))
    lines = [step for step in steps if step[1] == "line"]
    whose = data.draw(st.permutations(["hook"] * len(hooks) + ["line"] * len(lines)))
    arriving = [hooks.pop() if each == "hook" else lines.pop(0) for each in whose]
    session_id, start = str(uuid4()), datetime.now(UTC) - timedelta(seconds=100)

    for step in arriving:
        bring(worker, session_id, [step], start)

    row = listed(worker, session_id)
    assert row is not None
    assert row.state == expected[0]
    last = [item for item in feed_of(worker.redis) if item.session_id == session_id and item.state is not None][-1]
    assert last.state == expected[0]


def test_a_session_that_falls_silent_while_it_works_is_quiet(worker: Resources) -> None:
    session_id, start = str(uuid4()), datetime.now(UTC) - timedelta(seconds=100)
    bring(worker, session_id, [PROMPT, CALL], start)

    with worker.transaction() as connection:
        connection.execute("UPDATE session_signs SET heard_at = now() - make_interval(secs => %s)", [QUIET_SECONDS + 1])
    row = listed(worker, session_id)
    assert row is not None
    assert (row.state, row.tool_name) == ("quiet", "Bash")

    # And it works again when something is heard
    bring(worker, session_id, [hook(60, "PostToolUse", tool_response={}, **BASH)], start)
    row = listed(worker, session_id)
    assert row is not None
    assert row.state == "working"


def test_a_session_that_has_ended_is_told_so_and_is_listed_no_more(worker: Resources) -> None:
    session_id, start = str(uuid4()), datetime.now(UTC) - timedelta(seconds=100)

    bring(worker, session_id, [PROMPT, hook(9, "SessionEnd", reason="prompt_input_exit")], start)

    assert listed(worker, session_id) is None
    assert (feed_of(worker.redis)[-1].kind, feed_of(worker.redis)[-1].state) == ("session_ended", "ended")


def test_what_is_silent_for_an_hour_is_not_listed(worker: Resources) -> None:
    session_id = str(uuid4())
    bring(worker, session_id, [PROMPT], datetime.now(UTC) - timedelta(minutes=61))
    assert listed(worker, session_id) is None


def test_signs_are_forgotten_with_the_session_that_is_closed_idle(worker: Resources) -> None:
    session_id = str(uuid4())
    bring(worker, session_id, [PROMPT], datetime.now(UTC) - timedelta(minutes=40))

    assert close_idle_sessions(worker) == 1

    with worker.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM session_signs").fetchall() == [(0,)]
    assert feed_of(worker.redis)[-1].state == "ended"


def test_events_of_clients_give_a_state_too(worker: Resources) -> None:
    start, session_id = datetime.now(UTC), "wire"
    call = ToolCall(tool_name="Bash", result_status="pending", timestamp=start, id=uuid4(), session_id=session_id)

    def said(text: str, role: Any) -> Conversation:
        return Conversation(session_id=session_id, content=text, role=role, timestamp=datetime.now(UTC), id=uuid4())

    def state(*events: Any) -> tuple[str | None, str | None]:
        last = stored(worker, *events, received_at=datetime.now(UTC))[-1]
        row = listed(worker, session_id)
        assert row is not None
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
    session_id, start = str(uuid4()), datetime.now(UTC) - timedelta(seconds=100)
    bring(worker, session_id, [PROMPT], start)

    with worker.transaction() as connection:
        connection.execute("INSERT INTO users (name) VALUES ('bob')")
        put_hooks(connection, [(50, STOP[2] | {"session_id": session_id})], user="bob", bound_user="bob", start=start)
    while read_captured(worker, ParserStates()):
        pass

    row = listed(worker, session_id)
    assert row is not None
    assert row.state == "working"
