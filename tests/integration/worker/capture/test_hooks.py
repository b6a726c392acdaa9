"""Hooks become rows: alone, and beside the transcript of the same session, in any order."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.worker.capture.capture_job import capture_job
from services.worker.capture.hook_reading import read_hooks
from services.worker.importers.formats import ids
from services.worker.resources import Resources
from tests.example_counts import examples
from tests.integration.worker.all_tables import all_tables, empty, is_verified
from tests.integration.worker.capture.captured import import_files, put_range, read_all
from tests.integration.worker.capture.hook_session import (
    AGENTS_TRANSCRIPT,
    HOOKS,
    TRANSCRIPT,
    bring,
    bring_hooks,
    bring_transcript,
    put_hooks,
    sample,
    without_better_knowledge,
)
from tests.integration.worker.statements import execute, select
from tests.skips import needs
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, answer, jsonl, use

# (milliseconds that the hook says, or the transcript if it says more; the rest of the time between the transcript's two rows)
REPORTED = [(2400, 500), (30, 3770), (5, 11_995), (15_600, 400), (7, 993), (3, 997), (120_010, 990)]


def reported(worker: Resources) -> list[tuple[int, int]]:
    """How long the calls ran and waited, where it is known, in their order."""
    found = "SELECT duration_ms, wait_ms FROM tool_calls WHERE duration_source = 'reported' ORDER BY occurred_at"
    return select(worker, found)


@pytest.fixture
def of_transcript(worker: Resources) -> dict[str, Any]:
    """The tables of the transcript alone, without what hooks know better."""
    bring_transcript(worker)
    found = without_better_knowledge(all_tables(worker))
    empty(worker)
    return found


def test_large_payloads_are_not_all_in_memory_at_once(worker: Resources) -> None:
    """given 20 payloads of a megabyte each, then one transaction takes those of about eight megabytes, and the next ones the others."""
    large = [(number, {"session_id": SESSION, "hook_event_name": "Notification", "message": "x" * 1_000_000}) for number in range(20)]
    with worker.transaction() as connection:
        put_hooks(connection, large)
    left = []
    with worker.connection() as connection:
        with connection.transaction():
            job = capture_job(connection)
        while read_hooks(worker, connection, job):
            [(count,)] = connection.execute("SELECT count(*) FROM hook_payloads").fetchall()
            connection.commit()
            left.append(count)

    assert left == [11, 2, 0]


def test_hooks_alone_give_the_session_its_prompts_replies_tool_calls_and_edits(worker: Resources) -> None:
    bring_hooks(worker)

    with worker.transaction() as connection:
        [session] = connection.execute(
            "SELECT p.path, u.name, s.model, s.title, s.user_messages, s.assistant_messages, s.tool_calls, s.tool_errors, s.files_modified,"
            " s.lines_added, s.lines_removed, s.api_calls, s.end_reason, s.ended_at >= s.last_event_at"
            " FROM sessions AS s JOIN projects AS p ON p.id = s.project_id JOIN users AS u ON u.id = s.user_id"
        ).fetchall()
        assert session == (
            *("/home/ann/app", "ann", "claude-opus-4-6", "fix the bug in a.py", 2, 3, 8, 3, 2, 4, 1, 0, "prompt_input_exit", True),
        )
        messages = connection.execute("SELECT role, content, agent_id FROM messages ORDER BY occurred_at").fetchall()
        assert messages == [
            ("user", "fix the bug in a.py", None),
            ("assistant", "noted", "a1b2c3d4e5f607182"),
            ("assistant", "All is done.", None),
            ("user", "wait for it", None),
            ("assistant", "It takes too long.", None),
        ]
        calls = connection.execute("SELECT tool_name, status, duration_ms FROM tool_calls ORDER BY occurred_at").fetchall()
        assert calls == [
            *(("Bash", "success", 2400), ("Bash", "error", 30), ("Edit", "success", 5), ("Bash", "error", None)),
            *(("Agent", "success", 15_600), ("Write", "success", 7), ("Bash", "success", 3), ("Bash", "timeout", 120_010)),
        ]
        # And nothing waits
        assert connection.execute("SELECT count(*) FROM hook_payloads").fetchall() == [(0,)]
    assert is_verified(worker)


# (seconds from PreToolUse to PostToolUse, less what it ran); of a call whose hook says no running time, nothing.
WAITS_OF_HOOKS = [
    ("toolu_1", 200),
    ("toolu_2", 3470),
    ("toolu_3", 11_795),
    ("toolu_5", 200),
    ("toolu_6", 793),
    ("toolu_7", 797),
    ("toolu_8", 790),
]


def waits(worker: Resources) -> list[tuple[UUID, int]]:
    return sorted(select(worker, "SELECT id, wait_ms FROM tool_calls WHERE wait_ms IS NOT NULL"))


@settings(max_examples=examples(12), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_hooks_alone_say_how_long_a_call_waited_in_any_order(worker: Resources, data: st.DataObject) -> None:
    hooks = data.draw(st.permutations(HOOKS + data.draw(st.lists(st.sampled_from(HOOKS), max_size=6))))
    size = data.draw(st.integers(1, len(hooks)))
    empty(worker)

    for start in range(0, len(hooks), size):
        bring_hooks(worker, hooks[start : start + size])

    assert waits(worker) == sorted((ids.tool_use_id(key), wait) for key, wait in WAITS_OF_HOOKS)
    assert is_verified(worker)


@pytest.mark.parametrize("order", ["hooks first", "use first", "use between"])
def test_a_wait_begins_when_the_transcript_says_that_the_call_was_asked_for(worker: Resources, order: str) -> None:
    """given a transcript that has the use of a call, and never its result, in any order with the call's hooks."""
    asked = jsonl(answer(2.1, "a2", "msg_1", use("toolu_1", "Bash", command="make test")))
    [before, after] = [hook for hook in HOOKS if hook[1].get("tool_use_id") == "toolu_1"]
    steps: dict[str, list[Any]] = {
        "hooks first": [before, after, asked],
        "use first": [asked, before, after],
        "use between": [before, asked, after],
    }

    for step in steps[order]:
        with worker.transaction() as connection:
            if isinstance(step, bytes):
                put_range(connection, SESSION, step)
            else:
                put_hooks(connection, [step])
        read_all(worker)

    # The hook is stamped 4.9 s after the start, and the call ran for 2.4 s.
    assert waits(worker) == [(ids.tool_use_id("toolu_1"), 400)]
    assert is_verified(worker)


