"""The page of a day: what was done on it, in order; and ranges of days that lead there."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage, origin_of
from tests.browser.dashboard.parts_of_pages import settled
from tests.flow.conftest import Stack

ONLY_READS = True

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).date()


def busiest(stack: Stack) -> dict[str, Any]:
    """The answer for the day with most tool calls."""
    items = stack.http.get("/api/usage", params={"group_by": "day", "tz": "UTC"}).json()["items"]
    day = max(items, key=lambda item: item["tool_calls"])["day"]
    found: dict[str, Any] = stack.http.get(f"/api/days/{day}", params={"tz": "UTC"}).json()
    return found


def test_day_shows_the_sums_and_the_sessions_of_the_api_in_order(open_page: OpenPage, stack: Stack) -> None:
    found = busiest(stack)
    totals, sessions = found["totals"], found["sessions"]

    page = open_page(f"/days/{found['date']}", timezone_id="UTC")

    for measure in ("active_sessions", "user_messages", "files_modified"):
        expect(page.locator(f"[data-measure={measure}] .tile-value")).to_have_text(f"{totals[measure]:,}")
    expect(page.locator("[data-measure=cost_usd] .tile-value")).to_have_text(f"${totals['cost_usd']:.2f}")
    assert page.locator(".day-title").all_inner_texts() == [session["title"] for session in sessions]
    first = page.locator(".day-session").first
    assert first.locator(".day-asks a").first.inner_text() == sessions[0]["asks"][0]["text"]
    first.locator(".day-title").click()
    page.wait_for_url(f"**/sessions/{sessions[0]['session_id']}")


def test_prompt_and_file_of_a_day_lead_to_their_places(open_page: OpenPage, stack: Stack) -> None:
    found = busiest(stack)
    session = next(session for session in found["sessions"] if session["files"])
    page = open_page(f"/days/{found['date']}", timezone_id="UTC")
    row = page.locator(".day-session", has=page.get_by_role("link", name=session["title"], exact=True))

    row.locator(".day-files a").first.click()
    page.wait_for_url("**/files?path=*")
    page.go_back()
    row.locator(".day-asks a").first.click()

    page.wait_for_url(f"**/sessions/{session['session_id']}?at={session['asks'][0]['message_id']}")


def test_days_beside_it_are_reached_by_link_and_by_key(open_page: OpenPage, stack: Stack) -> None:
    day = date.fromisoformat(busiest(stack)["date"])
    page = open_page(f"/days/{day}", timezone_id="UTC")
    settled(page)

    page.get_by_role("navigation", name="Days").locator("[rel=prev]").click()
    page.wait_for_url(f"**/days/{day - DAY}")
    page.keyboard.press("]")
    page.wait_for_url(f"**/days/{day}")
    page.keyboard.press("[")
    page.wait_for_url(f"**/days/{day - DAY}")
    page.go_back()

    page.wait_for_url(f"**/days/{day}")
    page.keyboard.press("j")
    expect(page.locator(".day-title").first).to_be_focused()


def test_keys_pressed_before_the_page_follows_count_each(open_page: OpenPage, stack: Stack) -> None:
    day = date.fromisoformat(busiest(stack)["date"])
    page = open_page(f"/days/{day}", timezone_id="UTC")
    settled(page)

    page.evaluate("for (const key of '[[') document.dispatchEvent(new KeyboardEvent('keydown', { key }))")

    page.wait_for_url(f"**/days/{day - 2 * DAY}")
    expect(page.get_by_label("Day", exact=True)).to_have_value((day - 2 * DAY).isoformat())


def test_today_has_no_day_after_it(open_page: OpenPage) -> None:
    page = open_page(f"/days/{TODAY}", timezone_id="UTC")
    settled(page)

    expect(page.locator("[rel=prev]")).to_have_count(1)
    expect(page.locator("[rel=next]")).to_have_count(0)


def test_standup_is_copied_as_the_api_tells_it(open_page: OpenPage, stack: Stack) -> None:
    found = busiest(stack)
    page = open_page(f"/days/{found['date']}", timezone_id="UTC", permissions=["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy the standup text").click()

    expect(page.get_by_role("button", name="Copy the standup text")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == found["standup"]


def test_project_of_a_day_narrows_it(open_page: OpenPage, stack: Stack) -> None:
    found = busiest(stack)
    project = found["projects"][0]
    page = open_page(f"/days/{found['date']}", timezone_id="UTC")

    page.get_by_role("region", name="By project", exact=True).get_by_role("link", name=project["project_name"], exact=True).click()

    page.wait_for_url(f"**/days/{found['date']}?project={project['project_id']}")
    own = [session["title"] for session in found["sessions"] if session["project_id"] == project["project_id"]]
    expect(page.locator(".day-title")).to_have_text(own)


MONDAY = TODAY - timedelta(days=TODAY.weekday())
FIRST = TODAY.replace(day=1)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Yesterday", TODAY - DAY, TODAY - DAY),
        ("This week", MONDAY, TODAY),
        ("Last week", MONDAY - 7 * DAY, MONDAY - DAY),
        ("This month", FIRST, TODAY),
        ("Last month", (FIRST - DAY).replace(day=1), FIRST - DAY),
    ],
)
def test_named_days_are_those_of_the_calendar(open_page: OpenPage, name: str, first: date, last: date) -> None:
    page = open_page("/overview?range=30d", timezone_id="UTC")
    chosen = page.get_by_role("group", name="Range of days").get_by_role("link", name=name, exact=True)

    chosen.click()

    expect(chosen).to_have_attribute("aria-current", "true")
    expect(page.get_by_label("First day")).to_have_value(first.isoformat())
    expect(page.get_by_label("Last day")).to_have_value(last.isoformat())


@pytest.mark.parametrize("name", ["overview", "sessions"])
def test_range_of_one_day_leads_to_its_page(open_page: OpenPage, stack: Stack, name: str) -> None:
    day = busiest(stack)["date"]
    page = open_page(f"/{name}?from={day}&to={day}", timezone_id="UTC")

    page.get_by_role("link", name="What was done on this day").click()

    page.wait_for_url(f"**/days/{day}")
    page.wait_for_selector(".day-session")


def test_session_of_several_days_is_listed_on_each_with_its_share(open_page: OpenPage, own_stack: Stack) -> None:
    # Given a session with three prompts two days ago, and one yesterday
    start = datetime.combine(TODAY - 2 * DAY, datetime.min.time(), UTC) + timedelta(hours=12)
    events: list[dict[str, Any]] = [
        {"type": "session_start", "session_id": "long", "project_path": "/home/ann/shop", "start_time": start.isoformat(), "user": "ann"}
    ]
    for at in (start, start + timedelta(minutes=2), start + timedelta(minutes=4), start + DAY):
        said = {"session_id": "long", "role": "user", "content": "Retry the uploads", "timestamp": at.isoformat()}
        events.append({"type": "conversation"} | said)
    assert own_stack.http.post("/api/events", json=events, headers={"Prefer": "wait=30"}).json()["accepted"] == len(events)

    for ago, share in ((2, "4 min"), (1, "0 min")):
        day = TODAY - ago * DAY
        page = open_page(f"/sessions?from={day}&to={day}", of=origin_of(own_stack), timezone_id="UTC")

        expect(page.locator(".session-row")).to_have_count(1)
        # The columns have what is of this day; the whole stands beside.
        expect(page.locator(".session-row .is-active > span").first).to_have_text(share)
        expect(page.locator(".session-share")).to_have_text("4 min in all")
    page = open_page(f"/sessions?from={TODAY}&to={TODAY}", of=origin_of(own_stack), timezone_id="UTC")
    expect(page.locator(".empty-title")).to_have_text(f"There is no session of {TODAY.day} {TODAY:%b}.")


def test_prompt_that_is_the_title_stands_once(open_page: OpenPage, own_stack: Stack) -> None:
    """given a session that is called by its first prompt, then the page of its day lists the other prompts alone."""
    at = datetime.combine(TODAY - 5 * DAY, datetime.min.time(), UTC) + timedelta(hours=12)
    start = {"project_path": "/home/ann/shop", "session_id": "titled", "start_time": at.isoformat(), "user": "ann"}
    assert own_stack.http.post("/api/sessions/start", json=start).status_code < 300
    for minute, text in enumerate(("Count the\ncarts", "Now the orders")):
        said = {"session_id": "titled", "role": "user", "content": text, "timestamp": (at + timedelta(minutes=minute)).isoformat()}
        assert own_stack.http.post("/api/conversations", json=said, headers={"Prefer": "wait=30"}).status_code < 300

    page = open_page(f"/days/{at.date()}", of=origin_of(own_stack), timezone_id="UTC")

    row = page.locator(".day-session")
    expect(row.locator(".day-title")).to_have_text("Count the carts")
    expect(row.locator(".day-asks a")).to_have_text(["Now the orders"])
    expect(row.locator(".day-about")).to_contain_text("2 prompts")


def test_plan_is_called_by_its_heading_and_stands_once(open_page: OpenPage, own_stack: Stack) -> None:
    """given a session that begins with a plan and is asked for another, then its page of the day has the title of the first and the heading of the second."""
    at = datetime.combine(TODAY - 7 * DAY, datetime.min.time(), UTC) + timedelta(hours=12)
    start = {"project_path": "/home/ann/shop", "session_id": "planned", "start_time": at.isoformat(), "user": "ann"}
    assert own_stack.http.post("/api/sessions/start", json=start).status_code < 300
    for minute, name in enumerate(("Count carts", "Count orders")):
        text = f"Implement the following plan:\n\n# Plan: {name}\n\n## Context\n\nNobody counts."
        said = {"session_id": "planned", "role": "user", "content": text, "timestamp": (at + timedelta(minutes=minute)).isoformat()}
        assert own_stack.http.post("/api/conversations", json=said, headers={"Prefer": "wait=30"}).status_code < 300

    page = open_page(f"/days/{at.date()}", of=origin_of(own_stack), timezone_id="UTC")

    row = page.locator(".day-session")
    expect(row.locator(".day-title")).to_have_text("Count carts")
    expect(row.locator(".day-asks a")).to_have_text(["Plan: Count orders"])


def test_sessions_at_the_same_time_have_a_lane_each(open_page: OpenPage, own_stack: Stack) -> None:
    """given two sessions at once, one of which waits for an hour, and a later one, then there are two lanes, and the wait is between two active times."""
    noon = datetime.combine(TODAY - 8 * DAY, datetime.min.time(), UTC) + timedelta(hours=12)
    for name, minutes in {"one": (0, 2, 62, 64), "other": (10, 12), "later": (120, 122)}.items():
        start = {
            "project_path": "/home/ann/shop",
            "session_id": f"lane-{name}",
            "start_time": (noon + timedelta(minutes=minutes[0])).isoformat(),
        }
        assert own_stack.http.post("/api/sessions/start", json=start).status_code < 300
        for minute in minutes:
            at = (noon + timedelta(minutes=minute)).isoformat()
            said = {"session_id": f"lane-{name}", "role": "user", "content": f"{name} {minute}", "timestamp": at}
            assert own_stack.http.post("/api/conversations", json=said, headers={"Prefer": "wait=30"}).status_code < 300

    page = open_page(f"/days/{noon.date()}", of=origin_of(own_stack), timezone_id="UTC")

    lanes = page.locator(".day-lane")
    expect(lanes).to_have_count(2)
    assert [lane.locator("span").count() for lane in lanes.all()] == [2, 1]
    expect(lanes.first.locator("span").first.locator("i")).to_have_count(2)
    lanes.last.locator("span").click()
    page.wait_for_url("**/sessions/lane-other")


def test_projects_of_one_name_are_told_apart_on_every_page(open_page: OpenPage, own_stack: Stack) -> None:
    at = datetime.combine(TODAY - 6 * DAY, datetime.min.time(), UTC) + timedelta(hours=12)
    for number, folder in enumerate(("work", "home")):
        start = {"project_path": f"/{folder}/twin", "session_id": f"twin-{folder}", "start_time": at.isoformat(), "user": "ann"}
        assert own_stack.http.post("/api/sessions/start", json=start).status_code < 300
        said = {"session_id": f"twin-{folder}", "role": "user", "content": f"prompt {number}", "timestamp": at.isoformat()}
        assert own_stack.http.post("/api/conversations", json=said, headers={"Prefer": "wait=30"}).status_code < 300
    days = f"from={at.date()}&to={at.date()}"

    for path, names in (
        (f"/projects?{days}", ".project-name > a"),
        (f"/sessions?{days}", ".session-about > a:first-of-type"),
    ):
        page = open_page(path, of=origin_of(own_stack), timezone_id="UTC")
        expect(page.locator(names, has_text="/twin")).to_have_count(2)
        assert sorted(page.locator(names).all_inner_texts()) == ["home/twin", "work/twin"]
    expect(page.get_by_label("Project").locator("option", has_text="work/twin")).to_have_count(1)
    page = open_page(f"/days/{at.date()}", of=origin_of(own_stack), timezone_id="UTC")
    expect(page.locator(".day-about", has_text="home/twin")).to_have_count(1)
    expect(page.locator(".day-standup")).to_contain_text("work/twin (0 min)")
