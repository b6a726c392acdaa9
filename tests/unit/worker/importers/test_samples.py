"""Real transcripts give the numbers that were computed independently of this project."""

from pathlib import Path

import pytest

from tests.skips import needs
from tests.unit.worker.importers.sample_table import ALL, COLUMNS, SAMPLES, TRANSCRIPTS, expected_table, files_of, our_table, read_files

pytestmark = needs("samples")

# (set, column): how much more ours is, and why.
DIFFERENCES = {
    ("chiphuyen+sniffly", "edits"): (
        -4,
        "the result of NotebookEdit has no patch, so that its lines are estimated; here such edits are left out",
    ),
    (ALL, "edits"): (-4, "the same four"),
    ("JanDeDobbeleer+oh-my-posh", "active h"): (
        pytest.approx(0.24),
        "two files of forks begin with a copy of their parent's rows, whose time counts for the parent alone (-1.68); "
        "subagents of which no records are left ran in gaps (1.92)",
    ),
    ("entireio+cli", "active h"): (pytest.approx(0.34), "subagents ran in gaps"),
    (ALL, "active h"): (pytest.approx(0.58), "the same"),
}
TOOLS = {
    "Bash": 2153,
    "Read": 1207,
    "Edit": 831,
    "Grep": 489,
    "Glob": 161,
    "Write": 139,
    "TodoWrite": 85,
    "TaskUpdate": 63,
    "PowerShell": 49,
    "Agent": 43,
    "Task": 38,
    "Skill": 34,
}


def test_sample_totals_match_the_expected_table_or_its_known_exceptions() -> None:
    expected = expected_table((SAMPLES / "README.md").read_text(encoding="utf-8"))
    assert len(expected) == 11

    table, tools = our_table()

    different = {
        (name, column): ours - theirs
        for name in expected
        for column, ours, theirs in zip(COLUMNS, table[name], expected[name], strict=True)
        if ours != theirs
    }
    assert different == {place: more for place, (more, _) in DIFFERENCES.items()}
    assert {name: tools[name] for name in TOOLS} == TOOLS


# Their later published parts are not what they grew to: each state has rows that the other does not have. All of both is kept.
NOT_GROWN = {"198393f2-22db-477b-ac77-1825bea883ae.jsonl", "20b81bf8-77cd-4205-8ac9-727b573a70e4.jsonl"}


def states_of_sessions(name: str) -> dict[str, list[Path]]:
    """{file name: its states, oldest first}."""
    folders = [*sorted((TRANSCRIPTS / name / "snapshots").iterdir()), TRANSCRIPTS / name / "projects"]
    states: dict[str, list[Path]] = {}
    for path in (path for folder in folders for path in files_of(folder)):
        states.setdefault(path.name, []).append(path)
    return states


@pytest.mark.parametrize("name", ["JanDeDobbeleer+oh-my-posh", "entireio+cli"])
def test_snapshots_of_a_growing_session_merge_to_the_last_in_any_order(name: str) -> None:
    states = [of_file for file_name, of_file in states_of_sessions(name).items() if file_name not in NOT_GROWN]
    in_turn = [path for of_file in states for path in of_file]

    alone = read_files([of_file[-1] for of_file in states])

    for merged in (read_files(in_turn), read_files(in_turn[::-1])):
        assert merged.rows == alone.rows
        assert merged.comparable_sessions() == alone.comparable_sessions()


def test_diverged_snapshots_merge_to_one_session_with_the_rows_of_both() -> None:
    for file_name in NOT_GROWN:
        first, second = states_of_sessions("entireio+cli")[file_name]
        assert not second.read_bytes().startswith(first.read_bytes())
        merged = read_files([first, second])
        assert len(merged.sessions) == 1
        assert merged.rows.keys() == read_files([first]).rows.keys() | read_files([second]).rows.keys()
