"""Rare cases: a key that is revoked while its page is open, a restart, the change of summer time, a zone with minutes, a viewer without a mouse."""

import re
import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage, origin_of
from tests.browser.dashboard.parts_of_pages import PAGES, settled
from tests.flow.conftest import Stack, second_api, start

# A revoked key is refused after at most 5 s; an idle page asks every 20 s whether its key holds.
REVOKED_MS = 45_000
# Pages on which a key that may not see the names of projects reads their numbers.
SHOWS_PROJECTS = ("/overview", "/projects", "/projects/1", "/usage?by=project", "/compare?range=7d")
GATEWAY = ["-m", "deploy.embedded.servers.gateway"]
# Instants around midnights and hours that are told twice or not at all, and the hour of each in its zone.
BERLIN = {
    "2026-03-28T22:50:00Z": "2026-03-28T23:00",
    "2026-03-28T23:10:00Z": "2026-03-29T00:00",
    "2026-03-29T00:50:00Z": "2026-03-29T01:00",
    "2026-03-29T01:10:00Z": "2026-03-29T03:00",
    "2026-03-29T21:50:00Z": "2026-03-29T23:00",
    "2026-03-29T22:10:00Z": "2026-03-30T00:00",
    "2026-10-24T21:50:00Z": "2026-10-24T23:00",
    "2026-10-24T22:10:00Z": "2026-10-25T00:00",
    "2026-10-25T00:10:00Z": "2026-10-25T02:00",
    "2026-10-25T01:10:00Z": "2026-10-25T02:00",
    "2026-10-25T22:50:00Z": "2026-10-25T23:00",
    "2026-10-25T23:10:00Z": "2026-10-26T00:00",
}
KATHMANDU = {
    "2026-06-10T18:10:00Z": "2026-06-10T23:00",
    "2026-06-10T18:20:00Z": "2026-06-11T00:00",
    "2026-06-11T18:13:00Z": "2026-06-11T23:00",
    "2026-06-11T18:16:00Z": "2026-06-12T00:00",
}
ZONES = [
    pytest.param("Europe/Berlin", "2026-03-28", "2026-03-30", BERLIN, id="summer time begins"),
    pytest.param("Europe/Berlin", "2026-10-24", "2026-10-26", BERLIN, id="summer time ends"),
    pytest.param("Asia/Kathmandu", "2026-06-10", "2026-06-12", KATHMANDU, id="5 h 45 min"),
]


def make_key(stack: Stack, *scopes: str) -> dict[str, Any]:
    made: dict[str, Any] = stack.http.post("/api/keys", json={"name": f"hard {uuid4().hex[:6]}", "scopes": list(scopes)}).json()
    return made


@pytest.fixture(scope="module")
def keyed(stack: Stack) -> Iterator[str]:
    """The address of the same tracker behind keys."""
    make_key(stack, "admin")
    with second_api(stack, TRACKER_ACCESS="keys") as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture(scope="module")
def told(own_stack: Stack) -> Stack:
    """Two messages at each of the instants: a prompt, and a minute later an answer."""
    for zone, instants in {"berlin": BERLIN, "kathmandu": KATHMANDU}.items():
        for instant in instants:
            session = f"{zone} {instant}"
            began = {"project_path": f"/home/ann/{zone}", "session_id": session, "user": "ann", "start_time": instant}
            assert own_stack.http.post("/api/sessions/start", json=began).status_code == 201
            for minutes, role in enumerate(("user", "assistant")):
                at = datetime.fromisoformat(instant) + timedelta(minutes=minutes)
                said = {"session_id": session, "role": role, "content": f"{role} at {instant}", "timestamp": at.isoformat()}
                assert own_stack.http.post("/api/conversations", json=said, headers={"Prefer": "wait=20"}).status_code == 201
    return own_stack


def session_with_calls(stack: Stack) -> dict[str, Any]:
    """The newest that has a title and tool calls: other tests here add some without."""
    items: list[dict[str, Any]] = stack.http.get("/api/sessions", params={"limit": 50}).json()["items"]
    return next(each for each in items if each["title"] and each["tool_calls_count"])


def panel(page: Any, title: str) -> Any:
    return page.get_by_role("region", name=title, exact=True).first


