"""The live board: states of sessions from the items of the feed, and a screen that fits."""

import io
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from rich.cells import cell_len
from rich.console import Console

from client.errors import BadAnswer
from client.live.board import Board
from client.live.screen import board_text, event_line
from shared.sessions.session_state import OpenState
from shared.terms import terms

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
CASES = json.loads((Path(__file__).parents[2] / "live_board.json").read_text(encoding="utf-8"))
ROW = CASES["row"]
POSITION = "5-0"


def item(kind: str, **fields: Any) -> dict[str, Any]:
    return CASES["item"] | {"kind": kind} | fields


@pytest.mark.parametrize("case", CASES["cases"], ids=lambda case: case["name"])
def test_the_board_has_what_the_rows_and_the_feed_tell(case: dict[str, Any]) -> None:
    board = Board()

    for step in case["steps"]:
        if "rows" in step:
            board.read([CASES["row"] | row for row in step["rows"]], step["last_event_id"])
        else:
            board.take(step["id"], CASES["item"] | step["item"])

    shown = {each.session_id: asdict(each) for each in board.open_sessions}
    assert shown.keys() == case["open"].keys()
    for session_id, told in case["open"].items():
        expected = told | ({"since": datetime.fromisoformat(told["since"])} if "since" in told else {})
        assert {name: shown[session_id][name] for name in expected} == expected
    assert list(shown) == case.get("order", list(shown))
    assert [item["kind"] for item in board.events] == case["events"]


@pytest.mark.parametrize("position", ["", "5", "-1-0", "a-b", "1-2-3-4", "9" * 20 + "-0"])
def test_a_position_that_is_none_is_a_bad_answer(position: str) -> None:
    with pytest.raises(BadAnswer):
        Board().read([ROW], position)
    with pytest.raises(BadAnswer):
        Board().take(position, item("prompt"))


def test_states_of_open_sessions_have_words_and_an_order() -> None:
    assert tuple(terms().states) == get_args(OpenState)
    assert {*terms().waits} <= {*terms().states}


def test_a_machine_is_shown_by_its_name() -> None:
    board = Board({"m1": "ann-laptop"})
    board.read([ROW | {"machine_id": "m1"}], POSITION)

    def machine() -> str | None:
        [session] = board.open_sessions
        return session.machine

    assert machine() == "ann-laptop"
    board.take("6-0-0", item("prompt", machine_id="m2"))
    assert machine() == "m2"
    board.take("6-0-1", item("prompt", machine_id="m1"))
    assert machine() == "ann-laptop"


@pytest.mark.parametrize("width", range(60, 161, 20))
def test_the_screen_fits_any_width(width: int) -> None:
    board = Board()
    board.read(
        [ROW | {"session_id": f"s{number}", "last_prompt": "日本語 " * 50, "project_name": "p" * 60} for number in range(40)], POSITION
    )
    for number in range(300):
        board.take(f"{number}-0-0", item("prompt", content="long " * 200))
    shown = Console(width=width, file=io.StringIO())

    with shown.capture() as captured:
        shown.print(board_text(board, NOW, width, 30, "Lost. " * 50))

    lines = captured.get().splitlines()
    assert len(lines) <= 32
    assert max(map(cell_len, lines)) <= width


def test_states_stand_in_the_order_of_their_words_and_one_that_is_not_known_is_last() -> None:
    board, shown = Board(), Console(width=120, file=io.StringIO())
    states = ["quiet", "\x1bnew", *reversed([*terms().states][:-1])]
    board.read([ROW | {"session_id": state, "state": state, "last_prompt": None, "title": None} for state in states], POSITION)

    with shown.capture() as captured:
        shown.print(board_text(board, NOW, 120, 30, None))

    [head, *table] = captured.get().splitlines()
    assert head.split("tracker top")[1].split() == [part for state in terms().states for part in ("1", state)] + ["1", "new"]
    assert [line.split()[0] for line in table if "shop" in line] == [*terms().states, "new"]


def test_a_line_of_a_call_or_of_a_wait_says_the_command() -> None:
    called = {"tool_name": "Bash", "running_tool": "Bash", "running_input": "rm -rf build"}

    assert event_line(item("tool_started", **called)).plain.endswith("Bash rm -rf build")
    assert event_line(item("tool_started", **called | {"running_tool": "Read"})).plain.endswith("Bash …")
    assert event_line(item("waiting", reason="permission", **called)).plain.endswith("waits for a permission: Bash rm -rf build")
    assert event_line(item("waiting", reason="error", error="API Error: 529")).plain.endswith("waits after an error: API Error: 529")
    assert event_line(item("waiting", reason="input")).plain.endswith("waits for input")


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    line = event_line(item("prompt", content="\x1b]0;title\x07\x1b[2Jred \u202etxt", user="a\x1bb"))
    assert not any(character in line.plain for character in "\x1b\x07\u202e")


def test_a_row_says_the_error_else_the_call_else_the_prompt() -> None:
    board, shown = Board(), Console(width=200, file=io.StringIO())
    files = [{"file_path": f"/home/ann/shop/{name}.py", "lines_added": 20, "lines_removed": 4} for name in ("upload", "main")]
    rows = [
        {"session_id": "asks", "state": "permission", "tool_name": "Bash", "tool_input": "rm -rf\x1b build", "files": files},
        {"session_id": "failed", "state": "error", "error": "API Error: 529 Overloaded"},
        {"session_id": "waits", "state": "input"},
    ]
    board.read([ROW | row for row in rows], POSITION)

    with shown.capture() as captured:
        shown.print(board_text(board, NOW, 200, 30, None))

    asks, failed, waits = (line for line in captured.get().splitlines() if "shop" in line)
    assert "Bash rm -rf build" in asks.replace("�", "")
    assert "upload.py +20" in asks
    assert "API Error: 529 Overloaded" in failed
    assert waits.rstrip().endswith("fix it")
