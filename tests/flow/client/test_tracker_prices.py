"""`tracker prices` against the real API and worker: shows prices, sets one, and prices what is stored."""

import json
import re
from uuid import uuid4

import pytest
from rich.cells import cell_len

from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Run, Stack

WAIT = {"Prefer": "wait=30"}


def say(stack: Stack, session_id: str, model: str) -> None:
    """An answer that used 1,000 tokens of input and 100 of output."""
    said = {
        "session_id": session_id, "content": "So.", "role": "assistant", "timestamp": "2026-02-01T10:00:00Z", "model": model,
        "usage": {"input_tokens": 1000, "output_tokens": 100},
    }  # fmt: skip
    assert stack.http.post("/api/conversations", json=said, headers=WAIT).status_code == 201


def test_a_model_without_a_price_is_named_gets_one_and_its_calls_are_priced(stack: Stack, tracker: Run, home: ClaudeHome) -> None:
    session_id, model = str(uuid4()), f"unheard-of-{uuid4().hex[:8]}"
    begun = {"session_id": session_id, "project_path": "/home/ann/priced", "start_time": "2026-02-01T10:00:00Z"}
    assert stack.http.post("/api/sessions/start", json=begun, headers=WAIT).status_code == 201
    say(stack, session_id, model)

    assert f"{model} (1 call)" in tracker("prices", COLUMNS="2000").stdout
    assert {"model": model, "api_calls": 1} in stack.http.get("/api/accounting").json()["unpriced_models"]
    done = tracker("prices", "set", model, "--input", "10", "--output", "50")
    assert f"{model} costs $10.00 for input and $50.00 for output from the next call on." in done.stdout, done.stderr
    would = json.loads(tracker("prices", "reprice", "--dry-run", "--model", model, "--json").stdout)
    assert [(each["model"], each["changed_calls"], each["new_usd"]) for each in would["models"]] == [(model, 1, 0.015)]
    assert stack.http.get(f"/api/sessions/{session_id}").json()["cost_usd"] is None

    changed = tracker("prices", "reprice", "--model", model, COLUMNS="120")
    say(stack, session_id, model)

    assert "What changed:" in changed.stdout, changed.stderr
    assert "$0.0150" in changed.stdout
    assert stack.http.get(f"/api/sessions/{session_id}").json()["cost_usd"] == 0.03
    shown = tracker("prices", COLUMNS="2000").stdout
    assert "set here" in shown
    assert "genai-prices" in shown
    assert f"{model} (1 call)" not in shown
    taken_back = tracker("prices", "unset", model).stdout
    assert taken_back.startswith("The price is taken back.")
    assert "/api/" not in taken_back
    assert tracker("prices", "unset", model).returncode == 1


@pytest.mark.parametrize("columns", ["40", "60", "80"])
def test_prices_are_a_line_each_in_a_narrow_terminal(tracker: Run, columns: str) -> None:
    shown = tracker("prices", COLUMNS=columns).stdout

    listed, _, _ = shown.partition("US dollars for a million tokens.")
    head, _, *rows = listed.splitlines()
    assert {"Model", "Input", "Output"} <= set(head.split())
    assert max(map(cell_len, listed.splitlines())) <= int(columns)
    assert all(re.match(r"\S", row) for row in rows), listed


def test_a_price_that_nobody_has_set_cannot_be_taken_back(tracker: Run) -> None:
    refused = tracker("prices", "unset", "claude-that-nobody-priced")

    assert refused.returncode == 1
    assert "No such price is set" in refused.stderr