@pytest.mark.parametrize("where", ["now", "session"])
def test_revoked_key_leads_to_the_login_and_leaves_nothing(open_page: OpenPage, stack: Stack, keyed: str, where: str) -> None:
    key = make_key(stack, "read")
    session = session_with_calls(stack)
    page = open_page("/" if where == "now" else f"/sessions/{session['session_id']}", of=keyed, allows=("401",))
    page.get_by_label("API key").fill(key["key"])
    page.get_by_role("button", name="Log in").click()
    shown = panel(page, "Last sessions") if where == "now" else page.locator("h1")
    expect(shown).to_contain_text(session["title"], timeout=20_000)

    assert stack.http.delete(f"/api/keys/{key['id']}").status_code in (200, 204)
    expect(page.get_by_role("alert")).to_contain_text("no longer valid: it was revoked", timeout=REVOKED_MS)
    expect(page.get_by_label("API key")).to_be_focused()
    expect(page).to_have_title("Claude Code Tracker")
    assert session["title"] not in page.content()
    assert page.locator("nav").count() == 0

    address = page.url
    page.get_by_label("API key").fill(key["key"])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_count(2)
    page.get_by_label("API key").fill(make_key(stack, "numbers")["key"])
    page.get_by_role("button", name="Log in").click()
    settled(page)
    assert page.url == address
    assert session["title"] not in page.content()


def test_restart_is_told_and_no_event_is_missed_or_told_twice(open_page: OpenPage, stack: Stack) -> None:
    session, word = f"restart-{uuid4()}", uuid4().hex[:8]

    def say(number: int) -> None:
        said = {"session_id": session, "role": "user", "content": f"{word} {number:02}", "timestamp": datetime.now(UTC).isoformat()}
        assert stack.http.post("/api/conversations", json=said).status_code == 201

    assert stack.http.post("/api/sessions/start", json={"project_path": "/home/ann/restart", "session_id": session}).status_code == 201
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [*GATEWAY, str(listening.fileno())]
        api = start("hard-api", command, stack.environment, stack.log_folder, listening)
        try:
            page = open_page("/", of=f"http://127.0.0.1:{listening.getsockname()[1]}", allows=("ERR_", "Failed to load"))
            connection = page.locator(".now-connection")
            expect(connection).to_have_attribute("data-state", "open", timeout=30_000)
            for number in range(5):
                say(number)
            expect(page.locator(".feed-row", has_text=word)).to_have_count(5)
            api.send_signal(signal.SIGTERM)
            api.wait(30)
            expect(connection).to_contain_text("Connection lost")
            for number in range(5, 25):
                say(number)
            api = start("hard-api-again", command, stack.environment, stack.log_folder, listening)
            expect(connection).to_have_attribute("data-state", "open", timeout=30_000)
            say(25)
            expect(page.locator(".feed-row", has_text=f"{word} 25")).to_have_count(1)
            rows = page.locator(".feed-row", has_text=word).locator(".feed-what").all_inner_texts()
            assert rows == [f"{word} {number:02}" for number in reversed(range(26))]
            expect(page.locator(f".board a[href='/sessions/{session}']")).to_contain_text(f"{word} 25")
        finally:
            api.send_signal(signal.SIGTERM)
            api.wait(30)


