"""The search by session: words in different texts, days, and from hit to hit within a session."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from deploy.embedded.supervision.processes import wait_until
from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import found, hits, meant, open_palette, painted, sessions
from tests.flow.conftest import Stack


@pytest.fixture(scope="module")
def scattered(stack: Stack) -> str:
    """A session with three animals, each in another prompt, none in its title, which is the first prompt."""
    session, at = "scattered-words", datetime.now(UTC) - timedelta(days=4)
    body = {"project_path": "/home/ann/zoo", "session_id": session, "start_time": at.isoformat(), "user": "ann"}
    assert stack.http.post("/api/sessions/start", json=body).status_code < 300
    for days, text in enumerate(("look after the zoo", "the tapir escaped", "buy food for the ibis", "count every numbat")):
        told = {"session_id": session, "timestamp": (at + timedelta(days=days)).isoformat(), "content": text, "role": "user"}
        assert stack.http.post("/api/conversations", json=told).status_code < 300
    assert wait_until(lambda: len(found(stack, "q=tapir or ibis or numbat")["items"]) >= 3, 60)
    assert wait_until(lambda: any(len(each["items"]) >= 3 for each in found(stack, "q=tapir ibis numbat")["ranked"]["sessions"]), 60)
    return session


def test_words_of_different_texts_find_their_session_and_lead_from_hit_to_hit(open_page: OpenPage, scattered: str) -> None:
    page = open_page("/search?q=numbat%20tapir%20ibis")

    expect(page.locator(".search-count")).to_have_text("No exact match.")
    expect(meant(page).first.locator(".hit")).to_have_count(3)
    meant(page).first.locator(".hit", has_text="ibis").click()

    page.wait_for_url(f"**/sessions/{scattered}?at=*")
    expect(page.locator(".message.is-marked")).to_contain_text("buy food")
    assert painted(page) == ["ibis"]
    steps = page.get_by_role("group", name="Hits in this session")
    expect(steps).to_contain_text("2 of 3")
    steps.get_by_role("button", name="Next hit").click()
    expect(page.locator(".message.is-marked")).to_contain_text("count every")
    expect(steps.get_by_role("button", name="Next hit")).to_be_disabled()
    for text, key in (("buy food", "F"), ("the tapir", "F"), ("buy food", "f")):
        page.keyboard.press(key)
        expect(page.locator(".message.is-marked")).to_contain_text(text)


def test_palette_offers_sessions_where_no_text_has_all_words(open_page: OpenPage, scattered: str) -> None:
    page = open_page("/overview")
    page.wait_for_selector("h1")
    open_palette(page)
    page.keyboard.type("tapir ibis")
    expect(page.locator(".palette .search-count")).to_have_text("No exact match.")

    page.get_by_role("group", name="Sessions that may be meant").get_by_role("option").first.click()

    page.wait_for_url(f"**/sessions/{scattered}?at=*")
    expect(page.get_by_role("group", name="Hits in this session")).to_contain_text("of 2")


def test_days_are_picked_by_hand(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/search?q=retry")
    expect(hits(page)).not_to_have_count(0)
    expect(page.get_by_label("First day")).to_have_value("")
    day = max(item["timestamp"] for item in found(stack, "q=retry&kind=message")["items"])[:10]
    page.get_by_label("First day").fill(day)
    page.get_by_label("Last day").fill(day)

    expected = found(stack, f"q=retry&limit=30&group_by=session&start_date={day}&end_date={day}")
    expect(sessions(page)).to_have_count(len(expected["sessions"]))
    assert parse_qs(urlsplit(page.url).query) == {"q": ["retry"], "from": [day], "to": [day]}
    assert all(re.search(r", \d\d:\d\d$", text) for text in page.locator(".hit time").all_inner_texts())
