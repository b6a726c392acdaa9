"""What `tracker search` says of the number of hits."""

import pytest

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
    notes = {"incomplete_because": None, "corrected": None, "hints": [], "pending_documents": 0}

    with Scripted(answer(200, found | notes)) as scripted:
        search(["retry"], limit=1, url=scripted.url)

    assert sentence in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("own", "speaker"), [("ann", "you"), ("ben", "ann")])
def test_a_prompt_is_yours_only_if_you_wrote_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, own: str, speaker: str
) -> None:
    monkeypatch.setenv("LOGNAME", own)
    monkeypatch.setenv("TRACKER_CAPTURE_DIR", "/nonexistent")
    found = {"items": [HIT], "next_cursor": None, "total": 1, "total_is_exact": True, "is_complete": True}
    notes = {"incomplete_because": None, "corrected": None, "hints": [], "pending_documents": 0}

    with Scripted(answer(200, found | notes)) as scripted:
        search(["retry"], limit=1, url=scripted.url)

    assert f"  {speaker}, Mon 15 Jan 2024" in capsys.readouterr().out


def test_a_search_that_finds_nothing_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"items": [], "next_cursor": None, "total": 0, "total_is_exact": True, "is_complete": True}
    notes = {"incomplete_because": None, "corrected": None, "hints": [], "pending_documents": 0, "across": None}
    nearest = [{"q": "redis connection", "without": ["vps"], "sessions": 2, "is_exact": True}]

    with Scripted(answer(200, nothing | notes | {"nearest": nearest})) as scripted:
        search(["redis", "vps", "connection"], url=scripted.url)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Nothing found.")
    assert lines[1] == "Without 'vps': 2 sessions. tracker search --group session 'redis connection'"


def test_words_of_different_texts_show_their_sessions(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = {"items": [], "next_cursor": None, "total": 0, "total_is_exact": True, "is_complete": True}
    notes = {"incomplete_because": None, "corrected": None, "hints": [], "pending_documents": 0, "across": None}
    nearest = [{"q": "retry upload", "without": [], "sessions": 1, "is_exact": True}]
    session = {
        "session_id": "s-1",
        "session_title": "Retry",
        "project_id": 1,
        "project_name": "shop",
        "match": "session",
        "hits": 2,
        "items": [HIT],
    }
    found = nothing | notes | {"items": None, "sessions": [session], "across": {"sessions": 1, "is_exact": True}, "nearest": []}

    with Scripted(answer(200, nothing | notes | {"nearest": nearest}), answer(200, found)) as scripted:
        search(["retry", "upload"], url=scripted.url)

    out = capsys.readouterr().out
    assert "These sessions have them in different ones." in out
    assert "tracker show s-1" in out
    assert out.splitlines()[-1] == "1 session; 1 with the words in different texts."


def test_other_forms_of_a_word_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = {"items": [HIT], "next_cursor": None, "total": 1, "total_is_exact": True, "is_complete": True}
    notes = {"incomplete_because": None, "corrected": None, "hints": [], "pending_documents": 0, "forms": {"retried": ["retry", "retries"]}}

    with Scripted(answer(200, found | notes)) as scripted:
        search(["retried"], limit=1, url=scripted.url)

    assert capsys.readouterr().out.splitlines()[0] == "Also found for 'retried': retry, retries."


def test_projects_of_one_name_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    found = {"next_cursor": None, "total": 2, "total_is_exact": True, "is_complete": True}
    notes = {"incomplete_because": None, "corrected": None, "hints": [], "pending_documents": 0}
    hits = [HIT | {"project_id": number} for number in (1, 2)]
    projects = [{"id": 1, "label": "work/shop"}, {"id": 2, "label": "home/shop"}]

    with Scripted(answer(200, found | notes | {"items": hits}), answer(200, projects)) as scripted:
        search(["retry"], limit=2, url=scripted.url)

    out = capsys.readouterr().out
    assert "work/shop" in out
    assert "home/shop" in out