@pytest.mark.parametrize(("zone", "first", "last", "instants"), ZONES)
def test_days_and_hours_are_those_of_the_viewers_zone(
    open_page: OpenPage, told: Stack, zone: str, first: str, last: str, instants: dict[str, str]
) -> None:
    hours = [hour for hour in instants.values() if first <= hour[:10] <= last]
    days = [str(datetime.fromisoformat(first).date() + timedelta(days=n)) for n in range(3)]
    query = f"from={first}&to={last}&series=messages&year=messages"
    page = open_page(f"/overview?{query}&interval=day", of=origin_of(told), timezone_id=zone)
    series = panel(page, "Over time")
    series.get_by_role("button", name="Table").click()

    # Two messages at each instant: by day, each day once, and as many as the tile and the API say.
    assert shown_rows(series) == {day: 2 * sum(hour[:10] == day for hour in hours) for day in days}
    answer = told.http.get("/api/stats", params={"tz": zone, "start_date": first, "end_date": last, "interval": "hour"}).json()
    expect(page.locator("[data-measure=user_messages] .tile-value")).to_have_text(str(len(hours)))
    assert answer["totals"]["user_messages"] == len(hours)
    for day in days:
        square = panel(page, "A year").locator("svg a", has=page.locator(f"title:text-matches('^{int(day[8:])} {month(day)}:')"))
        assert square.get_attribute("aria-label") == f"{int(day[8:])} {month(day)}: {2 * sum(hour[:10] == day for hour in hours)}"

    # By weekday and hour: where the API has active time, and nowhere else.
    weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    cells = panel(page, "Weekday and hour").locator("td[title]:not(.heat-0)").evaluate_all("cells => cells.map(cell => cell.title)")
    assert {cell.rpartition(" h: ")[0] for cell in cells} == {
        f"{weekdays[cell['weekday']]}, {cell['hour']} to {cell['hour'] + 1}" for cell in answer["heatmap"] if cell["active_minutes"] > 0
    }
    local = {(datetime.fromisoformat(hour).weekday(), int(hour[11:13])) for hour in hours}
    assert {(cell["weekday"], cell["hour"]) for cell in answer["heatmap"] if cell["active_minutes"] > 0} == local

    # By hour: one that is told twice is one row or two, and the sum is the same.
    page.goto(f"{origin_of(told)}/overview?{query}&interval=hour")
    series.get_by_role("button", name="Table").click()
    points = answer["time_series"]
    expect(series.locator("tbody tr")).to_have_count(len(points))
    numbers = [int(text) for text in series.locator("tbody td:nth-child(2)").all_inner_texts()]
    assert numbers == [point["messages"] for point in reversed(points)]
    assert {point["date"][:16] for point in points if point["messages"]} == set(hours)
    assert sum(numbers) == 2 * len(hours)


def shown_rows(series: Any) -> dict[str, int]:
    """Messages by day, of the table behind the series; the day is read from the row's link."""
    expect(series.locator("tbody tr")).to_have_count(3)
    hrefs = series.locator("tbody a").evaluate_all("links => links.map(link => new URL(link.href).pathname.split('/').at(-1))")
    numbers = series.locator("tbody td:nth-child(2)").all_inner_texts()
    return {href: int(number) for href, number in zip(reversed(hrefs), reversed(numbers), strict=True)}


def month(day: str) -> str:
    return datetime.fromisoformat(day).strftime("%b")


@pytest.mark.parametrize(("zone", "first", "last", "instants"), ZONES)
def test_times_of_sessions_are_in_the_viewers_zone(
    open_page: OpenPage, told: Stack, zone: str, first: str, last: str, instants: dict[str, str]
) -> None:
    page = open_page(f"/sessions?from={first}&to={last}&sort=start_time", of=origin_of(told), timezone_id=zone)
    expected = {instant: hour for instant, hour in instants.items() if first <= hour[:10] <= last}
    rows = page.locator("[data-item][href^='/sessions/'], a[data-item]")
    expect(page.locator("main time").first).to_be_visible()
    shown = page.locator("main time").evaluate_all("times => times.map(time => [time.dateTime, time.textContent])")
    starts = {at: text for at, text in shown if any(same(at, instant) for instant in expected)}
    assert len(starts) == len(expected), (rows.count(), shown)
    for at, text in starts.items():
        hour = next(hour for instant, hour in expected.items() if same(at, instant))
        assert text.startswith(f"{int(hour[8:10])} {month(hour[:10])}"), (at, text)
        assert f"{hour[11:13]}:" in text, (at, text)


def same(one: str, other: str) -> bool:
    return datetime.fromisoformat(one) == datetime.fromisoformat(other)


