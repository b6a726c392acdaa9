"""`tracker reconcile` says why Claude Code's total differs, of a session and over days, for people and for programs."""

import csv
import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Ask, Run

# The cost of the two answers of `ClaudeHome.transcript` at list prices.
TRACKER_USD = 2 * (3 * 5 + 20 * 25) / 1e6
HELPER_USD = 0.25
DAY = ("--since", "2026-11-20", "--until", "2026-11-20", "--tz", "UTC")


@pytest.fixture
def transcript(tracker: Run, home: ClaudeHome) -> Path:
    """A session that Claude Code ended with its total, imported: besides its answers a small model has helped."""
    path = home.transcript()
    own = {"inputTokens": 6, "outputTokens": 40, "costUSD": TRACKER_USD}
    helper = {"inputTokens": 1000, "outputTokens": 9, "costUSD": HELPER_USD}
    state: dict[str, Any] = {
        "type": "cost-state",
        "sessionId": path.stem,
        "totalCostUSD": TRACKER_USD + HELPER_USD,
        "startTime": uuid4().int % 2**50,
    }
    with path.open("a") as file:
        file.write(json.dumps(state | {"modelUsage": {"claude-opus-4-6": own, "claude-haiku-4-5": helper}}) + "\n")
    assert tracker("import", "--quiet").returncode == 0
    return path


def test_session_shows_its_sources_and_the_reason_of_the_difference(ask: Ask, transcript: Path) -> None:
    shown = ask("reconcile", transcript.stem[:13])

    assert shown.startswith("Claude Code counted $0.2510, the tracker $0.0010: +$0.2500.\n")
    assert "Claude Code: transcript" in shown
    assert "+$0.2500  likely, claude-haiku-4-5, +1,009 tokens" in shown
    assert "small model for a title" in shown


def test_programs_get_a_sessions_parts_as_json_and_csv(ask: Ask, transcript: Path) -> None:
    answer = json.loads(ask("reconcile", transcript.stem, "--json"))
    [row] = csv.DictReader(io.StringIO(ask("reconcile", transcript.stem, "--csv")))

    assert [each["reason"] for each in answer["differences"]] == ["helper_calls"]
    assert (row["session_id"], row["reason"], float(row["usd"])) == (transcript.stem, "helper_calls", HELPER_USD)


def test_days_sum_up_the_reasons_of_their_sessions(ask: Ask, transcript: Path) -> None:
    shown = ask("reconcile", *DAY)
    items = csv.DictReader(io.StringIO(ask("reconcile", *DAY, "--csv")))

    assert shown.startswith("Fri 20 Nov 2026 (UTC)\nClaude Code counted $")
    assert "helper calls" in shown
    assert transcript.stem in {row["session_id"] for row in items}


def test_session_without_a_total_says_why(tracker: Run, ask: Ask, home: ClaudeHome) -> None:
    path = home.transcript()
    assert tracker("import", "--quiet").returncode == 0

    shown = ask("reconcile", path.stem)

    assert shown.startswith("The tracker counted $0.0010.\n")
    assert "Claude Code wrote no total for this session." in shown


def test_session_and_days_exclude_each_other(tracker: Run, transcript: Path) -> None:
    refused = tracker("reconcile", transcript.stem, "--since", "yesterday")

    assert (refused.returncode, refused.stdout) == (2, "")
