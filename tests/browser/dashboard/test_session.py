"""One session: its numbers, its conversation, jumps by link and key, search within, marks, and what happens while one looks."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from deploy.embedded.supervision.processes import wait_until
from shared.terms import error_class_label
from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.hostile_transcript import ATTACK, SESSION, hostile_transcript
from tests.browser.dashboard.long_transcript import long_transcript
from tests.browser.dashboard.parts_of_pages import TAGS, last_item_has_all_of_the_cost
from tests.browser.dashboard.sent_sessions import begin, import_transcript, say
from tests.flow.conftest import Stack

LONG = "16161616-0000-4000-8000-000000000001"
LONG_ITEMS = 3_000


@pytest.fixture(scope="module")
def busiest(stack: Stack) -> dict[str, Any]:
    """The session of the week with most tool calls."""
    items = stack.http.get("/api/sessions", params={"sort": "tool_calls_count", "user": "ann"}).json()["items"]
    found: dict[str, Any] = next(session for session in items if session["session_id"] not in (LONG, SESSION))
    return found


@pytest.fixture(scope="module")
def long_session(stack: Stack) -> str:
    import_transcript(stack, LONG, long_transcript(LONG, LONG_ITEMS))
    return LONG


def timeline(stack: Stack, session_id: str, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = stack.http.get(f"/api/sessions/{session_id}/timeline", params=query).json()
    return answer


def test_head_shows_the_numbers_of_the_api(open_page: OpenPage, stack: Stack, busiest: dict[str, Any]) -> None:
    page = open_page(f"/sessions/{busiest['session_id']}?outcome=1")
    numbers = page.locator(".session-head .session-numbers")
    expect(numbers).to_contain_text(f"${busiest['cost_usd']:.2f}")
    expect(numbers).to_contain_text(f"+{busiest['lines_added']:,} −{busiest['lines_removed']:,}")
    assert numbers.locator("dt").all_inner_texts() == ["Active time", "Cost", "Tool calls", "Lines", "Files changed"]
    expect(page.locator(".outcome-box .session-numbers dt")).to_have_text(["Wall time", "Tokens", "Messages"])
    expect(page.locator(".copy code")).to_have_text(f"tracker resume {busiest['session_id']}")
    folder = stack.http.get(f"/api/projects/{busiest['project_id']}").json()["path"]
    expect(page.locator(".session-where")).to_have_text(f"It ran in {folder}")
    for link in page.locator(".session-exports a").all():
        assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener")


def test_conversation_has_every_message_of_the_timeline(open_page: OpenPage, stack: Stack, busiest: dict[str, Any]) -> None:
    page = open_page(f"/sessions/{busiest['session_id']}")
    page.wait_for_selector(".message")
    items = timeline(stack, busiest["session_id"], limit=1000)["items"]
    prompts = [item for item in items if item["kind"] == "message" and item["role"] == "user"]
    expect(page.locator(".message.is-prompt").first).to_contain_text(prompts[0]["content"].split("\n")[0][:60])
    page.keyboard.press("End")
    last = [item for item in items if item["kind"] == "message" and item["content"].strip()][-1]
    expect(page.locator(f'[data-key="{last["id"]}"]')).to_be_in_viewport()


def test_call_unfolds_to_its_input_diff_and_result(open_page: OpenPage, stack: Stack, long_session: str) -> None:
    calls = timeline(stack, long_session, limit=200)["items"]
    edit = next(item for item in calls if item["kind"] == "tool_call" and item["changes"] and item["changes"][0]["patch"])
    page = open_page(f"/sessions/{long_session}?at={edit['id']}")
    row = page.locator(f'[data-key="{edit["id"]}"]')
    expect(row.locator(".is-marked")).to_be_in_viewport()
    row.locator(".call-fold").click()
    expect(row.locator(".diff-line.is-added")).to_contain_text("+")
    expect(row.locator(".diff-line.is-removed")).to_contain_text("−")
    expect(row.locator(".result-text")).to_have_text(edit["result"]["text"])


def test_failed_call_shows_its_class_and_first_line_unfolded(open_page: OpenPage, stack: Stack, long_session: str) -> None:
    failed = stack.http.get("/api/tool-calls", params={"session_id": long_session, "status": "error", "limit": 1}).json()["items"][0]
    page = open_page(f"/sessions/{long_session}?at={failed['id']}")
    row = page.locator(f'[data-key="{failed["id"]}"]')
    expect(row.locator(".call-error")).to_contain_text("FAILED")
    expect(row).to_contain_text(error_class_label(failed["error_class"]))


def test_link_to_an_item_in_the_middle_stays_in_its_place_while_pages_come_in(open_page: OpenPage, stack: Stack, long_session: str) -> None:
    turns = stack.http.get(f"/api/sessions/{long_session}/turns", params={"limit": 200}).json()["items"]
    prompt = turns[len(turns) // 2]["first_item_id"]
    page = open_page(f"/sessions/{long_session}?at={prompt}")
    marked = page.locator(".message.is-marked")
    expect(marked).to_be_in_viewport()
    # Not by bounding_box(), which is None at a moment in which the row is drawn anew.
    page.wait_for_load_state("networkidle")
    top = marked.evaluate("node => node.getBoundingClientRect().y")
    page.mouse.wheel(0, -1)
    page.wait_for_load_state("networkidle")
    assert abs(marked.evaluate("node => node.getBoundingClientRect().y") - top) < 4
    expect(marked).to_be_in_viewport()
    for _ in range(12):
        page.mouse.move(500, 600)
        page.mouse.wheel(0, -600)
        page.wait_for_timeout(50)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.querySelectorAll('.row').length") < 150


def test_long_session_keeps_a_bounded_document(open_page: OpenPage, long_session: str) -> None:
    page = open_page(f"/sessions/{long_session}")
    page.wait_for_selector(".message")
    for key in ("End", "Home", "End"):
        page.keyboard.press(key)
        page.wait_for_load_state("networkidle")
    assert page.evaluate("document.querySelectorAll('*').length") < 3_000


def test_bar_has_the_title_once_the_heading_is_out_of_sight(open_page: OpenPage, long_session: str) -> None:
    page = open_page(f"/sessions/{long_session}")
    title, bar = page.locator("h1").inner_text(), page.locator(".story-bar-title")
    expect(bar).to_have_text("Conversation")
    page.keyboard.press("End")
    expect(bar).to_have_text(title)
    page.keyboard.press("Home")
    expect(bar).to_have_text("Conversation")


def test_keys_go_to_prompts_and_failed_calls(open_page: OpenPage, stack: Stack, long_session: str) -> None:
    turns = stack.http.get(f"/api/sessions/{long_session}/turns", params={"limit": 200}).json()["items"]
    prompts = [turn["first_item_id"] for turn in turns if turn["first_item_id"]]
    page = open_page(f"/sessions/{long_session}?at={prompts[0]}")
    expect(page.locator(".message.is-marked")).to_be_in_viewport()
    page.wait_for_load_state("networkidle")
    # The keys go by the list of turns.
    expect(page.locator(".turn-rail .turn").nth(1)).to_be_visible()
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile(f"at={prompts[1]}"))
    expect(page.locator(".message.is-marked")).to_be_in_viewport()
    page.keyboard.press("p")
    expect(page).to_have_url(re.compile(f"at={prompts[0]}"))
    page.keyboard.press("e")
    expect(page.locator(".call.is-failed.is-marked")).to_be_in_viewport()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Next failed call")


# The address, what the search field has, and which row stands where at the top of the screen.
PLACE = """() => {
    const row = [...document.querySelectorAll(".row")].find((each) => each.getBoundingClientRect().bottom > 130);
    return [location.search, document.querySelector(".session-search input").value, row.dataset.key, Math.round(row.getBoundingClientRect().top)];
}"""


def place(page: Any) -> list[Any]:
    """Once it stands still."""
    before: list[Any] = page.evaluate(PLACE)
    while True:
        page.wait_for_timeout(400)
        now: list[Any] = page.evaluate(PLACE)
        if now == before:
            return now
        before = now


def stands_at(page: Any, wanted: list[Any]) -> bool:
    """True if it comes to stand there, and stays."""

    def is_there() -> bool:
        *what, top = page.evaluate(PLACE)
        return what == wanted[:3] and abs(top - wanted[3]) <= 3

    came = wait_until(is_there, 20)
    page.wait_for_timeout(200)
    return came and is_there()


def test_back_and_forward_lead_through_all_jumps(open_page: OpenPage, stack: Stack, long_session: str) -> None:
    # Given a page on which one has scrolled, jumped by key, by the list of turns, by search and by link
    assert wait_until(stack.is_searchable, 60)
    page = open_page(f"/sessions/{long_session}")
    expect(page.locator(".turn").nth(8)).to_be_attached()
    page.mouse.move(500, 600)
    page.mouse.wheel(0, 120)
    page.wait_for_function("scrollY > 100")
    places = [place(page)]

    def jumped(address: str) -> None:
        expect(page).to_have_url(re.compile(address))
        expect(page.locator(".is-marked")).to_be_in_viewport()
        places.append(place(page))

    for key in ("n", "n", "e"):
        before = page.url
        page.keyboard.press(key)
        expect(page).not_to_have_url(before)
        jumped("at=")
    page.mouse.wheel(0, 1_500)
    page.wait_for_timeout(100)
    places[-1] = place(page)
    page.locator(".turn").nth(8).click()
    jumped("at=")
    page.get_by_role("searchbox", name="Search in this session").fill("drain_40")
    page.locator(".session-search-hit").first.click()
    jumped("q=drain_40")
    # The typed text belongs to the place from which one jumped.
    places[-2][:2] = [f"{places[-2][0]}&q=drain_40", "drain_40"]
    page.keyboard.press("End")
    expect(page).to_have_url(re.compile("at=end"))
    places.append(place(page))

    # When one goes back step by step, and forward again, then each step is where one was
    came = []
    for wanted in places[-2::-1]:
        page.go_back()
        came.append(stands_at(page, wanted))
    for wanted in places[1:]:
        page.go_forward()
        came.append(stands_at(page, wanted))

    assert came == [True] * 2 * (len(places) - 1)


def test_back_from_another_page_leads_to_where_one_read(open_page: OpenPage, long_session: str) -> None:
    page = open_page(f"/sessions/{long_session}")
    page.wait_for_selector(".message")
    page.keyboard.press("n")
    expect(page.locator(".is-marked")).to_be_in_viewport()
    page.mouse.move(500, 600)
    page.mouse.wheel(0, 2_000)
    page.wait_for_timeout(100)
    before = place(page)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Usage").click()
    expect(page.locator("h1")).to_have_text("Usage")

    page.go_back()

    page.wait_for_selector(".row")
    assert stands_at(page, before)


SHIFT = """() => new Promise((done) => {
    let sum = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (sum += entry.value))).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(sum), 300);
})"""


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("at", ["the beginning", "a prompt", "unfolded"])
def test_nothing_moves_once_it_is_drawn(open_page: OpenPage, stack: Stack, long_session: str, width: int, at: str) -> None:
    turns = stack.http.get(f"/api/sessions/{long_session}/turns", params={"limit": 200}).json()["items"]
    query = {"the beginning": "", "a prompt": f"?at={turns[len(turns) // 2]['first_item_id']}", "unfolded": "?outcome=1"}[at]

    page = open_page(f"/sessions/{long_session}{query}", viewport={"width": width, "height": 900})
    page.wait_for_selector(".message")
    page.wait_for_load_state("networkidle")

    assert page.evaluate(SHIFT) < 0.02


def test_search_within_jumps_to_the_hit(open_page: OpenPage, stack: Stack, long_session: str) -> None:
    # Given that the import is indexed, which is some time after it has ended: the page asks once
    assert wait_until(stack.is_searchable, 60)

    page = open_page(f"/sessions/{long_session}")
    page.wait_for_selector(".message")
    page.get_by_role("searchbox", name="Search in this session").fill("drain_40")
    hit = page.locator(".session-search-hit").first
    hit.click(timeout=20_000)
    expect(page.locator(".is-marked")).to_be_in_viewport()


def test_beginning_of_an_id_leads_to_its_session(open_page: OpenPage, stack: Stack, busiest: dict[str, Any]) -> None:
    whole = busiest["session_id"]
    page = open_page(f"/sessions/{whole[:8]}?thinking=1", allows=("404",))

    page.wait_for_url(f"**/sessions/{whole}?thinking=1")

    expect(page.locator("h1")).to_have_text(busiest["title"])
    page.go_back()
    assert whole[:8] not in page.url.replace(whole, "")


def test_beginning_of_several_ids_and_of_none_are_said(open_page: OpenPage, stack: Stack) -> None:
    for session in ("twin-one", "twin-two"):
        body = {"project_path": "/home/ann/twins", "session_id": session}
        assert stack.http.post("/api/sessions/start", json=body, headers={"Prefer": "wait=20"}).status_code == 201

    page = open_page("/sessions/twin", allows=("404",))

    expect(page.locator("h1")).to_have_text("Several sessions begin with twin.")
    expect(page.locator("main a[href^='/sessions/twin-']")).to_have_text(["twin-two", "twin-one"])
    page.goto(page.url.replace("/twin", "/nobody"))
    expect(page.locator("h1")).to_have_text("There is no session of this id.")


def test_title_and_note_are_edited_in_place(open_page: OpenPage, stack: Stack, busiest: dict[str, Any]) -> None:
    page = open_page(f"/sessions/{busiest['session_id']}?outcome=1")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Title").fill("A name of mine")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("A name of mine")
    page.get_by_role("button", name="Add a note").click()
    page.get_by_label("Note").fill("Read this again.")
    page.get_by_label("Note").blur()
    expect(page.locator(".session-note-text")).to_have_text("Read this again.")
    stored = stack.http.get(f"/api/sessions/{busiest['session_id']}").json()
    assert (stored["title"], stored["note"]) == ("A name of mine", "Read this again.")
    page.get_by_role("button", name="Use Claude's title").click()
    expect(page.locator("h1")).not_to_have_text("A name of mine")
    stack.http.patch(f"/api/sessions/{busiest['session_id']}", json={"note": None})


def test_open_session_is_followed(open_page: OpenPage, stack: Stack) -> None:
    session = "live-16"
    begin(stack, session)
    say(stack, session, "user", "The first words")
    page = open_page(f"/sessions/{session}")
    expect(page.locator(".message")).to_contain_text("The first words")
    expect(page.locator(".story-bar .badge")).to_contain_text("live")
    say(stack, session, "assistant", "An answer **while one looks**")
    expect(page.locator(".message.is-assistant strong", has_text="while one looks")).to_be_visible(timeout=5_000)


def test_stored_text_is_never_markup(open_page: OpenPage, stack: Stack) -> None:
    import_transcript(stack, SESSION, hostile_transcript())
    marks = {"title": ATTACK, "note": ATTACK, "add_tags": [ATTACK[:60]]}
    assert stack.http.patch(f"/api/sessions/{SESSION}", json=marks).status_code == 200
    page = open_page(f"/sessions/{SESSION}?thinking=1")
    page.wait_for_selector(".message")
    for fold in page.locator(".call-fold, .entry .fold, .run.fold").all():
        fold.click()
    page.get_by_role("searchbox", name="Search in this session").fill("onerror")
    page.wait_for_load_state("networkidle")
    page.mouse.move(500, 330)
    assert page.evaluate("window.attacked") is None
    assert page.locator("main :is(img, script, iframe, style, form, svg[onload], [onerror], [onload], [onmouseover])").count() == 0
    assert page.locator(".markdown [style], .markdown [id], .markdown .note").count() == 0
    hrefs = page.locator(".markdown a[href]").evaluate_all("links => links.map(link => link.href)")
    assert all(href.startswith(("http:", "https:", "mailto:")) for href in hrefs)
    expect(page.locator("h1")).to_have_text(ATTACK)
    expect(page.locator(".message.is-prompt").first).to_contain_text('<img src=x onerror="window.attacked=1">')
    page.goto(f"{stack.http.base_url}/sessions?range=all".replace("//sessions", "/sessions"))
    expect(page.locator(".session-title", has_text="<img src=x")).to_be_visible()
    assert page.evaluate("window.attacked") is None


def test_session_that_is_not_known_says_so(open_page: OpenPage) -> None:
    page = open_page("/sessions/nobody-knows-this", allows=("404",))
    expect(page.locator(".empty")).to_contain_text("There is no session of this id")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_session_breaks_no_serious_rule_of_accessibility(open_page: OpenPage, long_session: str, scheme: str) -> None:
    page = open_page(f"/sessions/{long_session}", color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_selector(".message")
    page.wait_for_load_state("networkidle")
    for fold in page.locator(".call-fold").all()[:4]:
        fold.click()
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}}).response["violations"]
    serious = {
        violation["id"]: [node["html"][:200] for node in violation["nodes"]][:3]
        for violation in found
        if violation["impact"] in ("serious", "critical")
    }
    assert serious == {}


def test_session_fits_a_phone(open_page: OpenPage, long_session: str) -> None:
    page = open_page(f"/sessions/{long_session}", viewport={"width": 390, "height": 844})
    page.wait_for_selector(".message")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_small_edit_shows_its_diff_and_unfolds_without_a_second_one(open_page: OpenPage, stack: Stack, long_session: str) -> None:
    calls = [
        item for item in timeline(stack, long_session, limit=400)["items"] if item["kind"] == "tool_call" and len(item["changes"]) == 1
    ]
    changes = [(call, call["changes"][0]) for call in calls if call["changes"][0]["patch"]]
    small = next(call for call, change in changes if change["lines_added"] + change["lines_removed"] <= 12)
    page = open_page(f"/sessions/{long_session}?at={small['id']}")
    row = page.locator(f'[data-key="{small["id"]}"]')
    expect(row.locator(".call-diff .diff-line.is-added").first).to_be_visible()
    row.locator(".call-fold").click()
    expect(row.locator(".call-body .diff")).to_have_count(1)
    expect(row.locator(".diff")).to_have_count(1)


def test_last_item_of_a_long_session_has_all_of_its_cost(open_page: OpenPage, stack: Stack, long_session: str) -> None:
    last_item_has_all_of_the_cost(open_page, stack, long_session)


def test_print_has_all_turns_and_no_navigation(open_page: OpenPage, long_session: str) -> None:
    page = open_page(f"/sessions/{long_session}", viewport={"width": 720, "height": 1000})
    page.wait_for_selector(".message")
    page.wait_for_load_state("networkidle")

    page.emulate_media(media="print")

    turns = page.locator(".turn-rail .turn")
    expect(turns.first).to_be_visible()
    expect(turns.last).to_contain_text(f"Prompt {turns.count()}")
    expect(page.locator(".navigation")).to_be_hidden()
    expect(page.locator(".print-note")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 720
