"""The search page: what it found, and what of it is marked."""

from typing import Any

from playwright.sync_api import expect

from tests.flow.conftest import Stack


def hits(page: Any) -> Any:
    """Those above the sessions that may be meant."""
    return page.locator(".hit:not(.meant *)")


def sessions(page: Any) -> Any:
    return page.locator(".session-hits:not(.meant *)")


def meant(page: Any) -> Any:
    return page.get_by_role("region", name="Sessions that may be meant").locator(".session-hits")


def found(stack: Stack, query: str) -> dict[str, Any]:
    answer: dict[str, Any] = stack.http.get(f"/api/search?{query}").json()
    return answer


def painted(page: Any) -> list[str]:
    """The texts that the browser paints as found; once there are some."""
    page.wait_for_function("() => CSS.highlights.get('found')?.size > 0")
    words: list[str] = page.evaluate("() => [...CSS.highlights.get('found')].map((range) => range.toString().toLowerCase())")
    return words


def open_palette(page: Any) -> Any:
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search in everything, or go to a page or project")
    expect(box).to_be_focused()
    return box
