"""A printed page is a report: title, range, zone and filters, every row, white paper, and nothing to click."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import busiest_session, settled
from tests.flow.conftest import Stack

ONLY_READS = True

# Between the margins of A4.
PAPER = {"width": 718, "height": 1000}


@contextmanager
def printed(page: Any) -> Iterator[Any]:
    """The page as it is on paper. A PDF has no elements to look at, so the browser shows it as it would print it."""
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    yield page
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")


PAGES = {
    "overview": lambda _: "/overview?range=7d",
    "usage": lambda _: "/usage?range=7d",
    "compare": lambda _: "/compare?range=7d",
    "a day": lambda _: "/days",
    "a session": busiest_session,
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_paper_is_white_and_has_nothing_to_click(open_page: OpenPage, stack: Stack, name: str, scheme: str) -> None:
    page = open_page(PAGES[name](stack), timezone_id="UTC", color_scheme=scheme)
    settled(page)

    with printed(page):
        expect(page.get_by_text("Claude Code Tracker, printed on ")).to_be_visible()
        expect(page.locator("main :is(.button, .switch, .csv, input):visible")).to_have_count(0)
        expect(page.get_by_role("navigation", name="Pages")).to_be_hidden()
        colours = page.locator("html, .panel, .tile").evaluate_all("all => all.map(each => getComputedStyle(each).backgroundColor)")
        assert set(colours) <= {"rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"}
        assert page.evaluate("document.documentElement.scrollWidth") <= PAPER["width"]


def test_title_has_range_zone_and_filters(open_page: OpenPage, stack: Stack) -> None:
    name = stack.select("SELECT name FROM projects WHERE id = 1")[0][0]
    page = open_page("/tools?range=7d&project=1", timezone_id="UTC")
    settled(page)

    with printed(page):
        expect(page.locator(".page-head")).to_contain_text(re.compile(r"7 days \(\d+( \w+)?(?: \d{4})?–\d+ \w+\), days in UTC"))
        expect(page.get_by_role("combobox", name="Project")).to_be_visible()
        assert page.get_by_role("combobox", name="Project").evaluate("select => select.selectedOptions[0].text") == name


def test_table_that_scrolls_is_printed_whole_and_scrolls_again_afterwards(open_page: OpenPage) -> None:
    page = open_page("/usage?range=30d", timezone_id="UTC")
    cut = "boxes => boxes.filter(box => box.scrollHeight > box.clientHeight + 1 && getComputedStyle(box).overflowY !== 'visible').length"
    are_cut = ".chart-table .table-scroll", cut
    expect(page.locator(".chart-table tbody tr").first).to_be_visible()
    assert page.eval_on_selector_all(*are_cut)

    with printed(page):
        assert not page.eval_on_selector_all(*are_cut)

    assert page.eval_on_selector_all(*are_cut)


def test_story_is_printed_to_its_end(open_page: OpenPage, stack: Stack) -> None:
    page = open_page(busiest_session(stack), timezone_id="UTC")
    settled(page)
    on_the_screen = page.locator(".row-slice > [data-key]").count()

    with printed(page):
        expect(page.locator(".row-slice > [data-key]").nth(on_the_screen)).to_be_attached()


def test_browser_makes_a_pdf_of_it(open_page: OpenPage) -> None:
    page = open_page("/usage?range=7d", timezone_id="UTC")
    settled(page)

    assert page.pdf(format="A4").startswith(b"%PDF-")
