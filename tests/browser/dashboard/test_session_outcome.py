"""The outcome of a session, in one line and unfolded: ask, answer, commits, tests, files, why it cost that much, days, and time of subagents."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from deploy.embedded.supervision.processes import wait_until
from shared.terms import error_class_label
from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import last_item_has_all_of_the_cost
from tests.browser.dashboard.sent_sessions import begin, import_transcript, say, send
from tests.browser.dashboard.told_transcript import ASK, LAST_ANSWER, SUBAGENT_MS, told_transcript
from tests.flow.conftest import Stack
from tests.unit.worker.importers.transcript.rows_of_a_session import PATCH, answer, jsonl, prompt, result, text, use

TOLD = "25252525-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def told(stack: Stack) -> str:
    """A session with all that its page tells first."""
    import_transcript(stack, TOLD, told_transcript(TOLD))
    return TOLD


def test_session_opens_with_its_ask_its_answer_and_what_was_made(open_page: OpenPage, stack: Stack, told: str) -> None:
    stack.http.patch(f"/api/sessions/{told}", json={"title": "Uploads"})

    page = open_page(f"/sessions/{told}?outcome=1")

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


def test_conversation_begins_on_the_first_screen_below_a_line_that_unfolds_the_rest(open_page: OpenPage, stack: Stack, told: str) -> None:
    cost = stack.http.get(f"/api/sessions/{told}").json()["cost_usd"]
    page = open_page(f"/sessions/{told}")
    line = page.locator(".outcome-line .fold")
    expect(line).to_have_text(
        f"1 commit · 1 pull request · 12 files · last tests passed · 1 call failed · why it cost ${cost:.2f} · 2 days · resume, exports, note"
    )
    expect(page.get_by_role("region", name="What came of it")).to_have_count(0)
    assert page.locator(".outcome-box").evaluate("box => box.getBoundingClientRect().bottom") <= 200
    assert page.locator(".message").first.evaluate("box => box.getBoundingClientRect().top") <= 400

    line.click()

    expect(page.get_by_role("region", name="What came of it")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?outcome=1$"))
    page.go_back()
    expect(page.get_by_role("region", name="What came of it")).to_have_count(0)


def test_files_by_turn_show_what_was_changed_again(open_page: OpenPage, stack: Stack) -> None:
    session = "25252525-0000-4000-8000-000000000005"
    again, once = "/home/ann/told/src/again.py", "/home/ann/told/src/once.py"

    def changes(at: float, name: str, path: str) -> list[dict[str, Any]]:
        edit = use(f"toolu_{name}", "Edit", file_path=path, old_string="a", new_string="b")
        return [
            answer(at, f"a{name}", f"msg_{name}", edit),
            result(at + 1, f"r{name}", f"toolu_{name}", "ok", toolUseResult={"filePath": path} | PATCH),
        ]

    failing = use("toolu_f", "Bash", command="pytest")
    rows = [
        prompt(0, "p1", "Change both"),
        *changes(1, "m1", again),
        *changes(3, "m2", once),
        answer(5, "af", "msg_f", failing),
        result(6, "rf", "toolu_f", "Exit code 1\n== 1 failed, 2 passed in 0.10s ==", is_error=True),
        prompt(10, "p2", "It fails"),
        *changes(11, "m3", again),
    ]
    import_transcript(stack, session, jsonl(*(row | {"sessionId": session} for row in rows)))
    page = open_page(f"/sessions/{session}?outcome=1")
    fold = page.locator(".outcome-fold", has_text="Files by turn")

    fold.locator("summary").click()

    expect(fold.locator("p").first).to_contain_text("1 of 2 files had to be changed again in a later turn")
    cells = fold.locator("tbody tr")
    expect(cells.first).to_contain_text("again.py")
    assert [cell.strip() for cell in cells.first.locator("td.is-number").all_inner_texts()] == ["2", "1", "0"]
    assert [cell.strip() for cell in cells.nth(1).locator("td.is-number").all_inner_texts()] == ["1", "0", "0"]
    cells.first.locator("svg a").last.click()
    expect(page.locator(".message.is-marked")).to_contain_text("It fails")


def test_turn_of_another_day_says_its_day(open_page: OpenPage, told: str) -> None:
    page = open_page(f"/sessions/{told}?at=end", timezone_id="UTC")

    expect(page.locator(".turn-numbers b")).to_have_text(["17 Nov", "18 Nov"])
    expect(page.locator(".message.is-prompt", has_text="Let another one look at it").locator(".turn-facts b")).to_have_text("18 Nov")


def test_ask_that_is_the_title_is_not_repeated(open_page: OpenPage, stack: Stack, told: str) -> None:
    stack.http.patch(f"/api/sessions/{told}", json={"title": ASK})

    page = open_page(f"/sessions/{told}?outcome=1")

    expect(page.locator("h1")).to_have_text(ASK)
    expect(page.locator(".outcome-label")).to_have_count(1)
    expect(page.locator(".outcome-label")).to_contain_text("Answered")


def test_file_leads_to_its_diff(open_page: OpenPage, stack: Stack, told: str) -> None:
    page = open_page(f"/sessions/{told}?outcome=1")
    files = page.locator(".outcome-facts > div", has_text="Files").get_by_role("listitem")
    expect(files).to_have_count(11)
    expect(files.first).to_have_text("src/upload.py +30 −1")
    page.get_by_role("button", name="2 more").click()
    expect(files).to_have_count(12)

    files.first.get_by_role("link").click()

    marked = page.locator(".call.is-marked")
    expect(marked).to_be_in_viewport()
    expect(marked.locator(".call-body .diff-line.is-added")).to_have_count(30)


def test_file_leads_to_each_of_its_changes(open_page: OpenPage, stack: Stack) -> None:
    session = "25252525-0000-4000-8000-000000000003"
    path = "/home/ann/told/src/often changed.py"
    edits = [use(f"toolu_e{number}", "Edit", file_path=path, old_string="a", new_string=f"b{number}") for number in range(3)]
    rows = [
        prompt(0, "e0", "Change it thrice"),
        *(answer(1 + number, f"ea{number}", f"msg_e{number}", edit) for number, edit in enumerate(edits)),
        *(result(5 + number, f"er{number}", f"toolu_e{number}", "ok", toolUseResult={"filePath": path} | PATCH) for number in range(3)),
    ]
    import_transcript(stack, session, jsonl(*(row | {"sessionId": session} for row in rows)))
    found = f"/api/search?session_id={session}&q=file:%22{path.replace(' ', '%20')}%22"
    assert wait_until(lambda: sum(hit["timeline_id"] is not None for hit in stack.http.get(found).json()["items"]) == 3, 60)
    page = open_page(f"/sessions/{session}?outcome=1")

    page.locator(".outcome-facts > div", has_text="Files").get_by_role("link").first.click()

    steps = page.get_by_role("group", name="Hits in this session")
    expect(steps).to_contain_text("3 of 3")
    steps.get_by_role("button", name="Previous hit").click()
    expect(steps).to_contain_text("2 of 3")
    expect(page.locator(".call.is-marked")).to_be_in_viewport()


def test_cost_names_the_rebuild_of_the_cache_and_its_cause(open_page: OpenPage, stack: Stack, told: str) -> None:
    cost = stack.http.get(f"/api/sessions/{told}/outcome").json()["cost"]
    page = open_page(f"/sessions/{told}?outcome=1")
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


def test_cost_stands_beside_claude_codes_total_with_the_reason(open_page: OpenPage, stack: Stack) -> None:
    # Given a session whose last calls Claude Code never counted, since it was killed
    session = "25252525-0000-4000-8000-000000000002"
    rows = [
        prompt(0, "k1", "Go"),
        answer(1, "k2", "msg_k2", text("Yes."), output=40_000),
        answer(9, "k3", "msg_k3", text("On."), output=80_000),
    ]
    own = {"inputTokens": 3, "outputTokens": 40_000, "cacheReadInputTokens": 2000, "cacheCreationInputTokens": 100, "costUSD": 1.00164}
    total = {"type": "cost-state", "totalCostUSD": 1.00164, "modelUsage": {"claude-opus-4-6": own}, "startTime": 1}
    import_transcript(stack, session, jsonl(*(row | {"sessionId": session} for row in (*rows, total))))

    page = open_page(f"/sessions/{session}?outcome=1")
    why = page.locator(".outcome-fold", has_text="Why it cost")
    expect(why.locator("summary")).to_contain_text("Why it cost $3.00: ")
    expect(why.locator("summary")).to_contain_text("; Claude Code counted $1.00")
    why.locator("summary").click()

    expect(why.get_by_role("heading", name="Claude Code counted $1.00")).to_be_visible()
    expect(why.locator("li", has_text="had not counted these calls")).to_have_text(
        re.compile(r"^-\$2\.00, opus-4-6, likely: Claude Code had not counted")
    )


def test_what_claude_code_counted_of_the_cache_stands_beside_our_rebuilds(open_page: OpenPage, stack: Stack) -> None:
    session = "25252525-0000-4000-8000-000000000003"
    rows = [prompt(0, "c1", "Go"), answer(1, "c2", "msg_c2", text("Yes."))]
    import_transcript(stack, session, jsonl(*(row | {"sessionId": session} for row in rows)))
    cache = {"warm": True, "requests": 41, "misses": 3, "last_miss_cause": {"causes": ["tools_changed", "ttl_expired_5m"]}}
    reading = {"type": "status_line", "session_id": session, "machine_id": "m-cache", "read_at": datetime.now(UTC).isoformat()}
    sent = stack.http.post("/api/readings", json=[reading | {"prompt_cache": cache}], headers={"Prefer": "wait=30"})
    assert (sent.json()["accepted"], sent.headers["preference-applied"]) == (1, "wait=30")

    page = open_page(f"/sessions/{session}?outcome=1")
    why = page.locator(".outcome-fold", has_text="Why it cost")
    why.locator("summary").click()

    expect(why.locator("li", has_text="Claude Code counted")).to_have_text(
        re.compile(r"^Claude Code counted 3 misses in 41 calls, the last since: tools changed, ttl expired 5m, as of .*\.$")
    )


def test_days_are_told_and_part_the_conversation(open_page: OpenPage, told: str) -> None:
    page = open_page(f"/sessions/{told}?outcome=1", timezone_id="UTC")
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
    begin(stack, session, begun)
    send(stack, "/api/tool-calls", tool | {"session_id": session, "timestamp": begun.isoformat()})
    say(stack, session, "assistant", "It is reviewed.", ended)

    page = open_page(f"/sessions/{session}?outcome=1")

    expect(page.locator(".separator")).to_contain_text("A subagent worked for 40 min")


@pytest.mark.parametrize("width", [1440, 1024])
def test_list_of_turns_stays_beside_the_conversation(open_page: OpenPage, told: str, width: int) -> None:
    page = open_page(f"/sessions/{told}", viewport={"width": width, "height": 900})

    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".turn").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_open_session_tells_its_answer_without_a_reload(open_page: OpenPage, stack: Stack) -> None:
    session = "live-25"
    begin(stack, session)
    say(stack, session, "user", "The only ask")
    page = open_page(f"/sessions/{session}?outcome=1")
    expect(page.locator(".story-bar .badge")).to_contain_text("live")

    say(stack, session, "assistant", "An answer while one looks")

    expect(page.locator(".outcome-text .markdown")).to_have_text("An answer while one looks", timeout=20_000)


def test_session_of_which_nothing_is_stored_has_no_outcome(open_page: OpenPage, stack: Stack) -> None:
    begin(stack, "empty-25")

    page = open_page("/sessions/empty-25?outcome=1")

    expect(page.locator(".empty")).to_contain_text("No event of this session is stored.")
    expect(page.locator(".outcome, .turn-rail")).to_have_count(0)


def test_last_item_has_all_of_the_cost(open_page: OpenPage, stack: Stack, told: str) -> None:
    last_item_has_all_of_the_cost(open_page, stack, told)
