"""What holds on every page of the dashboard: it loads without an error, asks no other host, and people with any ability can use it."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from services.query.http.dashboard_files import VIEWS
from tests.browser.dashboard.conftest import OpenPage
from tests.flow.conftest import Stack

PAGES = ["/", *(f"/{view}" for view in VIEWS)]
# Rules of WCAG 2.2 AA.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def settled(page: Any) -> None:
    """Waits until the page has its title and nothing is being read."""
    page.wait_for_selector("h1")
    expect(page.locator("[role=status].outline")).to_have_count(0, timeout=20_000)


@pytest.mark.parametrize("path", PAGES)
def test_page_opens_by_its_address_and_names_itself(open_page: OpenPage, path: str) -> None:
    page = open_page(path)
    settled(page)
    assert page.locator("h1").first.inner_text() != ""
    assert page.locator("nav [aria-current=page]").count() == 1


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_breaks_no_serious_rule_of_accessibility(open_page: OpenPage, path: str, scheme: str) -> None:
    page = open_page(path, color_scheme=scheme, reduced_motion="reduce")
    settled(page)
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}}).response["violations"]
    serious = {
        violation["id"]: [node["html"][:200] for node in violation["nodes"]][:3]
        for violation in found
        if violation["impact"] in ("serious", "critical")
    }
    assert serious == {}


@pytest.mark.parametrize("path", PAGES)
def test_page_fits_a_phone(open_page: OpenPage, path: str) -> None:
    page = open_page(path, viewport={"width": 390, "height": 844})
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("path", PAGES)
def test_page_without_data_says_what_to_do(open_page: OpenPage, empty_stack: Stack, path: str) -> None:
    page = open_page(path, of=str(empty_stack.http.base_url).rstrip("/"))
    settled(page)
    text = page.locator("main").inner_text()
    assert "NaN" not in text
    assert not re.search(r"\bundefined\b|\bnull\b|Invalid Date", text)


def test_page_that_is_not_there_leads_back(open_page: OpenPage) -> None:
    page = open_page("/projects/999999", allows=("404",))
    page.wait_for_selector("[role=alert], .empty")
    assert "999999" in page.locator("main").inner_text() or "no" in page.locator("main").inner_text().lower()


def test_dashboard_stays_below_its_bytes(open_page: OpenPage, stack: Stack) -> None:
    """150 KB for everything and 80 KB for the first view, as gzip has them."""
    import gzip

    from services.query.http.dashboard_files import ASSETS, PAGE

    def packed(paths: Any) -> int:
        return sum(len(gzip.compress(path.read_bytes(), 6)) for path in paths)

    assert packed([PAGE, *ASSETS.iterdir()]) <= 150_000
    loaded: list[str] = []
    page = open_page("/settings")
    page.on("response", lambda response: loaded.append(response.url))
    page.goto(f"{str(stack.http.base_url).rstrip('/')}/")
    settled(page)
    names = {url.rsplit("/", 1)[1] for url in loaded if "/assets/" in url}
    assert len(names) >= 2
    assert packed([PAGE, *(ASSETS / name for name in names)]) <= 80_000
