"""The live feed of hooks and transcripts: the same acts come by both, in any order and again, and each is told once."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.worker.resources import Resources
from shared.feed import FeedItem
from tests.example_counts import examples
from tests.integration.worker.all_tables import empty
from tests.integration.worker.capture import captured
from tests.integration.worker.capture.captured import capture
from tests.integration.worker.capture.hook_session import HOOKS, TRANSCRIPT, Sample, bring, bring_hooks
from tests.integration.worker.persist.told_feed import feed_of
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, START

LINES = TRANSCRIPT.splitlines(keepends=True)
# Those of the subagent are in a file of its own.
OWN_HOOKS = [(seconds, hook) for seconds, hook in HOOKS if "agent_id" not in hook]


@pytest.fixture(autouse=True)
def as_it_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranges arrive when they are written."""
    monkeypatch.setattr(captured, "RECEIVED_AT", START + timedelta(minutes=4))


def acts(items: list[FeedItem]) -> Counter[tuple[Any, ...]]:
    """The part that must be the same whichever way it came. A started call may be missing: then its end came first."""
    kinds = ("prompt", "tool_finished", "file_changed", "session_started")
    of_replies = [("reply", item.content) for item in items if item.kind == "reply" and item.content != "I look at it."]
    return Counter(
        [(item.kind, item.content, item.id if item.tool_name else item.file_path) for item in items if item.kind in kinds] + of_replies
    )  # type: ignore[arg-type]


def test_hooks_tell_of_a_session_as_it_happens(worker: Resources) -> None:
    bring_hooks(worker, HOOKS)

    items = feed_of(worker.redis)
    assert [item.kind for item in items if item.kind not in ("tool_finished", "file_changed")][:2] == ["session_started", "prompt"]
    assert Counter(item.kind for item in items) == {
        "session_started": 1, "prompt": 2, "reply": 3, "tool_finished": 8, "file_changed": 3, "waiting": 2, "session_ended": 1,
    }  # fmt: skip
    assert {(item.session_id, item.project_name, item.user) for item in items} == {(SESSION, "app", "ann")}
    assert [item.reason for item in items if item.kind in ("waiting", "session_ended")] == ["input", "input", "prompt_input_exit"]
    assert items[-1].kind == "session_ended"


def test_a_call_is_told_when_it_starts_and_when_it_ends(worker: Resources) -> None:
    bring_hooks(worker, HOOKS[:3])
    [started] = [item for item in feed_of(worker.redis) if item.tool_name]

    bring_hooks(worker, HOOKS[4:5])

    finished = feed_of(worker.redis)[-1]
    assert (started.kind, started.result_status, finished.kind, finished.id) == ("tool_started", "pending", "tool_finished", started.id)
    assert (finished.result_status, finished.execution_time_ms) == ("success", 2400)


def test_a_notification_says_what_is_waited_for(worker: Resources) -> None:
    ask = HOOKS[2][1] | {
        "hook_event_name": "Notification",
        "notification_type": "permission_prompt",
        "message": "Claude needs your permission",
    }

    bring_hooks(worker, [*HOOKS[:3], (8.0, ask)])

    last = feed_of(worker.redis)[-1]
    assert (last.kind, last.reason, last.session_id, last.user) == ("waiting", "permission", SESSION, "ann")


def test_history_is_not_told(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    """given a machine that is connected for the first time, when it sends what its sessions said two hours ago, then nothing is told."""
    monkeypatch.setattr(captured, "RECEIVED_AT", START + timedelta(hours=2))

    capture(worker, SESSION, TRANSCRIPT)

    assert feed_of(worker.redis) == []


@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_each_act_is_told_once_whatever_the_order(worker: Resources, data: st.DataObject) -> None:
    """given lines in their order, hooks in their order, some again, and moments at which all that is there is read, then each act is told once."""
    again = data.draw(st.lists(st.sampled_from(OWN_HOOKS[1:-1]), max_size=4))
    found = Sample(SESSION, {f"{SESSION}.jsonl": LINES}, OWN_HOOKS + again, [], START)
    order = data.draw(st.permutations(found.pieces))
    reads = data.draw(st.sets(st.integers(0, len(order) - 1), max_size=8))
    empty(worker)
    worker.redis.flushdb()

    bring(worker, found, order, reads)

    told = acts(feed_of(worker.redis))
    assert {act: count for act, count in told.items() if count > 1} == {}
    assert Counter(kind for kind, *_ in told) == {"session_started": 1, "prompt": 2, "reply": 2, "tool_finished": 7, "file_changed": 2}
