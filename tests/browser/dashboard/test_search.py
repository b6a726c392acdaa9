"""The search of the dashboard: the palette over any page, and the page with every filter in its address."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import expect

from deploy.embedded.supervision.processes import wait_until
from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import found, hits, meant, open_palette, painted, sessions
from tests.flow.conftest import Stack

HOSTILE = (
    '<img src=x onerror="window.broken = 1"></mark><script>window.broken = 1</script> &lt;b&gt; & <mark>quagga</mark> javascript:alert(1)'
)
HOSTILE_PATH = "/home/ann/zoo/<svg onload=window.broken=1>/quagga & #1?.ts"


@pytest.fixture(scope="module")
def hostile(stack: Stack) -> Stack:
    """A session whose message, title and path are markup."""
    at = datetime.now(UTC) - timedelta(hours=3)
    where = {"session_id": "hostile-session", "timestamp": at.isoformat()}
    for path, body in {
        "/api/sessions/start": {
            "project_path": "/home/ann/<b>zoo</b>",
            "session_id": "hostile-session",
            "start_time": at.isoformat(),
            "user": "ann",
        },
        "/api/conversations": where | {"content": HOSTILE, "role": "user"},
        "/api/activities": where | {"file_path": HOSTILE_PATH, "action": "modified", "lines_added": 1, "lines_removed": 1},
    }.items():
        answer = stack.http.post(path, json=body)
        assert answer.status_code < 300, answer.text
    assert wait_until(lambda: stack.http.get("/api/search?q=quagga").json()["total"] >= 2, 60)
    return stack


def test_results_come_as_one_types_and_are_those_of_the_api(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/search")
    box = page.get_by_role("searchbox", name="Search in everything")
    expect(box).to_be_focused()
    box.press_sequentially("retry", delay=20)

    expected = found(stack, "q=retry&limit=30&group_by=session")
    expect(sessions(page)).to_have_count(len(expected["sessions"]))
    assert expected["total"] > 1
    shown = "1 session" if len(expected["sessions"]) == 1 else f"{len(expected['sessions'])} sessions"
    expect(page.locator(".search-count")).to_have_text(f"{expected['total']} matches; {shown} shown")
    assert page.locator(".hit mark").first.inner_text().lower() == "retry"
    assert parse_qs(urlsplit(page.url).query) == {"q": ["retry"]}


@pytest.mark.parametrize(
    ("total", "is_exact", "text"),
    [(265, True, "265 matches"), (501, False, "501 matches or more"), (10_000, False, "10,000 matches or more")],
)
def test_a_number_says_more_only_where_it_is_a_bound(open_page: OpenPage, stack: Stack, total: int, is_exact: bool, text: str) -> None:
    page = open_page("/search?group=none")
    answer = found(stack, "q=retry&limit=30") | {"total": total, "total_is_exact": is_exact}
    page.route(re.compile("/api/search"), lambda route: route.fulfill(json=answer))

    page.get_by_role("searchbox", name="Search in everything").fill("retry")

    expect(page.locator(".search-count")).to_have_text(text)


def test_late_answers_do_not_replace_newer_ones(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/search")
    waiting: list[Any] = []

    def hold(route: Any) -> None:
        waiting.append(route)

    page.route(re.compile(r"/api/search\?q=retry(&|$)"), hold)
    box = page.get_by_role("searchbox")
    with page.expect_request(re.compile(r"/api/search\?q=retry(&|$)")):
        box.fill("retry")
    box.fill("backup")
    total = found(stack, "q=backup")["total"]
    expect(page.locator(".search-count")).to_have_text(re.compile(rf"^{total} match"))

    assert len(waiting) == 1
    # Its request was aborted by the page.
    for route in waiting:
        route.continue_()
    page.wait_for_timeout(300)
    expect(page.locator(".search-count")).to_have_text(re.compile(rf"^{total} match"))


def test_kinds_order_and_groups_stand_in_the_address_and_back_takes_them_back(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/search?q=retry")
    expect(sessions(page)).not_to_have_count(0)
    page.get_by_role("navigation", name="Kinds").get_by_role("link", name="Messages").click()
    groups = found(stack, "q=retry&kind=message&group_by=session&limit=30")["sessions"]
    expect(sessions(page)).to_have_count(len(groups))
    page.get_by_role("button", name="By session").click()
    messages = found(stack, "q=retry&kind=message&limit=30")
    expect(hits(page)).to_have_count(len(messages["items"]))
    expect(sessions(page)).to_have_count(0)
    assert parse_qs(urlsplit(page.url).query) == {"q": ["retry"], "kind": ["message"], "group": ["none"]}

    page.go_back()
    expect(sessions(page)).to_have_count(len(groups))
    page.go_back()
    expect(sessions(page)).to_have_count(len(found(stack, "q=retry&group_by=session&limit=30")["sessions"]))


def test_hit_leads_to_its_place_in_the_session(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/search?q=webhook&kind=message")
    [item] = found(stack, "q=webhook&kind=message")["items"]
    expect(hits(page)).to_have_count(1)
    box = page.get_by_role("searchbox")
    box.press("ArrowDown")
    expect(hits(page).first).to_be_focused()
    page.keyboard.press("Enter")

    page.wait_for_url(f"**/sessions/{item['session_id']}?at={item['timeline_id']}&mark=webhook&q=webhook")
    expect(page.locator(".message.is-marked")).to_be_in_viewport()
    assert set(painted(page)) == {"webhook"}
    page.go_back()
    expect(hits(page)).to_have_count(1)


def test_hit_in_a_call_is_unfolded_and_its_words_are_marked_and_in_view(open_page: OpenPage, stack: Stack) -> None:
    session, lines = "hit-in-a-call", [f"line {number}" for number in range(400)]
    lines[300] = "the okapi is here"
    records = long_run_of_calls(session, "\n".join(lines))
    job = stack.http.post("/api/import/claude-data", files={"file": (f"{session}.jsonl", records)}, headers={"Prefer": "wait=60"})
    assert job.status_code < 300, job.text
    assert wait_until(lambda: stack.http.get("/api/search?q=okapi").json()["total"] >= 1, 60)
    page = open_page("/search?q=okapi&kind=result")

    hits(page).first.click()

    call = page.locator(".call.is-marked")
    expect(call.locator(".call-fold")).to_have_attribute("aria-expanded", "true")
    assert painted(page) == ["okapi"]
    page.wait_for_function(
        """() => {
            const [range] = CSS.highlights.get("found");
            const [word, box] = [range, range.startContainer.parentElement].map((each) => each.getBoundingClientRect());
            return word.top >= Math.max(0, box.top) && word.bottom <= Math.min(innerHeight, box.bottom);
        }"""
    )


def long_run_of_calls(session: str, told: str) -> bytes:
    """A transcript with a run of calls so long that it is folded; the sixth result is `told`."""
    at = datetime.now(UTC) - timedelta(hours=4)
    common = {"sessionId": session, "cwd": "/home/ann/zoo", "version": "2.1.197", "isSidechain": False, "userType": "external"}
    records: list[dict[str, Any]] = [
        common | {"type": "user", "uuid": "p", "parentUuid": None, "message": {"role": "user", "content": "Look for animals"}}
    ]
    for number in range(12):
        call = {"type": "tool_use", "id": f"toolu_{session}_{number}", "name": "Bash", "input": {"command": f"cat animals.{number}"}}
        answer = {"type": "tool_result", "tool_use_id": call["id"], "content": told if number == 5 else "none"}
        model = {
            "id": f"msg_{number}",
            "role": "assistant",
            "model": "claude-opus-4-5",
            "content": [call],
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
        records.append(common | {"type": "assistant", "uuid": f"a{number}", "parentUuid": records[-1]["uuid"], "message": model})
        records.append(
            common | {"type": "user", "uuid": f"r{number}", "parentUuid": f"a{number}", "message": {"role": "user", "content": [answer]}}
        )
    for number, record in enumerate(records):
        record["timestamp"] = (at + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
    return "\n".join(json.dumps(record) for record in records).encode()


def test_keys_lead_out_of_the_field_and_through_the_hits(open_page: OpenPage) -> None:
    page = open_page("/search")
    box = page.get_by_role("searchbox")
    box.fill("retry")
    expect(hits(page)).not_to_have_count(0)

    page.keyboard.press("Escape")
    expect(box).not_to_be_focused()
    expect(box).to_have_value("retry")
    for key, place in (("j", 0), ("j", 1), ("k", 0)):
        page.keyboard.press(key)
        expect(hits(page).nth(place)).to_be_focused()
    page.keyboard.press("/")
    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    expect(hits(page).first).to_be_focused()
    expect(box).to_have_value("retry")
    assert "q=retry" in page.url


def test_help_names_the_keys_of_the_search(open_page: OpenPage) -> None:
    page = open_page("/search?q=retry")
    expect(hits(page)).not_to_have_count(0)
    # One comes to read what was found: the keys of lists work at once.
    page.keyboard.press("j")
    expect(hits(page).first).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Out of the field; the search stays")


def test_misspelt_word_shows_what_may_be_meant_and_is_corrected_in_one_click(open_page: OpenPage, stack: Stack) -> None:
    assert wait_until(lambda: found(stack, "q=payments")["ranked"]["sessions"], 60)
    page = open_page("/search?q=paymnets%20kind:message")
    expect(page.locator(".search-note").first).to_have_text("No session has paymnets; searched payments instead.")
    expect(meant(page).first).to_be_visible()
    expect(hits(page)).to_have_count(0)

    page.get_by_role("button", name="payments", exact=True).click()

    expect(page.get_by_role("searchbox", name="Search in everything")).to_have_value("payments kind:message")
    expect(hits(page)).not_to_have_count(0)


def test_question_shows_the_session_that_is_meant(open_page: OpenPage, stack: Stack) -> None:
    assert wait_until(lambda: found(stack, "q=backup")["ranked"]["sessions"], 60)
    page = open_page("/search?q=how%20are%20databases%20backed%20up%20nightly")
    expect(page.locator(".search-count")).to_have_text("No exact match.")

    expect(meant(page).first).to_contain_text("Nightly backups")
    page.keyboard.press("j")
    expect(meant(page).first.locator(".hit").first).to_be_focused()


def test_sessions_that_may_be_meant_are_not_those_above_them(open_page: OpenPage, stack: Stack) -> None:
    assert wait_until(lambda: len(found(stack, "q=retry")["ranked"]["sessions"]) > 1, 60)
    page = open_page("/search?q=retry%20webhook%20or%20changelog%20cents&group=none")
    expect(hits(page)).not_to_have_count(0)
    expect(meant(page)).not_to_have_count(0)
    shown = {item["session_title"] for item in found(stack, "q=retry+webhook+or+changelog+cents&limit=30")["items"]}
    assert shown.isdisjoint(meant(page).locator("h3").all_inner_texts())


def answered(page: Any, **changes: Any) -> list[str]:
    """From now on the API's answers to a search with these changes; what was asked."""
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(json=route.fetch().json() | changes)

    page.route(re.compile("/api/search"), answer)
    return asked


