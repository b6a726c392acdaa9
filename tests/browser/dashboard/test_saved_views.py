"""Saved views in the dashboard: a page under a name, which everybody opens from the navigation and the palette."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import query_of
from tests.flow.conftest import Stack, second_api
from tests.integration.keys.conftest import make_key


@pytest.fixture(autouse=True)
def no_views(stack: Stack) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM saved_views")


def views_of(page: Any) -> Any:
    page.get_by_role("button", name="Saved views …").click()
    return page.get_by_role("dialog", name="Saved views")


def save(page: Any, name: str) -> Any:
    box = views_of(page)
    box.get_by_label("Name of the view").fill(name)
    box.get_by_role("button", name="Save this page").click()
    expect(box.get_by_role("link", name=name, exact=True)).to_be_visible()
    return box


def test_page_is_saved_and_opened_by_somebody_else_with_its_days_relative(open_page: OpenPage) -> None:
    save(open_page("/usage?range=7d&by=project", timezone_id="UTC"), "Costs of the week")

    theirs = open_page("/settings", timezone_id="UTC")
    theirs.get_by_role("navigation", name="Pages").get_by_role("link", name="Costs of the week").click()

    expect(theirs).to_have_title("Usage – Claude Code Tracker")
    assert query_of(theirs) == {"range": "7d", "by": "project"}


def test_view_is_found_in_the_palette(open_page: OpenPage) -> None:
    page = open_page("/tools?range=7d", timezone_id="UTC")
    save(page, "What fails").get_by_role("button", name="Close").click()

    page.keyboard.press("/")
    page.get_by_role("dialog", name="Search").get_by_role("combobox").fill("what f")
    page.get_by_role("option", name="view What fails").click()

    assert page.url.endswith("/tools?range=7d")


def test_view_gets_another_name_and_is_deleted_by_a_second_click(open_page: OpenPage, stack: Stack) -> None:
    box = save(open_page("/tools?range=7d", timezone_id="UTC"), "Tools")

    box.get_by_role("button", name="Rename Tools").click()
    box.get_by_label("Name of the view").fill("Tools that fail")
    box.get_by_role("button", name="Rename", exact=True).click()
    expect(box.get_by_role("link", name="Tools that fail")).to_have_attribute("href", "/tools?range=7d")

    box.get_by_role("button", name="Delete Tools that fail").click()
    assert len(stack.select("SELECT FROM saved_views")) == 1
    box.get_by_role("button", name="Really delete Tools that fail").click()
    expect(box.get_by_text("There is none yet.")).to_be_visible()
    assert stack.select("SELECT FROM saved_views") == []


def test_name_that_is_taken_is_said(open_page: OpenPage) -> None:
    page = open_page("/tools", timezone_id="UTC", allows=("409",))
    box = save(page, "Tools")

    box.get_by_label("Name of the view").fill("TOOLS")
    box.get_by_role("button", name="Save this page").click()

    expect(box.get_by_role("alert")).to_contain_text("Another saved view has this name")


@pytest.fixture(scope="module")
def keyed(stack: Stack) -> Iterator[str]:
    """The same tracker behind keys."""
    with psycopg.connect(stack.database_url, autocommit=True):
        make_key(stack.database_url, "admin")
    with second_api(stack, TRACKER_ACCESS="keys") as client:
        yield str(client.base_url).rstrip("/")


@pytest.mark.parametrize(
    ("scopes", "user", "sees", "saves"), [(["read"], None, True, False), (["numbers"], None, False, False), (["read"], "ann", False, False)]
)
def test_key_sees_what_it_may(
    open_page: OpenPage, stack: Stack, keyed: str, scopes: list[str], user: str | None, sees: bool, saves: bool
) -> None:
    stack.http.post("/api/views", json={"name": "Of all", "address": "/usage"}).raise_for_status()
    key = make_key(stack.database_url, *scopes, user=user)

    page = open_page("/usage?range=7d", of=keyed, extra_http_headers={"Authorization": f"Bearer {key}"})

    page.wait_for_selector(".table tbody tr")
    expect(page.get_by_role("button", name="Saved views …")).to_have_count(1 if sees else 0)
    if sees:
        box = views_of(page)
        expect(box.get_by_role("link", name="Of all")).to_be_visible()
        expect(box.get_by_role("button", name="Save this page")).to_have_count(1 if saves else 0)
