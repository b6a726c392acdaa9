"""The frame of the dashboard: titles, focus, the skip link, and the pages of a phone."""

from typing import Any

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage

ONLY_READS = True

PHONE = {"viewport": {"width": 390, "height": 844}}


def test_each_page_has_its_title_and_its_heading_gets_the_focus(open_page: OpenPage) -> None:
    page = open_page("/overview")
    expect(page).to_have_title("Overview – Claude Code Tracker")
    for name in ("Files", "Health", "Overview"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        expect(page).to_have_title(f"{name} – Claude Code Tracker")
        expect(page.locator("h1")).to_be_focused()
    page.go_back()
    expect(page).to_have_title("Health – Claude Code Tracker")


def test_skip_link_is_first_and_moves_the_focus(open_page: OpenPage) -> None:
    page = open_page("/files")
    page.wait_for_selector("h1")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    assert page.url.endswith("/files")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_phone_has_five_pages_and_the_others_behind_more(open_page: OpenPage) -> None:
    page = open_page("/", **PHONE)
    bar = page.get_by_role("navigation", name="Pages")
    assert shown(bar) == ["Now", "Day", "Overview", "Sessions", "Search"]
    more = bar.get_by_role("button", name="More")
    more.click()
    sheet = page.get_by_role("dialog", name="More pages")
    assert shown(sheet)[:9] == ["Projects", "Files", "Tools", "Usage", "What to do", "Compare", "Imports", "Health", "Settings"]
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)
    expect(more).to_be_focused()
    more.press("Enter")
    sheet.get_by_role("link", name="Usage").click()
    expect(page).to_have_title("Usage – Claude Code Tracker")
    expect(sheet).to_have_count(0)
    assert page.evaluate("document.querySelector('nav.navigation').scrollWidth <= innerWidth")


def test_dialog_that_is_closed_and_opened_at_once_is_open(open_page: OpenPage) -> None:
    page = open_page("/", **PHONE)
    page.get_by_role("navigation", name="Pages").get_by_role("button", name="More").press("Enter")
    sheet = page.get_by_role("dialog", name="More pages")
    for _ in range(100):
        page.keyboard.press("Escape")
        page.keyboard.press("Enter")
        expect(sheet).to_be_visible(timeout=2_000)


def test_every_page_says_that_numbers_grow_while_an_import_runs(open_page: OpenPage) -> None:
    page = open_page("/settings")
    page.wait_for_selector("h1")
    jobs = [{"job_id": "3f9a2c10-0000-4000-8000-000000000000", "kind": "import", "status": "running"}]
    page.route("**/api/import/jobs*", lambda route: route.fulfill(json={"items": jobs, "next_cursor": None}))
    page.goto(page.url.replace("/settings", "/overview"))

    note = page.get_by_role("status").filter(has_text="An import is running: numbers still grow.")
    expect(note).to_be_visible()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Tools").click()
    expect(note.get_by_role("link", name="Show it")).to_have_attribute("href", "/imports")

    # When it has ended, the line goes, and the page's numbers are read anew
    with page.expect_request("**/api/tool-calls/stats*"):
        jobs[0]["status"] = "succeeded"
    expect(note).to_have_count(0)


def shown(place: Any) -> list[str]:
    return [link.inner_text() for link in place.get_by_role("link").all() if link.is_visible()]
