"""An address says which days of which zone it shows: who opens it in another zone sees the same numbers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import answer, column, panel, query_of, tile
from tests.flow.conftest import Stack

ONLY_READS = True

NEAR = "Europe/Berlin"
# The other side of the day: hardly an hour of the two zones is of the same date.
FAR = "Pacific/Kiritimati"
MAY_COPY = ["clipboard-read", "clipboard-write"]


def share(page: Any) -> str:
    """The address that the button copies, without its origin."""
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = str(page.evaluate("navigator.clipboard.readText()"))
    origin = str(page.evaluate("location.origin"))
    assert copied.startswith(f"{origin}/")
    return copied.removeprefix(origin)


def busy_day(stack: Stack) -> str:
    """A day whose calls are not those of the same date in the other zone."""
    today = datetime.now(UTC).date()
    for back in range(1, 7):
        day = str(today - timedelta(days=back))
        near, far = (answer(stack, "/api/stats", start_date=day, end_date=day, tz=zone)["totals"]["tool_calls"] for zone in (NEAR, FAR))
        if near and near != far:
            return day
    raise AssertionError("Every day has the same calls in both zones.")


def test_shared_address_shows_the_same_numbers_in_another_zone(open_page: OpenPage, stack: Stack) -> None:
    day = busy_day(stack)
    mine = open_page(f"/tools?from={day}&to={day}", timezone_id=NEAR, permissions=MAY_COPY)
    expect(panel(mine, "By tool").locator("tbody tr").first).to_be_visible()

    theirs = open_page(share(mine), timezone_id=FAR)

    expect(tile(theirs, "tool_calls")).to_have_text(tile(mine, "tool_calls").inner_text())
    assert column(panel(theirs, "By tool").locator("table"), 2) == column(panel(mine, "By tool").locator("table"), 2)
    assert query_of(theirs) == {"from": day, "to": day, "tz": NEAR}


def test_relative_days_are_shared_as_days(open_page: OpenPage) -> None:
    page = open_page("/usage?range=7d&by=project", timezone_id="UTC", permissions=MAY_COPY)
    page.wait_for_selector(".table tbody tr")

    today = datetime.now(UTC).date()
    assert share(page) == f"/usage?by=project&from={today - timedelta(days=6)}&to={today}&tz=UTC"


def test_day_shows_the_clock_of_the_zone_of_its_address(open_page: OpenPage, stack: Stack) -> None:
    day = busy_day(stack)
    mine = open_page(f"/days/{day}", timezone_id=NEAR, permissions=MAY_COPY)
    expect(mine.locator(".day-clock").first).to_be_visible()

    theirs = open_page(share(mine), timezone_id=FAR)

    expect(theirs.locator(".day-clock").first).to_be_visible()
    assert theirs.locator(".day-clock").all_inner_texts() == mine.locator(".day-clock").all_inner_texts()


def test_page_says_whose_zone_it_is_and_links_keep_it_until_the_viewer_takes_their_own(open_page: OpenPage) -> None:
    page = open_page(f"/usage?range=7d&tz={NEAR}", timezone_id=FAR)
    note = page.get_by_text(f"Days and times are those of {NEAR}, as the address says. Your zone is {FAR}.")
    expect(note).to_be_visible()

    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Sessions").click()
    expect(page).to_have_title("Sessions – Claude Code Tracker")
    page.locator(".session-rows [data-item]").first.click()
    page.wait_for_url("**/sessions/*")
    assert query_of(page)["tz"] == NEAR
    with page.context.expect_page() as opened:
        page.locator("main a[href^='/']").first.click(modifiers=["ControlOrMeta"])
    assert query_of(opened.value)["tz"] == NEAR
    opened.value.close()

    page.get_by_role("button", name="Use my zone").click()

    expect(note).to_have_count(0)
    assert "tz" not in query_of(page)


def test_zone_of_the_viewer_is_not_talked_about(open_page: OpenPage) -> None:
    page = open_page("/usage?range=7d&tz=UTC", timezone_id="UTC")
    page.wait_for_selector(".table tbody tr")
    expect(page.get_by_role("button", name="Use my zone")).to_have_count(0)


def test_unknown_zone_is_said_and_ignored(open_page: OpenPage, stack: Stack) -> None:
    refused: list[str] = []
    page = open_page("/tools?range=7d&tz=Middle/Earth", timezone_id=NEAR, refused=refused)

    expect(page.get_by_text(f"“Middle/Earth” is no time zone that this browser knows. Days and times are those of {NEAR}.")).to_be_visible()
    expect(panel(page, "By tool").locator("tbody tr").first).to_be_visible()
    assert refused == []


def test_another_zone_is_chosen_in_the_settings_and_left_again(open_page: OpenPage) -> None:
    page = open_page("/settings", timezone_id="Europe/Berlin")
    choice = page.get_by_role("combobox", name="Zone of days and times")
    expect(choice).to_have_value("Europe/Berlin")

    choice.select_option("Asia/Tokyo")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Overview").click()

    expect(page.locator(".page-head")).to_contain_text("days in Asia/Tokyo")
    page.go_back()
    choice.select_option("Europe/Berlin")
    expect(page.get_by_role("button", name="Use my zone")).to_have_count(0)
    assert "tz" not in query_of(page)
