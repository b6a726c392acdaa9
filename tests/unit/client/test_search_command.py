"""`tracker search` on hits, and on sessions that may be meant."""

import json
from typing import Any

import pytest

from client.options import At
from client.questions.output import Output
from client.questions.search import search
from tests.unit.client.scripted_server import Scripted, answer

HIT = {
    "kind": "message", "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b", "session_id": "s-1", "session_title": "Retry", "project_id": 1, "project_name": "shop",
    "user": "ann", "timestamp": "2024-01-15T10:21:00Z", "role": "user", "tool_name": None, "is_error": False, "matched_in": ["message"],
    "snippet": "<mark>retry</mark>",
}  # fmt: skip


@pytest.fixture(autouse=True)
def as_wide_as_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test process may have the width of the terminal that started it, and then sentences are wrapped."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.mark.parametrize(
    ("total", "is_exact", "sentence"),
    [(265, True, "1 of 265 hits."), (51, False, "1 of at least 51 hits."), (10_000, False, "1 of at least 10,000 hits.")],
)
def test_a_number_says_at_least_only_where_it_is_a_bound(
    capsys: pytest.CaptureFixture[str], total: int, is_exact: bool, sentence: str
) -> None:
    found = {"items": [HIT], "next_cursor": None, "total": total, "total_is_exact": is_exact, "is_complete": True}
    notes: dict[str, Any] = {"incomplete_because": None, "hints": [], "pending_documents": 0}

    with Scripted(answer(200, found | notes)) as scripted:
        search(["retry"], limit=1, at=At(scripted.url))

    assert sentence in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("own", "speaker"), [("ann", "you"), ("ben", "ann")])
def test_a_prompt_is_yours_only_if_you_wrote_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, own: str, speaker: str
) -> None:
    monkeypatch.setenv("LOGNAME", own)
    monkeypatch.setenv("TRACKER_CAPTURE_DIR", "/nonexistent")
    found = {"items": [HIT], "next_cursor": None, "total": 1, "total_is_exact": True, "is_complete": True}
    notes: dict[str, Any] = {"incomplete_because": None, "hints": [], "pending_documents": 0}

    with Scripted(answer(200, found | notes)) as scripted:
        search(["retry"], limit=1, at=At(scripted.url))

    assert f"  {speaker}, Mon 15 Jan 2024" in capsys.readouterr().out


NOTHING: dict[str, Any] = {
    "items": [], "next_cursor": None, "total": 0, "total_is_exact": True, "is_complete": True, "incomplete_because": None, "hints": [],
    "pending_documents": 0,
}  # fmt: skip
RANKED = {"sessions": [], "corrected": {}, "waiting_sessions": 0, "is_ready": True}
MEANT = {
    "session_id": "s-1", "session_title": "Retry", "project_id": 1, "project_name": "shop", "user": "ann", "timestamp": "2024-01-15T10:21:00Z",
    "score": 1.0, "items": [HIT, HIT | {"snippet": "an <mark>upload</mark> fails"}],
}  # fmt: skip


def told(capsys: pytest.CaptureFixture[str], found: dict[str, Any], **options: Any) -> str:
    with Scripted(answer(200, found)) as scripted:
        search(["retyr", "upload"], limit=1, at=At(scripted.url), **options)
    return capsys.readouterr().out


def test_sessions_that_may_be_meant_are_shown_where_nothing_has_all_words(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, NOTHING | {"ranked": RANKED | {"sessions": [MEANT], "corrected": {"retyr": "retry"}}})

    assert out.splitlines()[:2] == ["No exact match.", ""]
    assert "Sessions that may be meant" in out
    assert "shop  ann  Mon 15 Jan 2024" in out
    assert "    an upload fails" in out
    assert "tracker show s-1" in out
    assert out.splitlines()[-1] == "No session has 'retyr'; searched 'retry' instead."


def test_sessions_that_may_be_meant_are_not_those_of_the_hits(capsys: pytest.CaptureFixture[str]) -> None:
    other = MEANT | {"session_id": "s-2", "session_title": "Uploads"}

    out = told(capsys, NOTHING | {"items": [HIT], "total": 1, "ranked": RANKED | {"sessions": [MEANT, other]}})

    assert out.count("tracker show s-1") == 1
    assert out.index("1 hit.") < out.index("Sessions that may be meant") < out.index("Uploads") < out.index("tracker show s-2")
    # One text each: the hits stay in sight.
    assert "an upload fails" not in out


def test_an_empty_answer_names_a_way_on_and_what_waits(capsys: pytest.CaptureFixture[str]) -> None:
    out = told(capsys, NOTHING | {"ranked": RANKED | {"is_ready": False, "waiting_sessions": 3}})

    assert out.startswith("Nothing found. Try fewer words or filters")
    assert out.splitlines()[-1] == "The index of sessions is being built: 3 sessions to go."


def test_programs_get_the_answer_of_the_api(capsys: pytest.CaptureFixture[str]) -> None:
    found = NOTHING | {"items": [HIT], "total": 1, "ranked": RANKED | {"sessions": [MEANT]}}

    assert json.loads(told(capsys, found, form=Output(as_json=True))) == found


def test_projects_of_one_name_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    found = {"next_cursor": None, "total": 2, "total_is_exact": True, "is_complete": True}
    notes: dict[str, Any] = {"incomplete_because": None, "hints": [], "pending_documents": 0}
    hits = [HIT | {"project_id": number} for number in (1, 2)]
    projects = [{"id": 1, "label": "work/shop"}, {"id": 2, "label": "home/shop"}]

    with Scripted(answer(200, found | notes | {"items": hits}), answer(200, projects)) as scripted:
        search(["retry"], limit=2, at=At(scripted.url))

    out = capsys.readouterr().out
    assert "work/shop" in out
    assert "home/shop" in out
