"""The page Now moves by itself: events, states of sessions, a connection that is lost and comes back; and what a key for numbers sees of it."""

import re
import signal
import socket
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2 as httpx
from playwright.sync_api import expect

from deploy.embedded.supervision.processes import wait_until
from tests.browser.dashboard.conftest import OpenPage
from tests.flow.conftest import Stack, second_api, start

SECONDS = 30
GATEWAY = ["-m", "deploy.embedded.servers.gateway"]


def say(http: httpx.Client, session: str, content: str, project: str = "live-shop") -> None:
    """A session, if it is new, and a prompt of now."""
    now = datetime.now(UTC).isoformat()
    begun = http.post(
        "/api/sessions/start", json={"project_path": f"/home/ann/{project}", "session_id": session, "user": "ann", "start_time": now}
    )
    assert begun.status_code == 201, begun.text
    sent = http.post("/api/conversations", json={"session_id": session, "role": "user", "content": content, "timestamp": now})
    assert sent.status_code == 201, sent.text


def hook(http: httpx.Client, session: str, name: str, **fields: Any) -> None:
    payload = {"session_id": session, "hook_event_name": name, "cwd": "/home/ann/live-shop", "transcript_path": f"/x/{session}.jsonl"}
    assert http.post("/api/hooks?user=ann", json=payload | fields).status_code == 204


def live(page: Any) -> Any:
    expect(page.locator(".now-connection")).to_have_attribute("data-state", "open")
    return page


def test_an_event_shows_without_a_reload(open_page: OpenPage, stack: Stack) -> None:
    page = live(open_page("/"))
    page.evaluate("window.isSamePage = true")
    content = f"<b>what happens</b> now {uuid4().hex[:8]}"

    say(stack.http, f"now-{uuid4()}", content)

    row = page.locator(".feed-row[data-kind=prompt]", has_text=content)
    expect(row).to_be_visible()
    expect(row.locator("a")).to_have_attribute("href", r"/sessions/" + _session_of(stack, content))
    assert row.locator("b").count() == 0, "a text is not markup"
    assert page.evaluate("window.isSamePage")


def test_what_could_not_be_read_is_not_known(open_page: OpenPage) -> None:
    page = open_page("/settings", allows=("ERR_", "Failed to load"))
    page.wait_for_selector("h1")
    page.route("**/api/live/sessions", lambda route: route.abort())

    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Now").click()

    expect(page.locator(".now-connection")).to_have_attribute("data-state", "cut")
    expect(page.locator(".feed-nothing")).to_have_text("Not known.")
    expect(page.locator(".board")).to_have_count(0)
    page.unroute("**/api/live/sessions")
    live(page)


def test_a_session_shows_the_subagents_that_work_for_it(open_page: OpenPage, stack: Stack) -> None:
    session = f"agents-{uuid4()}"
    call, agent = f"toolu_{uuid4().hex}", {"agent_id": uuid4().hex[:17], "agent_type": "Explore"}
    page = live(open_page("/"))
    say(stack.http, session, "Have the timers found")
    called_with = {"description": "Find every timer", "prompt": "Find them.", "subagent_type": "Explore"}
    hook(stack.http, session, "PreToolUse", tool_name="Agent", tool_input=called_with, tool_use_id=call)
    hook(stack.http, session, "SubagentStart", **agent)
    hook(stack.http, session, "PreToolUse", tool_name="Grep", tool_input={"pattern": "timer"}, tool_use_id=f"{call}g", **agent)

    line = page.locator(f"a[href='/sessions/{session}'] .board-agent")
    expect(line).to_have_text("Find every timerGrep")

    # When it is done, its line goes
    hook(stack.http, session, "SubagentStop", last_assistant_message="In a.py.", **agent)
    expect(line).to_have_count(0)


def _session_of(stack: Stack, content: str) -> str:
    [(session,)] = stack.select(f"SELECT session_id FROM messages WHERE content = '{content}'")
    return str(session)


def test_a_session_moves_over_the_board(open_page: OpenPage, stack: Stack) -> None:
    session = f"board-{uuid4()}"
    page = live(open_page("/"))

    def column(state: str) -> Any:
        return page.locator(f".board-column[data-state={state}] a[href='/sessions/{session}']")

    say(stack.http, session, "Clean the build")
    expect(column("working")).to_be_visible()
    hook(stack.http, session, "PreToolUse", tool_name="Bash", tool_input={"command": "rm -rf build"}, tool_use_id="toolu_1")
    hook(stack.http, session, "Notification", message="Claude needs your permission", notification_type="permission_prompt")
    expect(column("permission")).to_contain_text("Bash")
    asked = page.locator(".board-column[data-state=permission] li", has=page.locator(f"a[href='/sessions/{session}']")).locator(
        ".board-asks"
    )
    expect(asked).to_have_text("rm -rf build")

    # A page that is opened now knows it too: the rows alone do not tell it.
    page.reload()
    expect(asked).to_have_text("rm -rf build")
    hook(stack.http, session, "Stop", stop_hook_active=False)
    expect(column("input")).to_be_visible()
    hook(stack.http, session, "SessionEnd", reason="clear")
    expect(page.locator(f".board a[href='/sessions/{session}']")).to_have_count(0)


