"""The tracker stops and comes back: every page that could not be read is read by itself."""

import re
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from subprocess import Popen
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from playwright.sync_api import expect

from deploy.embedded.supervision.processes import wait_until
from tests.browser.dashboard.conftest import OpenPage
from tests.browser.dashboard.parts_of_pages import settled
from tests.flow.conftest import Stack, start

OUTAGE = ("ERR_", "Failed to load")
# The pauses between tries grow to ten seconds; the machine may be busy.
BACK_MS = 60_000


@dataclass
class Tracker:
    """The API of the stack on a port of its own, which refuses connections while it is stopped."""

    stack: Stack
    port: int
    process: "Popen[bytes] | None" = None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with socket.create_server(("127.0.0.1", self.port)) as listening:
            command = ["-m", "deploy.embedded.servers.gateway", str(listening.fileno())]
            self.process = start("stopped-api", command, self.stack.environment, self.stack.log_folder, listening)
        with httpx.Client(base_url=self.origin, timeout=30) as client:
            assert wait_until(lambda: client.get("/readyz").status_code == 200, 60)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None


@pytest.fixture
def tracker(stack: Stack) -> Iterator[Tracker]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = Tracker(stack, port)
    running.start()
    yield running
    running.stop()


def look_for(page: Any) -> None:
    page.get_by_role("searchbox").fill("retry")


def look_at_all_days(page: Any) -> None:
    page.get_by_role("group", name="Range of days").get_by_role("link", name="All").click()


def look_for_a_path(page: Any) -> None:
    page.get_by_label("Part of the path").fill("src")


def ended_session(stack: Stack) -> str:
    """One that is not followed live: nothing but the page itself makes it read again."""
    session, at = f"ended-{uuid4()}", datetime.now(UTC).isoformat()
    for path, body in (
        ("/api/sessions/start", {"project_path": "/home/ann/outage", "session_id": session, "start_time": at}),
        ("/api/conversations", {"session_id": session, "role": "user", "content": "before the outage", "timestamp": at}),
        ("/api/sessions/end", {"session_id": session}),
    ):
        answer = stack.http.post(path, json=body, headers={"Prefer": "wait=20"})
        assert answer.status_code < 300, answer.text
    return session


# Where one is when the tracker stops, what one does then, and what must come after it is back.
READINGS: dict[str, tuple[str, Callable[[Any], None], str]] = {
    "search": ("/search", look_for, ".hit"),
    "sessions": ("/sessions?range=7d", look_at_all_days, ".session-row"),
    "files": ("/files", look_for_a_path, ".file-name"),
    "overview": ("/overview?range=7d", look_at_all_days, ".tile-value:not(.is-unknown)"),
    "tools": ("/tools?range=7d", look_at_all_days, ".tool-name"),
}


def test_what_could_not_be_read_comes_when_the_tracker_is_back(open_page: OpenPage, tracker: Tracker) -> None:
    pages = {name: open_page(path, of=tracker.origin, allows=OUTAGE) for name, (path, _, _) in READINGS.items()}
    for page in pages.values():
        settled(page)
    tracker.stop()
    for name, (_, act, _) in READINGS.items():
        act(pages[name])
        expect(pages[name].get_by_role("alert").first).to_contain_text("This page tries again by itself.")

    tracker.start()

    for name, (_, _, shown) in READINGS.items():
        expect(pages[name].locator(shown).first).to_be_visible(timeout=BACK_MS)
        expect(pages[name].get_by_role("alert")).to_have_count(0, timeout=BACK_MS)


def test_conversation_comes_when_the_tracker_is_back(open_page: OpenPage, tracker: Tracker) -> None:
    page = open_page(f"/sessions/{ended_session(tracker.stack)}", of=tracker.origin, allows=OUTAGE)
    page.wait_for_selector(".message")
    tracker.stop()
    page.get_by_role("button", name="Thinking").click()
    expect(page.get_by_role("alert").first).to_contain_text("This page tries again by itself.")
    expect(page.locator(".message")).to_have_count(0)

    tracker.start()

    expect(page.locator(".message").first).to_be_visible(timeout=BACK_MS)
    expect(page.get_by_role("alert")).to_have_count(0, timeout=BACK_MS)


def test_page_whose_script_did_not_come_is_loaded_when_the_tracker_is_back(open_page: OpenPage, tracker: Tracker) -> None:
    page = open_page("/search", of=tracker.origin, allows=OUTAGE)
    settled(page)
    tracker.stop()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Files").click()
    expect(page.get_by_role("alert")).to_contain_text("This page could not be loaded. This page tries again by itself.")

    tracker.start()

    expect(page).to_have_title(re.compile("^Files"), timeout=BACK_MS)
    expect(page.locator(".file-name").first).to_be_visible(timeout=BACK_MS)


def test_browser_that_is_online_again_tries_at_once(open_page: OpenPage) -> None:
    page = open_page("/search", allows=OUTAGE)
    settled(page)
    # From here on no time passes in the page: only what happens can make it try.
    page.clock.install()
    page.clock.pause_at(page.evaluate("Date.now()") / 1_000 + 60)
    page.context.set_offline(True)
    page.get_by_role("searchbox").fill("retry")
    page.clock.run_for(500)
    expect(page.get_by_role("alert")).to_contain_text("tries again by itself")
    page.clock.run_for(100)

    page.context.set_offline(False)

    expect(page.locator(".hit").first).to_be_visible()
