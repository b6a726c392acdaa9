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


def board_of(*items: dict[str, Any]) -> Board:
    board = Board()
    board.read([ROW])
    for each in items:
        board.take(each)
    return board


@pytest.mark.parametrize("state", ["working", "permission", "input", "error", "quiet", "ended"])
def test_a_session_is_in_the_state_that_the_server_tells(state: str) -> None:
    listed, told = Board(), board_of(item("waiting", 7, reason="input", state=state, since="2026-05-01T11:58:00Z", running_tool="Bash"))
    listed.read([ROW | {"state": state, "since": "2026-05-01T11:58:00Z", "tool_name": "Bash"}])

    for board in (listed, told):
        session = board.sessions["s"]
        assert (session.state, session.tool, session.since) == (state, "Bash", NOW - timedelta(minutes=2))


def test_what_happens_says_nothing_of_a_state_by_itself() -> None:
    """given items without a state, whatever their kinds, then the session is as it was: what a state follows from is the server's to know."""
    kinds = ("prompt", "reply", "tool_started", "tool_finished", "file_changed", "waiting", "session_started", "session_reopened")
    board = board_of(*(item(kind, 5, reason="permission", tool_name="Bash", id=kind) for kind in kinds))
    assert (board.sessions["s"].state, board.sessions["s"].tool) == ("working", None)


def test_a_state_of_another_version_of_the_server_is_a_wait() -> None:
    board = Board()
    board.read([ROW | {"state": "waiting"}])
    assert board.sessions["s"].state == "input"


def test_a_change_of_a_state_alone_is_no_line_of_what_happened() -> None:
    board = board_of(item("state_changed", 3, state="error", since="2026-05-01T11:58:00Z"))
    assert (board.sessions["s"].state, list(board.events)) == ("error", [])


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
    board.take(item("session_ended", 0, reason="explicit", state="ended", since=NOW.isoformat()))

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
