"""Tables in a terminal: which columns stay, how texts are shortened, how times and ids are shown."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from client.output.local_time import local_time, short_time, today_in
from client.questions.lists import estimated_note
from client.questions.lookup import short_session_id
from client.questions.output import Column, table
from shared.quantities import day_text

ROW = {"tool": "mcp__browser__javascript_tool", "title": "A title that is long enough to be cut", "calls": "12"}
TOOL = Column("Tool", lambda row: row["tool"], right=False, least=16, keeps_end=True)
TITLE = Column("Title", lambda row: row["title"], right=False, least=16)
CALLS = Column("Calls", lambda row: row["calls"], rank=1)


def shown(columns: tuple[Column, ...], width: int) -> list[str]:
    out = Console(file=io.StringIO(), width=width)
    with out.capture() as captured:
        out.print(table([ROW], columns, width))
    return captured.get().splitlines()


def test_a_column_is_dropped_before_a_text_becomes_too_short() -> None:
    assert "Calls" in shown((TITLE, CALLS), 30)[0]
    assert "Calls" not in shown((TITLE, CALLS), 20)[0]


def test_a_text_that_keeps_its_end_is_cut_in_the_middle() -> None:
    assert shown((TOOL,), 20)[-1].strip() == "mcp__b…vascript_tool"
    assert shown((TITLE,), 20)[-1].strip().endswith("…")


def test_a_text_that_is_not_known_is_a_dash() -> None:
    assert shown((TOOL, Column("Path", lambda _: None, least=12, keeps_end=True)), 80)[-1].split() == [ROW["tool"], "–"]


@pytest.mark.parametrize("width", [14, 20, 40, 100])
def test_a_table_is_never_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, shown((TITLE, CALLS), width))) <= width


def test_a_uuid_is_shortened_and_another_id_is_not() -> None:
    assert short_session_id("be2220da-eaff-40d2-b482-9f05cced3187") == "be2220da"
    assert short_session_id("session-auth-001") == "session-auth-001"


def test_times_are_in_the_zone_and_have_the_year_if_it_is_not_this_one() -> None:
    this_year = today_in("UTC").year
    assert local_time("2025-02-06T23:30:00Z", "Europe/Berlin") == "Fri 7 Feb 2025 00:30"
    assert short_time(f"{this_year}-02-16T14:05:00Z", "UTC") == "16 Feb 14:05"
    assert short_time("2020-02-06T14:05:00Z", "UTC") == " 6 Feb 2020"
    assert (local_time(None, "UTC"), short_time(None, "UTC")) == ("", "")
    assert len(day_text(datetime(2026, 2, 6, tzinfo=UTC).date(), is_aligned=True)) == len("Mon 16 Feb 2026")


def test_durations_that_are_left_out_are_named() -> None:
    assert estimated_note([{"estimated_calls": 0}, {"estimated_calls": 0}]) is None
    said = estimated_note([{"estimated_calls": 1}, {"estimated_calls": 1200}])
    assert said == "1,201 calls without a measured duration are left out of the times; see --include-estimated."
    said = estimated_note([{"estimated_calls": 3, "untimed_calls": 0}, {"estimated_calls": 0, "untimed_calls": 2}])
    assert (
        said == "3 calls without a measured duration are left out of the times; see --include-estimated. Of 2 calls no duration is known."
    )