@pytest.mark.parametrize("scope", ["numbers", "metrics"])
@pytest.mark.parametrize(
    "path",
    [
        *(page for page in PAGES if page not in ("/usage", "/compare")),
        *("/usage?by=project", "/compare?range=7d", "/projects/1", "/sessions/any", "/files?path=/home/ann/shop/src/cart.py"),
    ],
)
def test_key_for_numbers_finds_no_fault_and_no_text_on_any_page(
    open_page: OpenPage, stack: Stack, keyed: str, scope: str, path: str
) -> None:
    refused: list[str] = []
    page = open_page(path, of=keyed, refused=refused, extra_http_headers={"Authorization": f"Bearer {make_key(stack, scope)['key']}"})
    settled(page)
    page.wait_for_timeout(300)
    settled(page)
    assert refused == []
    main = page.locator("main")
    assert page.locator("[role=alert]").count() == 0
    assert not re.search(r"\bundefined\b|\bnull\b|NaN|Invalid Date|– of –", main.inner_text())
    # A panel that holds nothing at all looks like a fault.
    empty = page.locator("main .panel").evaluate_all(
        "panels => panels.filter(panel => !panel.innerText.replace(panel.querySelector('h2')?.innerText ?? '', '').trim()).map(panel => panel.ariaLabel)"
    )
    assert empty == []
    linked = page.locator("main a[href^='/']").evaluate_all("links => [...new Set(links.map(link => link.getAttribute('href')))]")
    assert not [href for href in linked if href.startswith(("/sessions/", "/files", "/search"))]
    if scope == "metrics" and path in SHOWS_PROJECTS:
        expect(main).to_contain_text("Project 1")
    text = main.inner_text()
    titles = [str(title) for (title,) in stack.select("SELECT title FROM sessions WHERE title IS NOT NULL")]
    assert titles and not [title for title in titles if title in text]
    if scope == "metrics" and path in (*SHOWS_PROJECTS, "/tools"):
        names = [str(name) for (name,) in stack.select("SELECT name FROM projects")]
        assert names and not [name for name in names if re.search(rf"\b{name}\b", text)]


def test_keys_alone_lead_to_an_item_of_a_session_and_back(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/")
    page.wait_for_selector("h1")
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page).to_have_title(re.compile("^Sessions"))
    page.wait_for_selector("[data-item]")
    wanted = f"/sessions/{session_with_calls(stack)['session_id']}"
    for _ in range(20):
        page.keyboard.press("j")
        chosen = page.evaluate("document.activeElement.getAttribute('href')")
        if chosen == wanted:
            break
    assert chosen == wanted
    assert has_ring(page)
    page.keyboard.press("Enter")
    page.wait_for_selector(".call-fold")
    for _ in range(60):
        page.keyboard.press("j")
        if page.evaluate("document.activeElement.matches('.call-fold')"):
            break
    assert page.evaluate("document.activeElement.matches('.call-fold')")
    assert has_ring(page)
    page.keyboard.press("Enter")
    expect(page.locator(".call-fold:focus")).to_have_attribute("aria-expanded", "true")
    # On to the link of the same item, and through it.
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.item-link')"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("at="))
    expect(page.locator(".is-marked")).to_have_count(1)
    page.go_back()
    page.wait_for_url(lambda url: "at=" not in url)
    page.go_back()
    expect(page).to_have_title(re.compile("^Sessions"))
    expect(page.locator(f"a[href='{chosen}']").first).to_be_visible()


def has_ring(page: Any) -> bool:
    """Whether one sees where the focus is: by an outline, or by the shadow of its row."""
    ring: bool = page.evaluate(
        """(() => {
            const [own, row] = [document.activeElement, document.activeElement.closest("[role=listitem]") ?? document.activeElement];
            return getComputedStyle(own).outlineStyle !== "none" || getComputedStyle(row).boxShadow !== "none";
        })()"""
    )
    return ring


def test_address_of_a_tracker_that_does_not_answer_says_so(open_page: OpenPage, stack: Stack) -> None:
    """Every read of a page fails: it says so once, in words, and goes on by itself."""
    page = open_page("/settings", allows=("ERR_", "Failed to load"))
    page.wait_for_selector("h1")
    page.route("**/api/**", lambda route: route.abort())
    page.click("nav a[href^='/overview']")
    expect(page.get_by_role("alert").first).to_contain_text("The tracker does not answer")
    expect(page.get_by_text("This could not be read either.").first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(1)
    page.unroute("**/api/**")
    expect(page.locator("[data-measure=active_sessions] .tile-value")).not_to_have_text("", timeout=15_000)
    expect(page.get_by_role("alert")).to_have_count(0, timeout=15_000)
