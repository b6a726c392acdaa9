"""The page Now moves by itself: events, states of sessions, a connection that is lost and comes back; and what a key for numbers sees of it."""

import signal
import socket
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx2 as httpx
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.flow.conftest import Stack, second_api, start

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

    # A page that is opened now knows it too: the rows alone do not tell it.
    page.reload()
    expect(column("permission")).to_be_visible()
    hook(stack.http, session, "Stop", stop_hook_active=False)
    expect(column("input")).to_be_visible()
    hook(stack.http, session, "SessionEnd", reason="clear")
    expect(page.locator(f".board a[href='/sessions/{session}']")).to_have_count(0)


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
    expect(page.locator(".none-open")).to_contain_text("tracker connect")
    expect(page.locator(".tile[data-measure=cost_usd]")).to_contain_text("no calls")
