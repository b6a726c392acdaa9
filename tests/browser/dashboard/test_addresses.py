"""Addresses that people type, and days that they are typing: said in words, once, and never an error of a program."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import settled

ONLY_READS = True


@pytest.mark.parametrize("page_name", ["overview", "sessions", "files", "usage", "tools", "projects"])
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=yesterday", "“yesterday” is not a day. A day is written as 2026-01-31. So you see the last 30 days."),
        ("from=2026-02-31&to=2026-03-05", "“2026-02-31” is not a day. A day is written as 2026-01-31. So you see the last 30 days."),
        ("from=2026-03-05&to=2026-03-01", "The last day, 2026-03-01, is before the first, 2026-03-05. So you see the last 30 days."),
    ],
)
def test_wrong_days_of_an_address_are_said_and_the_usual_range_is_shown(open_page: OpenPage, page_name: str, query: str, said: str) -> None:
    page = open_page(f"/{page_name}?{query}")
    settled(page)

    expect(page.locator(".range-reason")).to_have_text(said)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("group", name="Range of days").get_by_role("link", name="30 days")).to_have_attribute("aria-current", "true")


def test_last_day_before_the_first_is_said_once_while_it_is_typed(open_page: OpenPage) -> None:
    page = open_page("/overview?from=2026-03-05&to=2026-03-09")
    settled(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.get_by_label("Last day").fill("2026-03-01")

    expect(page.get_by_role("alert")).to_have_text("The last day, 2026-03-01, is before the first, 2026-03-05.")
    expect(page.get_by_label("Last day")).to_have_value("2026-03-01")
    assert page.url.endswith("from=2026-03-05&to=2026-03-09")
    assert asked == []
    page.get_by_label("First day").fill("2026-02-20")
    page.wait_for_url("**/overview?from=2026-02-20&to=2026-03-01")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_year_that_is_being_typed_is_no_range_yet(open_page: OpenPage) -> None:
    page = open_page("/overview?from=2026-03-05&to=2026-03-09")
    settled(page)

    for year in ("0002", "0020", "0202"):
        page.get_by_label("First day").fill(f"{year}-03-05")
        expect(page.get_by_role("alert")).to_have_count(0)
        assert "from=2026-03-05" in page.url
    page.get_by_label("First day").fill("2026-03-07")
    page.wait_for_url("**/overview?from=2026-03-07&to=2026-03-09")


@pytest.mark.parametrize("path", ["/nope", "/nope/xyz", "/session/abc"])
def test_address_of_no_page_leads_back(open_page: OpenPage, path: str) -> None:
    page = open_page(path, allows=("404",))

    expect(page.locator("h1")).to_have_text("There is no such page.")
    page.get_by_role("link", name="Go to the overview").click()
    expect(page.locator("h1")).to_have_text("Overview")


def test_path_that_is_no_escaped_text_is_a_session_that_is_not_there(open_page: OpenPage) -> None:
    page: Any = open_page("/sessions/%E0%A4%A", allows=("404",))

    expect(page.locator("h1")).to_have_text("There is no session of this id.")
