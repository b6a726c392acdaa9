"""One session: its numbers, its conversation, jumps by link and key, search within, marks, and what happens while one looks."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from deploy.embedded.supervision.processes import wait_until
from shared.terms import error_class_label
from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.hostile_transcript import ATTACK, SESSION, hostile_transcript
from tests.browser.dashboard.long_transcript import long_transcript
from tests.browser.dashboard.test_every_page import TAGS
from tests.browser.dashboard.told_transcript import ASK, LAST_ANSWER, SUBAGENT_MS, told_transcript
from tests.flow.conftest import Stack

LONG = "16161616-0000-4000-8000-000000000001"
LONG_ITEMS = 3_000
TOLD = "25252525-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def busiest(stack: Stack) -> dict[str, Any]:
    """The session of the week with most tool calls."""
    items = stack.http.get("/api/sessions", params={"sort": "tool_calls_count", "user": "ann"}).json()["items"]
    found: dict[str, Any] = next(session for session in items if session["session_id"] not in (LONG, SESSION, TOLD))
    return found


@pytest.fixture(scope="module")
def long_session(stack: Stack) -> str:
    imported(stack, LONG, long_transcript(LONG, LONG_ITEMS))
    return LONG


@pytest.fixture(scope="module")
def told(stack: Stack) -> str:
    """A session with all that its page tells first."""
    imported(stack, TOLD, told_transcript(TOLD))
    return TOLD


def imported(stack: Stack, session_id: str, transcript: bytes) -> None:
    job = stack.http.post("/api/import/claude-data", files={"file": (f"{session_id}.jsonl", transcript)}, timeout=120).json()
    events = stack.http.get(f"/api/import/jobs/{job['job_id']}/events", timeout=120)
    assert stack.http.get(f"/api/import/jobs/{job['job_id']}").json()["status"] == "succeeded", events.text[-500:]


def timeline(stack: Stack, session_id: str, **query: Any) -> dict[str, Any]:
    answer: dict[str, Any] = stack.http.get(f"/api/sessions/{session_id}/timeline", params=query).json()
    return answer


def test_head_shows_the_numbers_of_the_api(open_page: OpenPage, stack: Stack, busiest: dict[str, Any]) -> None:
    page = open_page(f"/sessions/{busiest['session_id']}")
    numbers = page.locator(".session-numbers")
    expect(numbers).to_contain_text(f"${busiest['cost_usd']:.2f}")
    expect(numbers).to_contain_text(f"+{busiest['lines_added']:,} −{busiest['lines_removed']:,}")
    labels = numbers.locator("dt").all_inner_texts()
    assert labels[:2] == ["Active time", "Wall time"]
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
    failed = stack.http.get(f"/api/sessions/{long_session}/tool-calls", params={"status": "error", "limit": 1}).json()["items"][0]
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


def test_search_within_jumps_to_the_hit(open_page: OpenPage, stack: Stack, long_session: str) -> None:
    # Given that the import is indexed, which is some time after it has ended: the page asks once
    assert wait_until(lambda: not stack.select("SELECT FROM search_pending LIMIT 1"), 60)

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
    page = open_page(f"/sessions/{busiest['session_id']}")
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("Title").fill("A name of mine")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("A name of mine")
    page.get_by_role("button", name="Add a note").click()
    page.get_by_label("Note").fill("Read this again.")
    page.get_by_label("Note").blur()
    expect(page.locator(".session-note-text")).to_contain_text("Read this again.")
    stored = stack.http.get(f"/api/sessions/{busiest['session_id']}").json()
    assert (stored["title"], stored["note"]) == ("A name of mine", "Read this again.")
    page.get_by_role("button", name="Use Claude's title").click()
    expect(page.locator("h1")).not_to_have_text("A name of mine")
    stack.http.patch(f"/api/sessions/{busiest['session_id']}", json={"note": None})


def test_open_session_is_followed(open_page: OpenPage, stack: Stack) -> None:
    session = "live-16"
    now = datetime.now(UTC).isoformat()
    stack.http.post(
        "/api/sessions/start", json={"project_path": "/home/ann/live16", "user": "ann", "session_id": session, "start_time": now}
    )
    say(stack, session, "user", "The first words")
    page = open_page(f"/sessions/{session}")
    expect(page.locator(".message")).to_contain_text("The first words")
    expect(page.locator(".story-bar .badge")).to_contain_text("live")
    say(stack, session, "assistant", "An answer **while one looks**")
    expect(page.locator(".message.is-assistant strong", has_text="while one looks")).to_be_visible(timeout=5_000)


def say(stack: Stack, session: str, role: str, content: str, at: datetime | None = None) -> None:
    body = {"session_id": session, "role": role, "content": content, "timestamp": (at or datetime.now(UTC)).isoformat()}
    assert stack.http.post("/api/conversations", json=body, headers={"Prefer": "wait=10"}).status_code < 300


def test_stored_text_is_never_markup(open_page: OpenPage, stack: Stack) -> None:
    imported(stack, SESSION, hostile_transcript())
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


def test_session_opens_with_its_ask_its_answer_and_what_was_made(open_page: OpenPage, stack: Stack, told: str) -> None:
    stack.http.patch(f"/api/sessions/{told}", json={"title": "Uploads"})

    page = open_page(f"/sessions/{told}")

    outcome = page.get_by_role("region", name="What came of it")
    expect(outcome.locator(".outcome-ask")).to_have_text(ASK)
    expect(outcome.locator(".outcome-text .markdown")).to_have_text(LAST_ANSWER.replace("*", ""))
    expect(outcome.locator(".outcome-text strong")).to_have_text("three times")
    expect(outcome).to_contain_text("1a2b3c4 Try uploads again")
    expect(outcome.get_by_role("link", name="github.com/ann/told/pull/7")).to_have_attribute("href", "https://github.com/ann/told/pull/7")
    expect(outcome.locator(".test-run")).to_contain_text("pytest tests/unit")
    expect(outcome.locator(".test-run")).to_contain_text("12 passed, the last of 2 runs; 1 failed before")
    [failure] = stack.http.get(f"/api/sessions/{told}/outcome").json()["failures"]
    expect(outcome.get_by_role("link", name=f"Bash: {error_class_label(failure['error_class']).lower()}")).to_be_visible()


def test_ask_that_is_the_title_is_not_repeated(open_page: OpenPage, stack: Stack, told: str) -> None:
    stack.http.patch(f"/api/sessions/{told}", json={"title": ASK})

    page = open_page(f"/sessions/{told}")

    expect(page.locator("h1")).to_have_text(ASK)
    expect(page.locator(".outcome-label")).to_have_count(1)
    expect(page.locator(".outcome-label")).to_contain_text("Answered")


def test_file_leads_to_its_diff(open_page: OpenPage, stack: Stack, told: str) -> None:
    page = open_page(f"/sessions/{told}")
    files = page.locator(".outcome-facts > div", has_text="Files").get_by_role("listitem")
    expect(files).to_have_count(11)
    expect(files.first).to_have_text("src/upload.py +30 −1")
    page.get_by_role("button", name="2 more").click()
    expect(files).to_have_count(12)

    files.first.get_by_role("link").click()

    marked = page.locator(".call.is-marked")
    expect(marked).to_be_in_viewport()
    expect(marked.locator(".call-body .diff-line.is-added")).to_have_count(30)


def test_cost_names_the_rebuild_of_the_cache_and_its_cause(open_page: OpenPage, stack: Stack, told: str) -> None:
    cost = stack.http.get(f"/api/sessions/{told}/outcome").json()["cost"]
    page = open_page(f"/sessions/{told}")
    why = page.locator(".outcome-fold", has_text="Why it cost")
    expect(why.locator("summary")).to_contain_text(f"Why it cost ${cost['cost_usd']:.2f}: ")
    expect(why.locator("summary")).to_contain_text(f"1 rebuild of the cache cost ${cost['rebuilds_usd']:.2f}")

    why.locator("summary").click()

    said = r"Turn 2, .*: 120K tokens were written to the cache again for \$0\.\d\d, since the pause of 14 h .* was longer than the cache is kept \(5 min\)\."
    expect(why.locator("li", has_text="written to the cache again").first).to_have_text(re.compile(said))
    expect(why.get_by_role("heading", name="The dearest turns")).to_be_visible()
    expect(why.get_by_role("img", name="Tokens of context by turn")).to_be_visible()
    why.get_by_role("link", name="Turn 2").first.click()
    expect(page.locator(".message.is-marked")).to_contain_text("Let another one look at it")
    expect(page.locator(".message.is-marked")).to_contain_text("cache rebuilt")
    expect(page.locator(".turn").nth(1)).to_have_attribute("title", re.compile("the pause of 14 h"))
    expect(page.locator(".turn").nth(1).get_by_role("img", name="1 rebuild of the cache")).to_be_visible()


def test_days_are_told_and_part_the_conversation(open_page: OpenPage, told: str) -> None:
    page = open_page(f"/sessions/{told}", timezone_id="UTC")
    days = page.get_by_role("region", name="Days of the session, in UTC")
    expect(days.locator("tbody tr")).to_have_count(2)
    expect(days.get_by_role("link", name="Tue 17 Nov")).to_have_attribute("href", "/days/2026-11-17")

    days.get_by_role("link", name="its start").nth(1).click()

    expect(page.locator(".separator.is-day")).to_have_text("Wednesday 18 November 2026")
    expect(page.locator(".message.is-marked")).to_contain_text("Let another one look at it")


def test_subagent_that_works_is_no_pause_and_active_time(open_page: OpenPage, told: str) -> None:
    page = open_page(f"/sessions/{told}?at=end")

    expect(page.locator(".separator", has_text="Nothing happened for")).to_have_count(1)
    expect(page.locator(".turn").nth(1)).to_contain_text("40 min")
    expect(page.locator(".time-strip figcaption")).to_contain_text("1 pause of 5 min or more")


def test_subagent_that_a_client_sent_is_no_pause(open_page: OpenPage, stack: Stack) -> None:
    session, begun = "sent-25", datetime(2026, 11, 16, 8, tzinfo=UTC)
    tool = {"tool_name": "Agent", "parameters": {"prompt": "Review it."}, "result_status": "success", "execution_time_ms": SUBAGENT_MS}
    ended = begun + timedelta(milliseconds=SUBAGENT_MS + 5_000)
    stack.http.post(
        "/api/sessions/start", json={"project_path": "/home/ann/sent25", "session_id": session, "start_time": begun.isoformat()}
    )
    answer = stack.http.post(
        "/api/tool-calls", json=tool | {"session_id": session, "timestamp": begun.isoformat()}, headers={"Prefer": "wait=10"}
    )
    assert answer.status_code < 300, answer.text
    say(stack, session, "assistant", "It is reviewed.", ended)

    page = open_page(f"/sessions/{session}")

    expect(page.locator(".separator")).to_contain_text("A subagent worked for 40 min")


def test_last_item_has_cost_all_of_the_session(open_page: OpenPage, stack: Stack, told: str, long_session: str) -> None:
    for session in (told, long_session):
        cost = stack.http.get(f"/api/sessions/{session}").json()["cost_usd"]
        page = open_page(f"/sessions/{session}")
        page.wait_for_selector(".message")

        page.keyboard.press("End")

        expect(page.locator(".story-position")).to_have_text(re.compile(rf"item ([\d,]+) of \1, .*, \${cost:.2f} so far"))


@pytest.mark.parametrize("width", [1440, 1024])
def test_list_of_turns_stays_beside_the_conversation(open_page: OpenPage, told: str, width: int) -> None:
    page = open_page(f"/sessions/{told}", viewport={"width": width, "height": 900})

    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".turn").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


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


def test_open_session_tells_its_answer_without_a_reload(open_page: OpenPage, stack: Stack) -> None:
    session = "live-25"
    now = datetime.now(UTC).isoformat()
    stack.http.post(
        "/api/sessions/start", json={"project_path": "/home/ann/live25", "user": "ann", "session_id": session, "start_time": now}
    )
    say(stack, session, "user", "The only ask")
    page = open_page(f"/sessions/{session}")
    expect(page.locator(".story-bar .badge")).to_contain_text("live")

    say(stack, session, "assistant", "An answer while one looks")

    expect(page.locator(".outcome-text .markdown")).to_have_text("An answer while one looks", timeout=20_000)


def test_session_of_which_nothing_is_stored_has_no_outcome(open_page: OpenPage, stack: Stack) -> None:
    body = {"project_path": "/home/ann/empty25", "session_id": "empty-25"}
    assert stack.http.post("/api/sessions/start", json=body, headers={"Prefer": "wait=20"}).status_code == 201

    page = open_page("/sessions/empty-25")

    expect(page.locator(".empty")).to_contain_text("No event of this session is stored.")
    expect(page.locator(".outcome, .outcome-outline, .turn-rail")).to_have_count(0)
