"""The cost that the real client says of sessions is what their calls cost here, to the cent: twenty sessions of all kinds that it prices."""

import json
from pathlib import Path
from typing import Any, Final

from services.worker.resources import Resources
from tests.integration.worker.capture.captured import import_files
from tests.real_client.claude_code import ClaudeHome
from tests.real_client.messages_api import USAGE, Turn, say, use, use_agent
from tests.skips import needs

pytestmark = [needs("Claude Code")]

# Older ones write no total.
FIRST_WITH_TOTALS: Final = (2, 1, 260)
MODELS: Final = ("claude-opus-4-6", "claude-opus-4-8", "claude-sonnet-4-5", "claude-haiku-4-5")
_ADVISOR: Final = {
    "type": "advisor_message", "model": "claude-opus-4-6", "input_tokens": 1000, "output_tokens": 500, "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
}  # fmt: skip
_LARGE: Final = {"input_tokens": 21, "output_tokens": 4321, "cache_creation_input_tokens": 9000, "cache_read_input_tokens": 88_000}
KINDS: Final[dict[str, dict[str, Any]]] = {
    "plain": {},
    "kept for an hour": _LARGE | {"cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 8000}},
    "in one region": _LARGE | {"inference_geo": "us", "cache_creation": None, "server_tool_use": {"web_search_requests": 2}},
    "with an advisor": {"iterations": [{"type": "message"}, _ADVISOR], "inference_geo": "us"},
}
LONG: Final[list[Turn]] = [[use("Bash", command="echo hi", description="Say hi")], [say("Said.")]]
WITH_AGENT: Final[list[Turn]] = [[use_agent("Look", "Look around in the shop")], [say("Looked.")]]


def test_cost_of_twenty_sessions_is_the_clients_to_the_cent(claude_home: ClaudeHome, worker: Resources, tmp_path: Path) -> None:
    # Given sessions of each model and kind; one in fast mode, one with a subagent, one that is resumed twice, and a fork of it
    api = claude_home.api
    for model in MODELS:
        for usage in KINDS.values():
            api.usage = {**USAGE, **usage}
            claude_home.run("do it", LONG, "--model", model)
    api.usage = {**USAGE, **_LARGE, "cache_creation": None, "speed": "fast"}
    claude_home.run("do it fast", LONG, "--model", "claude-opus-4-6")
    api.usage = USAGE
    claude_home.run("look around", WITH_AGENT, "--model", "claude-sonnet-4-5", agents={"Look around in the shop": LONG})
    first = claude_home.run("begin", LONG, "--model", "claude-sonnet-4-5")
    for _ in range(2):
        claude_home.run("go on", LONG, "--resume", first.session_id, "--model", "claude-haiku-4-5")
    claude_home.run("another way", LONG, "--resume", first.session_id, "--fork-session", "--model", "claude-haiku-4-5")

    # When their transcripts are imported
    import_files(worker, tmp_path, *(path.read_bytes() for path in claude_home.transcripts()))
    with worker.transaction() as connection:
        found = connection.execute(
            "SELECT session_id, s.cost_nano_usd, c.own_nano_usd FROM sessions AS s LEFT JOIN session_client_costs AS c USING (session_id)"
        ).fetchall()

    # Then each costs what Claude Code counted, but for the hundredth of a cent that rounding may take
    assert len(found) == 20
    if _version_in(claude_home) < FIRST_WITH_TOTALS:
        assert {own for _, _, own in found} == {None}
        return
    assert {session_id: (cost, own) for session_id, cost, own in found if own is None or abs((cost or 0) - own) > 100_000} == {}
    # The fork goes on with the total of its origin, which so counts twice in what Claude Code wrote
    totals = _last_totals(claude_home)
    assert round(sum(own for _, _, own in found) / 1e9, 2) == round(sum(totals.values()) - totals[first.session_id], 2)


def _records(home: ClaudeHome) -> list[dict[str, Any]]:
    return [json.loads(line) for path in home.transcripts() for line in path.read_text().splitlines()]


def _version_in(home: ClaudeHome) -> tuple[int, ...]:
    version = next(record["version"] for record in _records(home) if record.get("version"))
    return tuple(int(part) for part in version.split("."))


def _last_totals(home: ClaudeHome) -> dict[str, float]:
    """By session, what its last cost-state says."""
    return {record["sessionId"]: record["totalCostUSD"] for record in _records(home) if record["type"] == "cost-state"}
