"""`tracker export` writes sessions and lists of the running tracker: Markdown, a digest, CSV and NDJSON."""

import csv
import io
import json
from pathlib import Path

import pytest

from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Ask, Run

SHOP = "/home/ann/shop"


@pytest.fixture
def session_id(tracker: Run, home: ClaudeHome) -> str:
    """A session of two prompts, imported."""
    path = home.transcript(2)
    assert tracker("import", "--quiet").returncode == 0
    return path.stem


def exported(ask: Ask, *arguments: str | Path) -> str:
    """The output of a command. Asserts that `-o` writes to a file alone."""
    said = ask("export", *arguments)
    assert ask("export", *arguments, "-o", "file") == ""
    return said


def test_markdown_has_prompts_calls_and_answers_in_order(session_id: str, ask: Ask, tmp_path: Path) -> None:
    said = exported(ask, session_id[:12], "--tz", "UTC")

    assert (tmp_path / "file").read_text() == said
    assert said.index("run the tests") < said.index("make test") < said.index("They pass.")
    assert said.count("They pass.") == 2
    assert "all green" not in said
    assert "all green" in ask("export", session_id, "--tools", "full")
    assert "make test" not in ask("export", session_id, "--tools", "none")


def test_a_digest_says_what_was_asked_without_output(session_id: str, ask: Ask) -> None:
    said = exported(ask, session_id, "--format", "digest")

    assert "run the tests" in said
    assert "all green" not in said
    assert len(said) <= 65_536


def test_lists_are_tables_of_what_passes_the_filters(session_id: str, ask: Ask, tmp_path: Path) -> None:
    day = ("--since", "2026-11-20", "--until", "2026-11-20", "--tz", "UTC", "--project", SHOP)
    rows = list(csv.DictReader(io.StringIO(exported(ask, "--list", "sessions", *day))))
    calls = [json.loads(line) for line in ask("export", "--list", "tool-calls", *day, "--format", "ndjson").splitlines()]

    assert [row["messages_count"] for row in rows if row["session_id"] == session_id] == ["6"]
    assert [call["parameters"] for call in calls if call["session_id"] == session_id] == [{"command": "make test"}] * 2
    # A text may have several lines.
    assert len(list(csv.reader(io.StringIO(ask("export", "--list", "sessions", *day, "--limit", "1"))))) == 2


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [([], 2), (["x", "--list", "sessions"], 2), (["x", "--format", "csv"], 2), (["--list", "sessions", "--thinking"], 2), (["nobody"], 1)],
)
def test_a_failed_export_leaves_no_file(session_id: str, tracker: Run, tmp_path: Path, arguments: list[str], exit_code: int) -> None:
    done = tracker("export", *arguments, "-o", "file")

    assert done.returncode == exit_code, done.stderr
    assert done.stderr
    assert not (tmp_path / "file").exists()
