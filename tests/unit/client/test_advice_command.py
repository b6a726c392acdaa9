"""`tracker advice` as a person reads it."""

from typing import Any

import pytest

from client.options import At
from client.questions.advice import show_advice
from tests.unit.client.scripted_server import Scripted, answer

SESSION = {
    "session_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
    "title": "Retry",
    "project_name": "shop",
    "cost_usd": 0.25,
    "amount": 2,
    "item_id": None,
}
LINE = {
    "sentence": "Git refused: failed 2 times.", "subject": "git push", "amount": 2, "cost_usd": 0.25, "failed_command": "git push",
    "fix": "git push -u origin main", "examples": [SESSION], "sessions": 3,
}  # fmt: skip
KIND = {
    "kind": "failures", "heading": "Commands that fail", "counted": "Failed commands.", "act": "Write it into CLAUDE.md.", "unit": "calls", "amount": 7,
    "cost_usd": 1.5, "is_estimated": True, "lines": [LINE], "lines_left_out": 2,
}  # fmt: skip
MEASURES = {
    "of": "claude-opus-4-5", "sessions": 2, "api_calls": 9, "unpriced_calls": 0, "cost_usd": 3, "tool_calls": 20, "failed_calls": 1, "edits": 4,
    "first_tries": 3, "retries": 1, "cost_per_edit_usd": 0.75,
}  # fmt: skip


def shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, **found: Any) -> list[str]:
    monkeypatch.delenv("COLUMNS", raising=False)
    nothing = {"sessions": 5, "sessions_left_out": 0, "kinds": [], "models": [], "split": []}
    with Scripted(answer(200, nothing | found)) as scripted:
        show_advice(at=At(scripted.url))
    return capsys.readouterr().out.splitlines()


def test_a_line_has_its_sum_its_sessions_and_the_act(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    head, read, *rest = shown(capsys, monkeypatch, kinds=[KIND], models=[MEASURES], sessions_left_out=1)

    assert head.startswith("The last 30 days")
    assert read == "From 5 sessions, the newest; 1 older one was not read: give a shorter range with --since and --until."
    assert rest[:10] == [
        "",
        "Commands that fail  about $1.50, 7 calls",
        "  Write it into CLAUDE.md.",
        "  • git push  Git refused: failed 2 times.",
        "    failed: git push",
        "    worked: git push -u origin main",
        "    018d0d5e  Retry  $0.25",
        "    and 2 more sessions",
        "  and 2 more lines; --lines 3 shows all",
        "  Failed commands.",
    ]
    assert rest[14].split() == ["claude-opus-4-5", "2", "$3.00", "20", "5.0", "%", "4", "75", "%", "1", "$0.75"]


def test_a_key_for_numbers_gets_the_sums(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = LINE | {"subject": None, "failed_command": None, "fix": None, "examples": []}

    lines = shown(capsys, monkeypatch, kinds=[KIND | {"lines": [hidden], "lines_left_out": 0}])

    assert lines[5:7] == ["  • Git refused: failed 2 times.", "    3 sessions"]


def test_nothing_to_advise_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(capsys, monkeypatch)[3].startswith("Nothing to advise: no pause outlived the cache")
    assert shown(capsys, monkeypatch, sessions=0)[3] == "Nothing to advise: no session in these days."