def test_index_that_is_being_built_is_said_and_asked_again(open_page: OpenPage) -> None:
    page = open_page("/search")
    ranked = {"sessions": [], "corrected": {}, "waiting_sessions": 201, "is_ready": False}
    asked = answered(page, ranked=ranked, pending_documents=3)
    page.get_by_role("searchbox").fill("zebracrossing")
    notes = page.locator(".search-note")
    expect(notes).to_contain_text(
        ["3 texts are too new to be found.", "Sessions are being prepared for the search: 201 sessions are left."]
    )

    answered(page, ranked=ranked | {"is_ready": True, "waiting_sessions": 0}, pending_documents=0)

    expect(notes).to_have_count(0)
    assert len(asked) >= 1


def test_empty_answer_that_had_no_time_leads_on_too(open_page: OpenPage) -> None:
    page = open_page("/search")
    answered(page, is_complete=False, incomplete_because="There was no time to rank.", next_cursor=None)
    page.get_by_role("searchbox").fill("zebracrossing")
    expect(page.locator(".empty-title")).to_have_text("Nothing was found yet for zebracrossing")
    expect(page.locator(".search-note.is-warning")).to_contain_text("There was no time to rank.")
    expect(page.get_by_role("link", name="All sessions")).to_be_visible()


def test_empty_answer_leads_to_one_that_is_not(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/search?q=retry%20user:nobody%20%20-tool:Bash&from=2001-01-01&to=2001-01-02")
    expect(page.locator(".empty-title")).to_have_text("Nothing was found for retry user:nobody  -tool:Bash")
    expect(page.locator(".ways-on")).to_contain_text("There is no user 'nobody'")
    total = found(stack, "q=retry")["total"]

    page.get_by_role("link", name=f"Without filters: {total} matches").click()

    expect(hits(page)).not_to_have_count(0)
    assert parse_qs(urlsplit(page.url).query) == {"q": ["retry"]}
    page.get_by_label("First day").fill("2001-01-01")
    page.get_by_label("Last day").fill("2001-01-02")
    page.get_by_role("link", name=f"Search all time: {total} matches").click()
    expect(hits(page)).not_to_have_count(0)


def test_text_that_is_nowhere_leads_on(open_page: OpenPage) -> None:
    page = open_page("/search?q=ebhoo")
    page.get_by_role("link", name="Exact text, also within words").click()
    expect(hits(page)).not_to_have_count(0)
    page.get_by_role("searchbox").fill("webhook payment")
    expect(page.get_by_role("link", name="All sessions")).to_be_visible()
    page.get_by_role("link", name=re.compile("^As words: ")).click()
    expect(meant(page).or_(sessions(page)).first).to_be_visible()


def test_what_was_understood_is_shown_and_a_typed_filter_is_taken_away(open_page: OpenPage) -> None:
    page = open_page("/search?q=" + quote('🚀 or kind:message retry -"no such words"'))
    understood = page.get_by_label("How the search was understood")
    expect(understood).to_contain_text("retry and not “no such words”")
    kinds = page.get_by_role("navigation", name="Kinds")
    expect(kinds.locator("[aria-current]")).to_have_text("Messages")

    kinds.get_by_role("link", name="Commands").click()

    box = page.get_by_role("searchbox", name="Search in everything")
    expect(box).to_have_value('🚀 or retry -"no such words"')
    expect(kinds.locator("[aria-current]")).to_have_text("Commands")
    box.fill("retry project:shop kind:message")
    understood.get_by_role("link", name="project: shop").click()
    expect(box).to_have_value("retry kind:message")


def test_search_that_ran_out_of_time_says_so_and_goes_on(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/search?group=none")
    whole = found(stack, "q=retry&limit=30")
    cut = whole | {
        "is_complete": False,
        "incomplete_because": "three seconds were over",
        "next_cursor": "later",
        "items": whole["items"][:1],
    }
    # A search that runs out of time cannot be had from so few rows.
    page.route(re.compile("/api/search"), lambda route: route.fulfill(json=whole if "cursor=" in route.request.url else cut))
    page.get_by_role("searchbox").fill("retry")
    expect(hits(page)).to_have_count(1 + len(whole["items"]))


def test_pattern_that_is_none_is_explained(open_page: OpenPage) -> None:
    page = open_page("/search?mode=regex&q=" + quote("a("), allows=("400",))
    expect(page.get_by_role("alert")).to_contain_text("is no regular expression")


def test_filters_are_completed(open_page: OpenPage) -> None:
    page = open_page("/search")
    box = page.get_by_role("searchbox")
    box.fill("retry pro")
    page.get_by_role("button", name="project:").click()
    expect(box).to_have_value("retry project:")
    page.get_by_role("button", name="project:shop").click()
    expect(box).to_have_value("retry project:shop ")
    expect(box).to_be_focused()
    expect(hits(page)).not_to_have_count(0)
    assert all(text.startswith("shop · ") for text in sessions(page).locator(".panel-about").all_inner_texts())


def test_stored_texts_are_never_markup(open_page: OpenPage, hostile: Stack) -> None:
    page = open_page("/search?q=quagga&context=true&kind=message")
    expect(hits(page)).to_have_count(1)
    text = page.locator(".hit-text")
    expect(text).to_contain_text("</mark><script>window.broken = 1</script> &lt;b&gt; & <mark>quagga</mark>")
    assert text.locator("mark").all_inner_texts() == ["quagga"]
    # Its title is the same text; the path is of another kind.
    page.get_by_role("link", name="Everything").click()
    expect(hits(page)).not_to_have_count(1)
    page.locator(".hit", has_text="onload").first.click()
    page.wait_for_url("**/files?**")
    assert parse_qs(urlsplit(page.url).query)["path"] == [HOSTILE_PATH]
    expect(page.locator("h1")).to_have_text("quagga & #1?.ts")
    assert page.locator("main img, main svg[onload], main script").count() == 0
    assert page.evaluate("window.broken") is None


def test_palette_opens_anywhere_and_is_used_by_keys_alone(open_page: OpenPage) -> None:
    page = open_page("/overview")
    page.wait_for_selector("h1")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Search in everything, or go to a page or project")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)

    open_palette(page)
    page.keyboard.type("webhook")
    option = page.get_by_role("option").filter(has=page.locator("mark"))
    expect(option.first).to_be_visible()
    expect(page.locator("[role=option][aria-selected=true]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sessions/*?at=*")

    open_palette(page)
    expect(page.get_by_role("option", name="webhook", exact=True)).to_be_visible()
    page.get_by_role("button", name="Clear recent searches").click()
    expect(page.get_by_role("option", name="webhook", exact=True)).to_have_count(0)
    assert page.evaluate("localStorage.getItem('tracker.searches')") is None


def test_palette_goes_to_pages_and_projects(open_page: OpenPage) -> None:
    page = open_page("/overview")
    page.wait_for_selector("h1")
    open_palette(page)
    page.keyboard.type("fil")
    expect(page.locator("[role=option][aria-selected=true]")).to_have_text("Files")
    page.keyboard.press("Enter")
    page.wait_for_url("**/files")
    expect(page.locator("h1")).to_be_focused()
    open_palette(page)
    page.keyboard.type("blog")
    page.get_by_role("option", name=re.compile("^project ?blog")).click()
    page.wait_for_url("**/projects/*")


def test_palette_goes_to_days_files_and_the_last_sessions(open_page: OpenPage) -> None:
    page = open_page("/overview", timezone_id="UTC")
    page.wait_for_selector("h1")
    open_palette(page)
    expect(page.get_by_role("group", name="Last sessions").get_by_role("option")).to_have_count(6)
    page.keyboard.type("17 feb 2026")
    expect(page.locator("[role=option][aria-selected=true]")).to_have_text("Tuesday 17 February 2026")
    page.keyboard.press("Enter")
    page.wait_for_url("**/days/2026-02-17")
    open_palette(page)
    page.keyboard.type("yesterday")
    expect(page.locator("[role=option][aria-selected=true]")).to_have_attribute(
        "href", f"/days/{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"
    )
    open_palette(page).fill("blog/")
    page.get_by_role("group", name="Files").get_by_role("option").first.click()
    page.wait_for_url("**/files?path=*")


def test_palette_finds_the_call_that_made_a_commit(open_page: OpenPage, stack: Stack) -> None:
    session, at = "commits-session", (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    began = {"project_path": "/home/ann/zoo", "session_id": session, "start_time": at, "user": "ann"}
    made = {"command": "git commit -m 'Let quokkas be counted twice'"}
    call = {"session_id": session, "timestamp": at, "tool_name": "Bash", "parameters": made, "result_status": "success"}
    for path, body in {
        "/api/sessions/start": began,
        "/api/tool-calls": call | {"result": "[main 4f2a9c1] Let quokkas be counted twice\n 1 file changed"},
    }.items():
        answer = stack.http.post(path, json=body)
        assert answer.status_code < 300, answer.text
    assert wait_until(lambda: stack.http.get("/api/search?q=4f2a9c1").json()["total"] == 1, 60)
    page = open_page("/overview")
    page.wait_for_selector("h1")
    for words in ("4f2a9c1", "quokkas counted"):
        open_palette(page).fill(words)
        expect(page.get_by_role("group", name="Commits").get_by_role("option")).to_contain_text("git commit -m")
        page.keyboard.press("Escape")


def test_recent_searches_that_somebody_else_wrote_are_ignored(open_page: OpenPage) -> None:
    page = open_page("/search")
    for stored in ("{", json.dumps({"a": 1}), json.dumps([1, "retry"])):
        page.evaluate("text => localStorage.setItem('tracker.searches', text)", stored)
        page.reload()
        page.wait_for_selector("h1")
    expect(page.locator(".recent button")).to_have_text(["retry"])