def test_a_card_shows_the_whole_command_and_what_claude_asked(open_page: OpenPage, stack: Stack) -> None:
    session, page = f"asks-{uuid4()}", live(open_page("/"))
    command = "\n".join(["ssh staging <<'EOF'", *(f"<b>echo {line}</b>" for line in range(40)), "EOF"])
    say(stack.http, session, "Deploy it")

    # Given a session that waits for a permission, then its command is there, folded with the number of its lines
    hook(stack.http, session, "PreToolUse", tool_name="Bash", tool_input={"command": command}, tool_use_id=f"toolu_{session}")
    hook(stack.http, session, "PermissionRequest", tool_name="Bash", tool_input={"command": command})
    card = page.locator(".board-column[data-state=permission] li", has=page.locator(f"a[href='/sessions/{session}']"))
    asked = card.locator(".board-asks")
    expect(asked).to_have_text(command)
    folded = asked.bounding_box()["height"]
    card.get_by_role("button", name="All 42 lines").press("Enter")
    expect(card.get_by_role("button", name="Fold it")).to_have_attribute("aria-expanded", "true")
    assert asked.bounding_box()["height"] > folded * 2
    assert page.locator(".board-asks b").count() == 0, "a text is not markup"

    # When Claude asks something, then the question and its options are there
    question = {"questions": [{"question": "Which colour?", "options": [{"label": "Red"}, {"label": "Blue"}]}]}
    hook(
        stack.http,
        session,
        "PostToolUse",
        tool_name="Bash",
        tool_input={"command": command},
        tool_use_id=f"toolu_{session}",
        tool_response={},
    )
    hook(stack.http, session, "PreToolUse", tool_name="AskUserQuestion", tool_input=question, tool_use_id=f"toolu_q{session}")
    hook(stack.http, session, "Notification", message="Claude asks", notification_type="elicitation_dialog")
    card = page.locator(".board-column[data-state=input] li", has=page.locator(f"a[href='/sessions/{session}']"))
    expect(card.locator(".board-asks")).to_have_text("Which colour?\n• Red\n• Blue")
    hook(stack.http, session, "SessionEnd", reason="clear")


LIMIT = {
    "account": None, "users": ["ann"], "kind": "five_hour", "used_percentage": 92.4, "source": "status_line", "machine_id": None, "key_id": None,
    "freshness": "current", "window_seconds": 18_000, "elapsed_percentage": 50.0, "pace": 1.8, "no_forecast": None, "series": [],
}  # fmt: skip
LIKELY = {"likely": 96.0, "low": 94.0, "high": 98.0}


def test_limits_are_on_top_and_one_that_is_near_is_in_the_title(open_page: OpenPage) -> None:
    page = open_page("/settings")
    page.wait_for_selector("h1")
    now = datetime.now(UTC)
    forecast = {"percent_per_active_hour": LIKELY, "active_share": 0.5, "at_reset": LIKELY, "full_at": None, "full_at_earliest": None}
    window = LIMIT | {"resets_at": (now + timedelta(hours=2)).isoformat(), "read_at": now.isoformat(), "forecast": forecast}
    quota = {"windows": [window], "need": None, "decided_by": None, "left_percentage": None}
    page.route("**/api/quota*", lambda route: route.fulfill(json=quota))

    page.reload()
    expect(page).to_have_title(re.compile(r"^\(92 % of 5 h.*\) Settings"))
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Now").click()

    limits = page.locator(".limits")
    expect(limits.locator(".limit")).to_have_count(2)
    expect(limits.locator(".limit").first).to_contain_text(re.compile(r"92 %resets .*, by then 94 to 98 %"))
    assert limits.bounding_box()["y"] < page.locator(".now-today").bounding_box()["y"]


