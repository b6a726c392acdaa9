"""The list of sessions: what it shows equals what the API answers; filters, order and the way back; stars and tags; the keyboard."""

import re
from datetime import datetime
from typing import Any

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.flow.conftest import Stack

TITLE = ".session-title"


def all_sessions(stack: Stack, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = stack.http.get("/api/sessions", params={"limit": "1000"} | query).json()["items"]
    return items


def shown_titles(page: Any) -> list[str]:
    page.wait_for_selector(TITLE)
    titles: list[str] = page.locator(TITLE).all_inner_texts()
    return titles


def title_of(session: dict[str, Any]) -> str:
    return (session["title"] or "").strip() or "Without a title"


def same_text(text: str) -> str:
    """As the browser writes it: white space is one space."""
    return re.sub(r"\s+", " ", text).strip()


def test_list_shows_the_sessions_of_the_api_newest_first(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/sessions?range=all")
    expected = [same_text(title_of(session)) for session in all_sessions(stack)]
    assert [same_text(title) for title in shown_titles(page)] == expected[: len(shown_titles(page))]
    # Other tests add sessions without a branch or a cost.
    first = next(session for session in all_sessions(stack) if session["git_branch"] and session["cost_usd"])
    row = page.locator(".session-row", has_text=same_text(title_of(first))).first
    expect(row).to_contain_text(first["git_branch"])
    expect(row).to_contain_text(f"{first['tool_calls_count']} call")
    expect(row).to_contain_text(f"${first['cost_usd']:.2f}")


def test_filters_stand_in_the_address_and_back_takes_them_away(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/sessions?range=all")
    every = shown_titles(page)
    project = all_sessions(stack)[0]["project_id"]
    page.get_by_label("Project").select_option(str(project))
    expect(page).to_have_url(re.compile(rf"project={project}"))
    expected = all_sessions(stack, project_id=str(project))
    expect(page.locator(TITLE)).to_have_count(len(expected))
    assert [same_text(title) for title in shown_titles(page)] == [same_text(title_of(session)) for session in expected]
    page.go_back()
    expect(page.locator(TITLE)).to_have_count(len(every))


def test_order_is_that_of_the_api(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/sessions?range=all")
    page.get_by_role("link", name="Sort by cost").click()
    expect(page).to_have_url(re.compile("sort=cost_usd"))
    expected = all_sessions(stack, sort="cost_usd")
    expect(page.locator(TITLE).first).to_have_text(title_of(expected[0]))
    page.get_by_role("link", name="Sort by cost").click()
    expected = all_sessions(stack, sort="cost_usd", order="asc")
    expect(page.locator(TITLE).first).to_have_text(title_of(expected[0]))


def test_star_and_tag_are_kept_and_can_be_filtered_by(open_page: OpenPage, stack: Stack) -> None:
    session = all_sessions(stack)[1]
    page = open_page("/sessions?range=all")
    row = page.locator(".session-row").nth(1)
    row.get_by_role("button", name="Star", exact=True).click()
    expect(row.get_by_role("button", name="Star", exact=True)).to_have_attribute("aria-pressed", "true")
    row.hover()
    row.get_by_role("button", name="Add a tag").click()
    page.get_by_label("New tag").fill("uploads")
    page.keyboard.press("Enter")
    expect(row.get_by_role("link", name="uploads", exact=True)).to_be_visible()
    stored = stack.http.get(f"/api/sessions/{session['session_id']}").json()
    assert (stored["is_starred"], stored["tags"]) == (True, ["uploads"])
    row.get_by_role("link", name="uploads", exact=True).click()
    expect(page).to_have_url(re.compile("tag=uploads"))
    expect(page.locator(TITLE)).to_have_count(1)
    stack.http.patch(f"/api/sessions/{session['session_id']}", json={"is_starred": False, "tags": []})


def test_keyboard_walks_the_list_opens_a_session_and_comes_back(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/sessions?range=all")
    shown_titles(page)
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/sessions/{all_sessions(stack)[1]['session_id']}"))
    page.wait_for_selector(".message")
    page.go_back()
    expect(page.locator(TITLE).first).to_be_visible()


def test_filter_without_a_match_says_so(open_page: OpenPage) -> None:
    page = open_page("/sessions?range=all&tag=nobody-has-this")
    expect(page.locator(".empty")).to_contain_text("No session matches these filters")
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator(TITLE).first).to_be_visible()


def test_branches_are_read_when_one_is_about_to_choose(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/sessions?range=all")
    page.wait_for_selector(".session-row")
    choice = page.get_by_label("Branch")
    assert choice.locator("option").all_inner_texts() == ["Branch: all", "Reading the branches …"]
    choice.focus()
    branches = [item["branch"] for item in stack.http.get("/api/usage?group_by=branch").json()["items"] if item["branch"]]
    expect(choice.locator("option")).to_have_text(["Branch: all", *branches])
    choice.select_option("main")
    expect(choice).to_have_value("main")
    assert "branch=main" in page.url
    expect(page.locator(".session-row")).to_have_count(len(all_sessions(stack, branch="main")))


def test_filters_of_a_phone_are_behind_a_button_that_counts_them(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/sessions?range=all", viewport={"width": 390, "height": 844})
    button = page.get_by_role("button", name="Filters")
    expect(button).to_have_text("Filters")
    expect(page.get_by_label("Project")).to_have_count(0)

    button.click()
    page.get_by_label("Project").select_option(str(all_sessions(stack)[0]["project_id"]))
    page.get_by_label("State").select_option("ended")

    expect(button).to_have_text("Filters: 2 set")
    button.click()
    expect(page.get_by_label("State")).to_have_count(0)
    expect(button).to_have_text("Filters: 2 set")


def test_list_stands_beside_a_session_and_leads_to_its_neighbours(open_page: OpenPage, stack: Stack) -> None:
    # Given a list in an order of one's own
    page = open_page("/sessions?range=all&sort=cost_usd")
    ids = [session["session_id"] for session in all_sessions(stack, sort="cost_usd")]
    page.locator(TITLE).nth(1).click()
    side = page.get_by_role("complementary", name="Sessions")

    # Then a session has that list beside it, and marks its own row
    expect(side.get_by_role("link")).to_have_count(len(ids))
    expect(side.locator("[aria-current=page]")).to_have_attribute("href", f"/sessions/{ids[1]}")

    # When one goes on by key and by click, then the list stays
    expect(page.get_by_role("group", name="Ways through the session")).to_be_visible()
    page.keyboard.press("J")
    expect(page).to_have_url(re.compile(f"/sessions/{ids[2]}"))
    expect(side.locator("[aria-current=page]")).to_have_attribute("href", f"/sessions/{ids[2]}")
    side.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(f"/sessions/{ids[0]}"))
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/sessions/{ids[1]}"))
    page.get_by_role("link", name="Sessions").and_(page.locator("main a")).click()
    expect(page).to_have_url(re.compile("sort=cost_usd"))

    # When it is closed, then it stays closed
    page.go_back()
    page.get_by_role("button", name="List").click()
    expect(side).to_have_count(0)
    page.reload()
    page.wait_for_selector(".session-head")
    expect(side).to_have_count(0)
    page.get_by_role("button", name="List").click()
    expect(side.get_by_role("link").first).to_be_visible()


def test_sessions_since_the_last_look_are_marked_and_counted(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/sessions?range=all")
    every = shown_titles(page)
    new = page.locator(".session-about .badge", has_text="new")
    expect(new).to_have_count(0)
    newest, before = sorted(
        (datetime.fromisoformat(session["end_time"]) for session in all_sessions(stack) if session["end_time"]), reverse=True
    )[:2]

    # Given a look that ended between the last two of them
    looked = (newest.timestamp() + before.timestamp()) / 2 * 1_000
    page.goto(page.url.replace("/sessions?range=all", "/settings"))
    page.evaluate("at => localStorage.setItem('tracker.looked', JSON.stringify({ at, before: 0 }))", looked)
    page.goto(page.url.replace("/settings", "/sessions?range=all"))

    expect(new).to_have_count(1)
    expect(page.locator(".page-head .badge")).to_contain_text("1 new since")
    # It stays while one looks around
    page.reload()
    expect(page.locator(TITLE)).to_have_count(len(every))
    expect(new).to_have_count(1)


def test_row_says_what_came_of_the_session_and_the_list_is_filtered_by_it(open_page: OpenPage, stack: Stack) -> None:
    sessions = {outcome: all_sessions(stack, outcome=outcome) for outcome in ("commit", "files", "nothing")}
    page = open_page("/sessions?range=all")
    shown_titles(page)
    for session in all_sessions(stack, include_outcome="true")[:5]:
        row = page.locator(".session-row", has=page.locator(f"a[href='/sessions/{session['session_id']}']"))
        commits, brought = session["outcome"]["commits"], session["outcome"]["pull_requests"] or session["files_modified_count"]
        if commits:
            expect(row.locator(".session-about")).to_contain_text(f"{commits} commit{'' if commits == 1 else 's'}")
        elif not brought and session["status"] == "ended":
            expect(row.locator(".session-about")).to_contain_text("nothing came of it")
        else:
            expect(row.locator(".session-about")).not_to_contain_text("nothing came of it")

    for outcome, label in (("commit", "Committed"), ("files", "Changed files"), ("nothing", "Nothing came of it")):
        page.get_by_label("Outcome").select_option(label=label)
        expect(page).to_have_url(re.compile(f"outcome={outcome}"))
        if not sessions[outcome]:
            expect(page.locator(".empty")).to_contain_text("No session matches these filters")
            continue
        expect(page.locator(TITLE)).to_have_count(len(sessions[outcome]))


def test_list_is_filtered_by_a_text_while_somebody_types(open_page: OpenPage, stack: Stack) -> None:
    word = max(re.findall(r"\w+", " ".join(title_of(each) for each in all_sessions(stack)[:5])), key=len)
    expected = all_sessions(stack, contains=word)
    page = open_page("/sessions?range=all")
    shown_titles(page)

    page.get_by_role("searchbox", name="Text of the title or note").press_sequentially(word)

    expect(page.locator(TITLE)).to_have_count(len(expected))
    expect(page).to_have_url(re.compile(f"contains={word}"))
    page.get_by_role("searchbox", name="Text of the title or note").fill("nobody wrote this")
    expect(page.get_by_role("link", name="search what was said")).to_have_attribute("href", "/search?q=nobody+wrote+this")
    page.get_by_role("searchbox", name="Text of the title or note").fill("#123456")
    expect(page.locator(".empty")).to_contain_text("No session matches these filters")
