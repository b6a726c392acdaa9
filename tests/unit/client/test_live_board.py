"""The live board: states of sessions from the items of the feed, and a screen that fits."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from client.live.board import ENDED_SECONDS, Board
from client.live.screen import board_text, event_line

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROW = {
    "session_id": "s", "state": "working", "title": "Fix it", "project_name": "shop", "user": "ann", "machine_id": None, "tool_name": None,
    "since": "2026-05-01T11:59:00Z", "last_prompt": "fix it", "tokens": 1200, "cost_usd": 0.5,
}  # fmt: skip


def item(kind: str, seconds: float = 0, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "session_id": "s", "timestamp": (NOW + timedelta(seconds=seconds)).isoformat()} | fields


def state_after(*items: dict[str, Any]) -> tuple[str, str | None]:
    board = Board()
    board.read([ROW])
    for each in items:
        board.take(each)
    session = board.sessions["s"]
    return session.state, session.tool[0] if session.tool else None


CALL = item("tool_started", 1, id="t", tool_name="Bash")


@pytest.mark.parametrize(
    ("items", "state"),
    [
        ([], ("working", None)),
        ([item("waiting", 1, reason="a reason of a newer server")], ("input", None)),
        ([item("prompt", content="go on")], ("working", None)),
        ([CALL], ("working", "Bash")),
        ([CALL, item("waiting", 7, reason="permission")], ("permission", "Bash")),
        ([CALL, item("waiting", 7, reason="permission"), item("tool_finished", 1, id="t", tool_name="Bash", execution_time_ms=9000)], ("working", None)),
        ([CALL, item("tool_finished", 1, id="t", tool_name="Bash", execution_time_ms=50)], ("working", None)),
        ([CALL, item("tool_finished", 1, id="t", result_status="rejected", execution_time_ms=50)], ("input", None)),
        ([CALL, item("tool_finished", 1, id="t", result_status="rejected"), item("prompt", 9, content="else")], ("working", None)),
        ([item("waiting", 7, reason="input"), item("reply", 7, content="done")], ("input", None)),
        ([item("waiting", 7, reason="input"), item("prompt", 9, content="more")], ("working", None)),
        ([item("waiting", 7, reason="error")], ("error", None)),
        ([item("session_ended", 7, reason="explicit")], ("ended", None)),
        ([item("session_ended", 7, reason="idle"), item("session_reopened", 9), item("prompt", 9, content="again")], ("working", None)),
    ],
)  # fmt: skip
def test_the_state_of_a_session_follows_from_what_happened(items: list[dict[str, Any]], state: tuple[str, str | None]) -> None:
    assert state_after(*items) == state


def test_what_happened_before_a_wait_and_is_told_later_does_not_end_it() -> None:
    late = item("tool_finished", 1, id="other", tool_name="Read", execution_time_ms=10)
    assert state_after(CALL, item("waiting", 7, reason="permission"), late)[0] == "permission"


def test_a_machine_is_shown_by_its_name() -> None:
    board = Board({"m1": "ann-laptop"})
    board.read([ROW | {"machine_id": "m1"}])
    board.take(item("prompt", machine_id="m2"))
    assert board.sessions["s"].machine == "m2"
    board.take(item("prompt", machine_id="m1"))
    assert board.sessions["s"].machine == "ann-laptop"


def test_an_ended_session_is_dropped_after_a_while_and_one_that_is_not_listed_at_once() -> None:
    board = Board()
    board.read([ROW, ROW | {"session_id": "gone"}])
    board.take(item("session_ended", 0, reason="explicit"))

    board.read([])
    assert list(board.sessions) == ["s"]
    board.forget_ended(NOW + timedelta(seconds=ENDED_SECONDS + 1))

    assert board.sessions == {}


@pytest.mark.parametrize("width", range(60, 161, 20))
def test_the_screen_fits_any_width(width: int) -> None:
    board = Board()
    board.read([ROW | {"session_id": f"s{number}", "last_prompt": "日本語 " * 50, "project_name": "p" * 60} for number in range(40)])
    for number in range(300):
        board.take(item("prompt", number, content="long " * 200))
    shown = Console(width=width, file=io.StringIO())

    with shown.capture() as captured:
        shown.print(board_text(board, NOW, width, 30, "Lost. " * 50))

    lines = captured.get().splitlines()
    assert len(lines) <= 32
    assert max(map(cell_len, lines)) <= width


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    line = event_line(item("prompt", content="\x1b]0;title\x07\x1b[2Jred \u202etxt", user="a\x1bb"))
    assert not any(character in line.plain for character in "\x1b\x07\u202e")
