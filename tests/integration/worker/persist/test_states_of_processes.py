"""The state of a session where the files of its client's processes tell it: they are believed before hooks, and the order of arrival changes nothing."""

import json
from datetime import datetime
from itertools import permutations
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.query.answers.live import LiveSession
from services.worker.maintenance.idle_sessions import close_idle_sessions
from services.worker.resources import Resources
from shared.sessions.session_state import QUIET_SECONDS
from tests.example_counts import examples
from tests.integration.worker.persist.told_feed import feed_of
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
    file,
    hook,
    line,
    listed,
    shown_alone,
    tell,
)

Told = tuple[str, str | None, float, str]


def told_of(row: LiveSession | None, start: datetime) -> Told:
    assert row is not None
    return row.state, row.tool_name, round((row.since - start).total_seconds(), 3), str(row.state_source)


WAITS = file(2.5, "waiting", 2.4, waits="permission prompt")
IDLE = file(12.2, "idle", 12.1)
BUSY = file(0.3, "busy", 0.1)
GRANTED = file(15.3, "busy", 15.1)
CASES: dict[str, tuple[list[Step], Told]] = {
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


@pytest.mark.parametrize(("steps", "expected"), CASES.values(), ids=CASES)
def test_a_state_follows_from_files_hooks_and_transcripts(worker: Resources, steps: list[Step], expected: Told) -> None:
    session_id, start = begun()

    tell(worker, session_id, steps, start)

    row = listed(worker, session_id)
    assert told_of(row, start) == expected
    assert row is not None
    last = [item for item in feed_of(worker.redis) if item.session_id == session_id and item.state is not None][-1]
    assert (last.state, last.running_tool, last.since, last.state_source) == (row.state, row.tool_name, row.since, row.state_source)
    shown = shown_alone(worker, session_id)
    assert (shown.state, shown.state_since, shown.state_source) == (row.state, row.since, row.state_source)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_the_order_of_arrival_does_not_change_a_state(worker: Resources, data: st.DataObject) -> None:
    steps, expected = data.draw(st.sampled_from(list(CASES.values())))
    # Lines of a file come in their order, all else in any, and again.
    others = data.draw(st.permutations([step for step in steps if step[1] != "line"]))
    lines = [step for step in steps if step[1] == "line"]
    whose = data.draw(st.permutations(["line"] * len(lines) + ["other"] * len(others)))
    arriving = [lines.pop(0) if each == "line" else others.pop() for each in whose]
    arriving += [step for step in steps if step[1] == "file"]
    session_id, start = begun()

    tell(worker, session_id, arriving, start)

    row = listed(worker, session_id)
    assert row is not None
    # Its call may be a row of another example, which has the same id.
    assert (row.state, row.state_source) == (expected[0], expected[3])
    last = [item for item in feed_of(worker.redis) if item.session_id == session_id and item.state is not None][-1]
    assert last.state == row.state


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
    assert told_of(listed(worker, session_id), start) == ("input", None, 30.1, "client_file")

    tell(worker, session_id, [hook(40, "UserPromptSubmit", prompt="go on"), file(40.2, "busy", 40.1, pid=2)], start)
    assert told_of(listed(worker, session_id), start)[0] == "working"


def test_a_process_that_goes_on_with_another_session_has_left_the_first(worker: Resources) -> None:
    """given /clear without hooks: the file of the process names another session"""
    (first, start), (second, _) = begun(), begun()
    tell(worker, first, [line(0, "user", "make it"), file(1, "busy", 0.1)], start, "laptop")
    tell(worker, second, [line(20, "user", "make another")], start)

    tell(worker, second, [file(21, "busy", 20)], start, "laptop")

    assert listed(worker, first) is None
    assert told_of(listed(worker, second), start)[0] == "working"
    last = [item for item in feed_of(worker.redis) if item.session_id == first][-1]
    assert (last.kind, last.state) == ("session_ended", "ended")


def test_a_laptop_that_sleeps_is_quiet_and_works_again_when_it_wakes(worker: Resources) -> None:
    session_id, start = begun()
    tell(worker, session_id, [PROMPT, CALL, file(2.3, "busy", 0.1)], start)

    with worker.transaction() as connection:
        for table in ("session_signs", "session_processes"):
            connection.execute(f"UPDATE {table} SET heard_at = now() - make_interval(secs => %s)".encode(), [QUIET_SECONDS + 1])
    assert told_of(listed(worker, session_id), start) == ("quiet", "Bash", 2, "time")

    tell(worker, session_id, [file(90, "busy", 0.1)], start)
    assert told_of(listed(worker, session_id), start) == ("working", "Bash", 2, "client_file")


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
