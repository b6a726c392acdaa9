"""The transcripts of a made-up week give the numbers that are counted in their rows, without the importers. Needs no samples from outside."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.made_up_week import WEEK_HOURS, Writer, sessions, write_rows
from tests.unit.worker.importers.merged import Merged
from tests.unit.worker.importers.sample_table import COLUMNS, numbers_of

START = datetime(2026, 6, 1, tzinfo=UTC)
IDLE_SECONDS = 300


@pytest.fixture(scope="module")
def week() -> list[Writer]:
    return list(sessions(START, START + timedelta(hours=WEEK_HOURS)))


def test_transcripts_give_the_numbers_that_their_rows_have(week: list[Writer], tmp_path: Path) -> None:
    merged = merge(write(tmp_path, week))

    assert dict(zip(COLUMNS, numbers_of(merged, len(week)), strict=True)) == counted(week)
    assert counted(week) | {"sessions": 10, "projects": 3, "human messages": 95, "tool calls": 285, "edits": 95} == counted(week)
    assert merged.errors == []


def test_snapshots_of_growing_sessions_merge_to_the_last_in_any_order(week: list[Writer], tmp_path: Path) -> None:
    states = [list(write(tmp_path / str(third), week, third)) for third in (1, 2, 3)]
    in_turn = [path for state in states for path in state]

    alone = merge(states[-1])

    for merged in (merge(in_turn), merge(in_turn[::-1])):
        assert merged.rows == alone.rows
        assert merged.comparable_sessions() == alone.comparable_sessions()


def test_diverged_snapshots_merge_to_one_session_with_the_rows_of_both(week: list[Writer], tmp_path: Path) -> None:
    rows = week[0].rows
    middle = len(rows) // 2
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    write_rows(first, rows[: middle + 9])
    write_rows(second, [*rows[:middle], *rows[middle + 9 :]])

    merged = merge([first, second])

    assert len(merged.sessions) == 1
    assert merged.rows.keys() == merge([first]).rows.keys() | merge([second]).rows.keys()
    assert merged.rows.keys() > merge([first]).rows.keys()


def merge(paths: Any) -> Merged:
    return Merged().add_files(paths)


def write(folder: Path, week: list[Writer], thirds: int = 3) -> Iterator[Path]:
    """Each session's first rows, so many thirds of them."""
    for writer in week:
        path = folder / f"{writer.session_id}.jsonl"
        write_rows(path, writer.rows[: len(writer.rows) * thirds // 3])
        yield path


def counted(week: list[Writer]) -> dict[str, float]:
    """The table's row, from the transcripts' rows alone."""
    rows = [row for writer in week for row in writer.rows if "message" in row]
    usages = [row["message"]["usage"] for row in rows if row["type"] == "assistant"]
    results = [row["message"]["content"][0] for row in rows if row["type"] == "user" and isinstance(row["message"]["content"], list)]
    patches = [row["toolUseResult"]["structuredPatch"][0]["lines"] for row in rows if "toolUseResult" in row]
    lines = [line for patch in patches for line in patch]
    return {
        "files": len(week),
        "sessions": len(week),
        "projects": len({writer.project for writer in week}),
        "human messages": sum(row["type"] == "user" and isinstance(row["message"]["content"], str) for row in rows),
        # A message is an answer, with or without a text.
        "assistant messages": len(usages),
        "tool calls": len(results),
        "errors": sum(result["is_error"] for result in results),
        "edits": len(patches),
        "+ lines": sum(line.startswith("+") for line in lines),
        "- lines": sum(line.startswith("-") for line in lines),
        "input": sum(usage["input_tokens"] for usage in usages),
        "output": sum(usage["output_tokens"] for usage in usages),
        "cache write": sum(usage["cache_creation_input_tokens"] for usage in usages),
        "cache read": sum(usage["cache_read_input_tokens"] for usage in usages),
        "active h": round(sum(map(active_seconds, week)) / 3600, 2),
    }


def active_seconds(writer: Writer) -> float:
    times = [datetime.fromisoformat(row["timestamp"]) for row in writer.rows if "timestamp" in row]
    gaps = ((later - earlier).total_seconds() for earlier, later in pairwise(times))
    return sum(gap for gap in gaps if gap <= IDLE_SECONDS)
