"""Every page of the dashboard when there is nothing to show. test_layout.py has them with data."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.dashboard.conftest import OpenPage, opener, origin_of
from tests.browser.dashboard.parts_of_pages import PAGES, settled
from tests.flow.conftest import Stack


@pytest.fixture
def open_page(chromium: Any, empty_stack: Stack) -> Iterator[OpenPage]:
    with opener(chromium, origin_of(empty_stack)) as opened:
        yield opened


@pytest.mark.parametrize("path", PAGES)
def test_page_without_data_says_what_to_do(open_page: OpenPage, path: str) -> None:
    page = open_page(path)
    settled(page)
    text = page.locator("main").inner_text()
    assert "NaN" not in text
    assert not re.search(r"\bundefined\b|\bnull\b|Invalid Date", text)


def test_page_that_is_not_there_leads_back(open_page: OpenPage) -> None:
    page = open_page("/projects/999999", allows=("404",))
    page.wait_for_selector("[role=alert], .empty")
    assert "999999" in page.locator("main").inner_text() or "no" in page.locator("main").inner_text().lower()
