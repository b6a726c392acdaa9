"""`tracker blocks` lists blocks of usage, and `tracker show` has what Claude Code counted of the cache beside our rebuilds."""

import csv
import io
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Ask, Run, Stack


@pytest.fixture
def user(tracker: Run, home: ClaudeHome) -> str:
    """A person with two sessions at the same time, two calls each."""
    name = f"u-{uuid4().hex[:8]}"
    home.transcript()
    home.transcript()
    assert tracker("import", "--quiet", "--user", name).returncode == 0
    return name


def test_blocks_of_a_person_are_a_table_that_names_the_limits_elsewhere(ask: Ask, user: str) -> None:
    head, _, row, *rest = ask("blocks", "--user", user, "--tz", "UTC", COLUMNS="200").splitlines()

    assert head.split()[:2] == ["Began", "Until"]
    assert row.split()[:6] == ["20", "Nov", "10:00", "20", "Nov", "15:00"]
    assert "claude-opus-4-6" in row
    assert rest[-1] == "Not the windows of Claude Code's limits: `tracker quota` shows those."


def test_programs_get_blocks_as_json_and_csv(ask: Ask, user: str) -> None:
    [block] = json.loads(ask("blocks", "--user", user, "--json"))
    [row] = csv.DictReader(io.StringIO(ask("blocks", "--user", user, "--csv")))

    assert (block["start"], block["api_calls"], block["sessions"], block["burn_rate"]) == ("2026-11-20T10:00:00Z", 4, 2, None)
    assert (row["start"], row["api_calls"], row["models"]) == ("2026-11-20T10:00:00Z", "4", "claude-opus-4-6")
    assert json.loads(ask("blocks", "--user", user, "--json", "--until", "2026-11-19")) == []


def test_a_session_shows_what_claude_code_counted_of_the_cache(stack: Stack, tracker: Run, ask: Ask, home: ClaudeHome) -> None:
    session = home.transcript().stem
    assert tracker("import", "--quiet").returncode == 0
    reading = {"type": "status_line", "session_id": session, "machine_id": "laptop", "read_at": datetime.now(UTC).isoformat()}
    cache = {"warm": True, "requests": 41, "misses": 3, "last_miss_cause": {"causes": ["tools_changed"]}}

    sent = stack.http.post("/api/readings", json=[reading | {"prompt_cache": cache}], headers={"Prefer": "wait=30"})

    assert (sent.json()["accepted"], sent.headers["preference-applied"]) == (1, "wait=30")
    assert "Claude Code counted 3 misses of the cache in 41 calls, the last since: tools changed" in ask(
        "show", session, "--outcome", COLUMNS="200"
    )
