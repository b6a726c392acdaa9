"""The API reference in a real Chromium shows every operation, keeps to its policy and asks no other server."""

from typing import Any

import httpx2 as httpx

from tests.browser.conftest import Api


def test_reference_page_shows_every_operation_offline_and_within_its_policy(api: Api, chromium: Any) -> None:
    url = f"http://127.0.0.1:{api.port}"
    paths = httpx.get(f"{url}/openapi.json", trust_env=False).json()["paths"]
    expected = {(method.upper(), path) for path, operations in paths.items() for method in operations}
    with chromium.new_page() as page:
        requested: list[str] = []
        messages: list[str] = []
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))

        page.goto(f"{url}/docs")
        page.wait_for_selector(".opblock-summary", timeout=60_000)

        assert _operations(page) == expected
        assert [each for each in requested if not each.startswith((f"{url}/docs", f"{url}/openapi.json", "data:"))] == []
        assert messages == []


def test_a_read_is_tried_out_from_the_reference_page(api: Api, chromium: Any) -> None:
    with chromium.new_page() as page:
        page.goto(f"http://127.0.0.1:{api.port}/docs")
        # A long page has only what is near the screen.
        page.get_by_placeholder("Filter by tag").fill("service")
        read = page.locator("#operations-service-healthz")
        control, try_out = read.locator(".opblock-summary-control"), read.get_by_role("button", name="Try it out")
        # While the page is drawn anew by the filter, a click on a row is lost.
        while not try_out.is_visible():
            control.click()
            page.wait_for_timeout(1000)
        try_out.click()
        read.get_by_role("button", name="Execute", exact=True).click()

        answer = read.locator(".live-responses-table .response")
        answer.wait_for(timeout=60_000)
        assert '"status": "alive"' in answer.inner_text()


def _operations(page: Any) -> set[tuple[str, str]]:
    """Those of the whole page, which has only the lines near the screen: so it is scrolled to its end."""
    found: set[tuple[str, str]] = set()
    is_at_end = False
    while not is_at_end:
        found |= {_operation(summary) for summary in page.query_selector_all(".opblock-summary")}
        is_at_end = page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 1")
        page.evaluate("new Promise((done) => { scrollBy(0, innerHeight / 2); requestAnimationFrame(() => requestAnimationFrame(done)); })")
    return found


def _operation(summary: Any) -> tuple[str, str]:
    """(method, path) of a line."""
    return (
        summary.query_selector(".opblock-summary-method").inner_text(),
        summary.query_selector("[data-path]").get_attribute("data-path"),
    )
