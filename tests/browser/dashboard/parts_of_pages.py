"""Pages of the dashboard, their parts, and how a test waits for and reads them."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from playwright.sync_api import expect

from shared.dashboard_addresses import VIEWS
from tests.browser.dashboard.conftest import OpenPage
from tests.flow.conftest import Stack
from tests.json_answers import json_of

PAGES = ["/", *(f"/{view}" for view in VIEWS)]
# Rules of WCAG 2.2 AA.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def settled(page: Any) -> None:
    """Waits until the page has its title and nothing is being read."""
    page.wait_for_selector("h1")
    expect(page.locator("[role=status].outline")).to_have_count(0, timeout=20_000)


def busiest_session(stack: Stack, suffix: str = "") -> str:
    session = stack.http.get("/api/sessions", params={"sort": "tool_calls_count", "limit": 1}).json()["items"][0]
    return f"/sessions/{quote(session['session_id'], safe='')}{suffix}"


def few_days() -> tuple[date, date]:
    """Up to three days that begin no month and no week, whose days before are as many. The made-up week has events in both."""
    today = datetime.now(UTC).date()
    firsts = (today - timedelta(days=ago) for ago in (2, 1, 0))
    return next(day for day in firsts if day == today or (day.day != 1 and day.weekday() != 0)), today


def query_of(page: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def answer(stack: Stack, path: str, **parameters: Any) -> Any:
    return json_of(stack.http, path, params={"tz": "UTC", **parameters})


def tile(page: Any, measure: str) -> Any:
    return page.locator(f"[data-measure={measure}] .tile-value")


def panel(page: Any, title: str) -> Any:
    return page.get_by_role("region", name=title, exact=True).first


def number(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text))


def column(table: Any, at: int) -> list[str]:
    return [cell.strip() for cell in table.locator(f"tbody tr td:nth-child({at})").all_inner_texts()]


def last_item_has_all_of_the_cost(open_page: OpenPage, stack: Stack, session: str) -> None:
    cost = stack.http.get(f"/api/sessions/{session}").json()["cost_usd"]
    page = open_page(f"/sessions/{session}")
    page.wait_for_selector(".message")

    page.keyboard.press("End")

    expect(page.locator(".story-position")).to_have_text(re.compile(rf"item ([\d,]+) of \1, .*, \${cost:.2f} so far"))


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