def test_a_card_says_what_failed_and_what_was_changed(open_page: OpenPage, stack: Stack) -> None:
    session, page = f"failed-{uuid4()}", live(open_page("/"))
    say(stack.http, session, "Run the tests")
    call = {"tool_name": "Bash", "tool_input": {"command": "npm test"}, "tool_use_id": f"toolu_{session}"}
    change = {
        "session_id": session,
        "file_path": "/home/ann/live-shop/src/upload.ts",
        "action": "modified",
        "lines_added": 12,
        "lines_removed": 3,
    }
    assert stack.http.post("/api/activities", json=change, headers={"Prefer": "wait=20"}).status_code == 201

    hook(stack.http, session, "PostToolUseFailure", error="Exit code 1\n<b>no</b> tests found", **call)
    hook(stack.http, session, "StopFailure", error="server_error")

    card = page.locator(f".board-column[data-state=error] a[href='/sessions/{session}']")
    expect(card.locator(".board-error")).to_have_text("Exit code 1 <b>no</b> tests found")
    # The files come with the rows, which are read each 10 s.
    expect(card.locator(".board-file")).to_have_text("upload.ts+12 −3", timeout=15_000)


def test_the_session_that_waits_longest_is_first(open_page: OpenPage, stack: Stack) -> None:
    page = live(open_page("/"))
    older, newer = f"waits-{uuid4()}", f"waits-{uuid4()}"
    for session in (newer, older):
        say(stack.http, session, "Clean the build")
    for session in (older, newer):
        hook(stack.http, session, "PermissionRequest", tool_name="Bash", tool_input={"command": "rm -rf build"})
        expect(page.locator(f".board-column[data-state=permission] a[href='/sessions/{session}']")).to_be_visible()

    cards = page.locator(".board-column[data-state=permission] .board-card")
    order = [card.get_attribute("href") for card in cards.all()]

    assert order.index(f"/sessions/{older}") < order.index(f"/sessions/{newer}")
    hook(stack.http, older, "Stop")
    hook(stack.http, newer, "Stop")


# As a browser of which the tab can be hidden, and that keeps what it was told to notify of. `denied`: what its person has decided.
BROWSER = """
    window.notices = [];
    window.isHidden = false;
    Object.defineProperty(document, "hidden", { get: () => window.isHidden });
    window.Notification = class {
        static permission = "%(before)s";
        static requestPermission = async () => (window.Notification.permission = "%(after)s");
        constructor(title, { body, tag }) { window.notices.push(this); Object.assign(this, { title, body, tag, isClosed: false }); }
        close() { this.isClosed = true; }
    };
"""
SWITCH = "Notify me when a session waits or fails"


