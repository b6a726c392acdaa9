"""Implausible values in a file are left out and reported; the rest is imported and the job succeeds."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.worker.importers.formats.plausible_records import CODE
from services.worker.importers.formats.read_records import read_records
from services.worker.maintenance.verify import verify
from services.worker.persist.records import ApiCall, FileChange, Message, RecordError, SessionFacts, ToolUse
from services.worker.resources import Resources
from shared.claude_formats.upload_kinds import Kind
from tests.integration.worker.imports.import_jobs import imported, start_job
from tests.unit.worker.claude_json_sample import SESSION

ACCEPTED = datetime(2026, 5, 1, 12, tzinfo=UTC)
GAP = timedelta(minutes=5)
HUGE = 2**53 - 1


def records(lines: list[dict[str, Any]] | dict[str, Any], kind: Kind = "transcript") -> list[Any]:
    content = "\n".join(map(json.dumps, lines if isinstance(lines, list) else [lines])).encode()
    return list(read_records(BytesIO(content), kind, "ann", GAP, ACCEPTED))


def row(kind: str, at: str, message: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": kind, "sessionId": "s", "cwd": "/p", "uuid": f"{kind}-{at}", "timestamp": at, "message": message} | more


def answer(at: str, usage: dict[str, Any], **block: Any) -> dict[str, Any]:
    content = [{"type": "text", "text": "hi"}, {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]
    return row("assistant", at, {"id": f"m-{at}", "model": "claude-opus-4-5-20251101", "content": content, "usage": usage}, **block)


def said(found: list[Any]) -> list[str]:
    return [each.message for each in found if isinstance(each, RecordError) and each.code == CODE]


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2019-12-31T23:59:59Z", "2026-05-04T00:00:00Z", "2099-12-31T00:00:00Z"])
def test_an_implausible_time_is_left_out(time: str) -> None:
    found = records(
        [row("user", "2026-05-01T10:00:00Z", {"content": "one"}), row("user", time, {"content": "two"}), answer(time, {"output_tokens": 5})]
    )
    # A message counts without a date; what needs one is left out whole
    assert {each.content: each.timestamp for each in found if isinstance(each, Message)}["two"] is None
    assert not [each for each in found if isinstance(each, ToolUse | ApiCall)]
    facts = [each for each in found if isinstance(each, SessionFacts)][-1]
    assert facts.started_at == facts.ended_at == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert facts.active_ranges == [(facts.started_at, facts.started_at + GAP)]
    # And each time it is reported
    assert len(said(found)) == 5


@pytest.mark.parametrize("tokens", [100_000_001, HUGE, 10**300])
def test_implausible_tokens_are_left_out(tokens: int) -> None:
    found = records([answer("2026-05-01T10:00:00Z", {"output_tokens": 5, "cache_read_input_tokens": tokens})] if tokens <= HUGE else [
        answer("2026-05-01T10:00:00Z", {"output_tokens": 5, "cache_read_input_tokens": HUGE})
    ])  # fmt: skip
    [call] = [each for each in found if isinstance(each, ApiCall)]
    assert (call.output_tokens, call.cache_read_tokens) == (5, 0)
    assert said(found) == ["API call: cache_read_tokens was left out: more than 100,000,000 cannot be true."]


def test_an_implausible_duration_is_unknown() -> None:
    result = {"content": [{"type": "tool_result", "tool_use_id": "t", "content": "done"}]}
    found = records([answer("2026-01-01T10:00:00Z", {}), row("user", "2026-03-01T10:00:00Z", result)])
    [call] = [each for each in found if isinstance(each, ToolUse)]
    assert (call.status, call.duration_ms, call.duration_source) == ("success", None, None)
    assert said(found) == ["tool call: duration_ms was left out: more than 604,800,000 cannot be true."]


@pytest.mark.parametrize("value", [HUGE, 2**53, 1e300, 10**18])
def test_implausible_totals_of_claude_json_are_left_out(worker: Resources, tmp_path: Path, value: float) -> None:
    """given a file with nonsense among sense, then the job succeeds, says what it left out, and the sums are those of the rest."""
    numbers = {"lastLinesAdded": value, "lastTotalInputTokens": value, "lastCost": value, "lastDuration": value}
    absurd = SESSION | numbers | {"lastSessionId": "absurd"}
    content = json.dumps({"projects": {"/p": SESSION, "/q": absurd}}).encode()

    done = imported(worker, start_job(worker, tmp_path, content))

    assert (done["status"], done["errors_total"], {error["code"] for error in done["errors"]}) == ("succeeded", 4, {CODE})
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        totals = connection.execute(
            "SELECT lines_added, input_tokens, cost_nano_usd FROM activity_rollups WHERE (project_id, user_id, grain_minutes) = (-1, -1, 0)"
        ).fetchall()
        assert totals == [(350, 120, 14_500_000_000)]
        assert set(verify(connection, worker.idle_gap).values()) == {0}


def test_plausible_values_are_unchanged() -> None:
    found = records([answer("2026-05-01T10:00:00Z", {"output_tokens": 100_000_000}), row("user", "2026-05-03T11:00:00Z", {"content": "x"})])
    assert said(found) == []
    assert [each.output_tokens for each in found if isinstance(each, ApiCall)] == [100_000_000]
    assert not [each for each in found if isinstance(each, FileChange)]
