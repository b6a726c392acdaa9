"""Results that clients send with a tool call: cut as results of files are, kept as the setting says, and no part of what tells two calls apart."""

from typing import Any
from uuid import uuid4

import pytest

from services.worker.resources import Resources
from shared.events.messages import Event, GivenMedia, GivenResult, ToolCall
from tests.integration.worker.journal_entries import NOW, store
from tests.integration.worker.statements import select


def stored(worker: Resources, *events: Event) -> list[Any]:
    store(worker, *events)
    return select(worker, "SELECT result, result_left_out, result_cut_at, result_media FROM tool_calls ORDER BY tool_name")


def call(name: str, result: Any, status: Any = "success", **fields: Any) -> ToolCall:
    return ToolCall(**({"tool_name": name, "result_status": status, "timestamp": NOW, "id": uuid4(), "result": result} | fields))


def test_results_are_stored_and_long_ones_cut(worker: Resources) -> None:
    picture = GivenResult(text="a picture", media=[GivenMedia(type="image/png", bytes=9)])

    rows = stored(worker, call("a", "x" * 20_000), call("b", picture), call("c", "\x1b[1mbold\x1b[0m"), call("d", ""))

    assert rows[0] == ("x" * 16_384, 20_000 - 16_384, 12_288, None)
    assert rows[1:] == [
        ("a picture", None, None, [{"type": "image/png", "bytes": 9}]),
        ("bold", None, None, None),
        ("", None, None, None),
    ]


@pytest.mark.parametrize(("kept", "expected"), [("on", ["fine", "failed"]), ("errors", [None, "failed"])])
def test_a_setting_says_what_is_kept(worker: Resources, kept: Any, expected: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker.settings, "tool_results", kept)
    monkeypatch.setattr(worker.settings, "tool_result_kib", 1)

    rows = stored(worker, call("a", "fine"), call("b", "failed", "error"), call("c", "x" * 2_000, "error"))

    assert [row[0] for row in rows[:2]] == expected
    assert rows[2] == ("x" * 1024, 976, 768, None)


def test_a_call_that_is_sent_again_with_another_result_is_the_same_call(worker: Resources) -> None:
    """given an id that came before, then the first version stays, as it does with another status, and none is a dead letter."""
    first = call("a", "first")

    rows = stored(worker, first, call("a", "second", id=first.id))

    assert [row[0] for row in rows] == ["first"]
    assert select(worker, "SELECT count(*) FROM dead_letters") == [(0,)]