def test_a_browser_notifies_once_of_a_session_that_waits_while_nobody_sees_the_tab(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/")
    page.add_init_script(BROWSER % {"before": "default", "after": "granted"})
    page.reload()
    live(page)
    session = f"notified-{uuid4()}"
    say(stack.http, session, "Clean the build")

    def ask(command: str) -> None:
        hook(stack.http, session, "PreToolUse", tool_name="Bash", tool_input={"command": command}, tool_use_id=f"toolu_{command}-{session}")
        hook(stack.http, session, "PermissionRequest", tool_name="Bash", tool_input={"command": command})

    def notices() -> Any:
        return page.evaluate("window.notices.map(({ title, body, isClosed }) => [title, body, isClosed])")

    # Off by default: nothing is asked before the click
    assert not page.get_by_label(SWITCH).is_checked()
    assert page.evaluate("Notification.permission") == "default"
    page.get_by_label(SWITCH).check()
    assert page.evaluate("Notification.permission") == "granted"

    # While the tab is seen it does not notify
    card = page.locator(f".board-column[data-state=permission] a[href='/sessions/{session}']")
    ask("rm -rf build")
    expect(card).to_be_visible()
    assert notices() == []
    hook(stack.http, session, "UserPromptSubmit", prompt="no")
    expect(card).to_have_count(0)

    # While it is hidden it does, once, and takes it back when it does not wait any more
    page.evaluate("window.isHidden = true")
    ask("rm -rf /")
    assert wait_until(lambda: len(notices()) == 1, SECONDS)
    hook(stack.http, session, "Notification", message="Claude needs your permission", notification_type="permission_prompt")
    hook(stack.http, session, "Stop")
    assert wait_until(lambda: len(notices()) == 2 and notices()[0][2], SECONDS)
    titles = [title for title, _, _ in notices()]
    assert titles == ["Waiting for a permission: Clean the build", "Waiting for input: Clean the build"]
    assert notices()[0][1] == "Bash: rm -rf /"

    # Its click opens the session, and the choice is kept
    page.evaluate("window.notices.at(-1).onclick()")
    expect(page).to_have_url(re.compile(f"/sessions/{session}$"))
    page.evaluate("window.isHidden = false")
    page.add_init_script("window.Notification.permission = 'granted'")
    page.go_back()
    page.reload()
    expect(page.get_by_label(SWITCH)).to_be_checked()
    page.get_by_label(SWITCH).uncheck()
    page.reload()
    expect(page.get_by_label(SWITCH)).not_to_be_checked()


def test_a_browser_that_denies_notifications_says_so(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/")
    page.add_init_script(BROWSER % {"before": "default", "after": "denied"})
    page.reload()

    page.get_by_label(SWITCH).click()

    expect(page.locator(".notices [role=alert]")).to_contain_text("This browser does not allow it.")
    expect(page.get_by_label(SWITCH)).not_to_be_checked()


def test_the_title_of_every_page_says_what_waits(open_page: OpenPage, own_stack: Stack) -> None:
    http, address = own_stack.http, str(own_stack.http.base_url).rstrip("/")
    asks, fails = f"title-{uuid4()}", f"title-{uuid4()}"
    for session in (asks, fails):
        say(http, session, "Clean the build")
    hook(http, asks, "PermissionRequest", tool_name="Bash", tool_input={"command": "rm -rf build"})
    page = open_page("/", of=address)
    expect(page).to_have_title("(1 waits) Now – Claude Code Tracker")

    page.get_by_role("link", name="Health").first.click()
    expect(page).to_have_title("(1 waits) Health – Claude Code Tracker")
    hook(http, fails, "StopFailure", error="server_error")
    expect(page).to_have_title("(1 waits, 1 failed) Health – Claude Code Tracker", timeout=25_000)

    page.goto(f"{address}/sessions/{asks}")
    expect(page).to_have_title("(1 waits, 1 failed) Clean the build – Claude Code Tracker", timeout=25_000)
    for session in (asks, fails):
        hook(http, session, "SessionEnd", reason="clear")
    expect(page).to_have_title("Clean the build – Claude Code Tracker", timeout=25_000)


def test_a_lost_connection_is_told_and_caught_up(open_page: OpenPage, stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [*GATEWAY, str(listening.fileno())]
        first = start("now-api-1", command, stack.environment, stack.log_folder, listening)
        page = live(open_page("/", of=f"http://127.0.0.1:{listening.getsockname()[1]}", allows=("ERR_", "Failed to load")))
        first.send_signal(signal.SIGTERM)
        first.wait(30)
        expect(page.locator(".now-connection")).to_contain_text("Connection lost")
        content = f"said meanwhile {uuid4().hex[:8]}"
        say(stack.http, f"cut-{uuid4()}", content)

        second = start("now-api-2", command, stack.environment, stack.log_folder, listening)
        try:
            expect(page.locator(".now-connection")).to_have_attribute("data-state", "open", timeout=30_000)
            expect(page.locator(".feed-row[data-kind=prompt]", has_text=content)).to_have_count(1)
        finally:
            second.send_signal(signal.SIGTERM)
            second.wait(30)


def test_the_feed_is_bounded(open_page: OpenPage, stack: Stack) -> None:
    session = f"many-{uuid4()}"
    page = live(open_page("/"))
    say(stack.http, session, "many")
    now = datetime.now(UTC).isoformat()
    events = [
        {"type": "conversation", "session_id": session, "role": "user", "content": f"line {at}", "timestamp": now} for at in range(150)
    ]
    sent = stack.http.post("/api/events", json=events)
    assert sent.status_code in (200, 201), sent.text
    expect(page.locator(".feed-row", has_text="line 149").first).to_be_visible()
    assert page.locator(".feed-row").count() <= 100


def test_a_key_for_numbers_counts_states_and_sees_no_text(open_page: OpenPage, stack: Stack) -> None:
    made = {
        scope: stack.http.post("/api/keys", json={"name": f"now {scope}", "scopes": [scope]}).json()["key"]
        for scope in ("admin", "numbers")
    }
    content, session = f"a secret {uuid4().hex[:8]}", f"counted-{uuid4()}"
    with second_api(stack, TRACKER_ACCESS="keys") as http:
        headers = {"Authorization": f"Bearer {made['numbers']}"}
        page = live(open_page("/", of=str(http.base_url).rstrip("/"), extra_http_headers=headers))
        working = page.locator(".tile[data-state=working] .tile-value")
        expect(working).not_to_have_text("–")
        before = int(working.inner_text())
        say(stack.http, session, content)
        expect(working).to_have_text(str(before + 1))
        expect(page.locator(".feed-row[data-kind=prompt]").first).to_contain_text("ann")
        text = page.locator("main").inner_text()
        assert content not in text
        assert session not in page.content()
        page.close()


def test_without_a_session_it_says_how_to_connect(open_page: OpenPage, empty_stack: Stack) -> None:
    page = live(open_page("/", of=str(empty_stack.http.base_url).rstrip("/")))
    expect(page.locator(".empty .copy")).to_contain_text("tracker connect")
    expect(page.locator(".will-be")).to_contain_text("which one waits for you")
    expect(page.locator(".tile[data-measure=cost_usd]")).to_contain_text("no calls")