@pytest.mark.parametrize("order", ["hooks first", "transcript first", "together"])
def test_hooks_and_transcript_in_any_order_give_what_the_transcript_gives(
    worker: Resources, of_transcript: dict[str, Any], order: str
) -> None:
    if order == "hooks first":
        bring_hooks(worker)
        bring_transcript(worker)
    elif order == "transcript first":
        bring_transcript(worker)
        bring_hooks(worker)
    else:
        with worker.transaction() as connection:
            put_hooks(connection, HOOKS)
        bring_transcript(worker)

    assert without_better_knowledge(all_tables(worker)) == of_transcript
    assert is_verified(worker)
    assert reported(worker) == REPORTED


def test_an_imported_transcript_takes_the_place_of_the_messages_of_hooks(
    worker: Resources, tmp_path: Path, of_transcript: dict[str, Any]
) -> None:
    bring_hooks(worker)

    import_files(worker, tmp_path, TRANSCRIPT, AGENTS_TRANSCRIPT)

    assert without_better_knowledge(all_tables(worker)) == of_transcript
    assert is_verified(worker)


def test_hooks_of_a_clock_that_is_ahead_are_superseded_too(worker: Resources, of_transcript: dict[str, Any]) -> None:
    # Given hooks that were stamped by a server whose clock is two minutes ahead
    bring_hooks(worker, [(seconds + 120, payload) for seconds, payload in HOOKS])

    bring_transcript(worker)

    assert without_better_knowledge(all_tables(worker)) == of_transcript
    assert is_verified(worker)


def test_a_payload_of_another_user_is_left_out(worker: Resources) -> None:
    # Given a session of ann
    bring_transcript(worker)

    # When a hook of it comes by a key that is bound to bob
    bring_hooks(worker, [(200, HOOKS[1][1] | {"prompt": "let me in"})], user="bob", bound_user="bob")

    # Then it is counted, not stored
    assert select(worker, "SELECT count(*) FROM messages WHERE content = 'let me in'") == [(0,)]
    [(skipped, errors)] = select(worker, "SELECT skipped_records, errors FROM import_jobs")
    assert skipped == {"another user's": 2}
    assert [error["code"] for error in errors] == ["SESSION_OF_ANOTHER_USER"]


def test_a_session_goes_on_on_a_machine_where_its_user_has_another_name(worker: Resources) -> None:
    # Given a session of ann
    bring_transcript(worker)

    # When she resumes it as root, by a key that is not bound
    bring_hooks(worker, [(200, HOOKS[1][1] | {"prompt": "go on"})], user="root")

    # Then it is stored in the session, which stays hers
    assert select(worker, "SELECT u.name FROM messages AS m JOIN users AS u ON u.id = m.user_id WHERE content = 'go on'") == [("ann",)]


@pytest.mark.parametrize("payload", ['"text"', "[]", "{}", '{"session_id": 7}', '{"session_id": "s", "hook_event_name": "Unheard"}'])
def test_payloads_that_say_nothing_do_no_harm(worker: Resources, payload: str) -> None:
    execute(
        worker,
        "INSERT INTO hook_payloads (id, session_id, occurred_at, received_at, payload) VALUES (gen_random_uuid(), 's', now(), now(), %s)",
        [payload],
    )
    bring_hooks(worker)

    assert select(worker, "SELECT count(*) FROM sessions") == [(1,)]
    assert select(worker, "SELECT count(*) FROM hook_payloads") == [(0,)]


@needs("samples")
@pytest.mark.parametrize("order", [("hook", "line"), ("line", "hook")], ids=" before ".join)
def test_the_sample_seen_by_every_channel_is_one_session(worker: Resources, order: tuple[str, str]) -> None:
    found = sample()
    first, then = ([piece for piece in found.pieces if piece[0] == channel] for channel in order)
    bring(worker, found, [piece for piece in found.pieces if piece[0] == "line"], set())
    expected = without_better_knowledge(all_tables(worker))
    empty(worker)

    bring(worker, found, first + then, {len(first) - 1})

    assert without_better_knowledge(all_tables(worker)) == expected
    assert is_verified(worker)
