"""A person at the dashboard through the gateway, with keys on: login, an event as it arrives, an import, a key that is revoked."""

import json
import re
from typing import Any
from uuid import uuid4

import httpx2 as httpx

from deploy.containers import compose
from tests.compose.stack import Composed
from tests.skips import CHROMIUM

WAIT_MS = 60_000
IMPORTED_LINES = 2_000
PROJECT = "/home/ann/at-the-gateway"


def check(stack: Composed) -> str:
    """AssertionError, which says what did not come through. Without chromium it is left out, and says so."""
    if not CHROMIUM:
        return "left out: this machine has no chromium"
    from playwright.sync_api import Error, sync_playwright

    admin = _keys_on(stack)
    headers = {"Authorization": f"Bearer {admin}"}
    with sync_playwright() as playwright, httpx.Client(base_url=stack.url, headers=headers, timeout=30, trust_env=False) as http:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(WAIT_MS)
        uncaught: list[str] = []
        page.on("pageerror", lambda error: uncaught.append(str(error)))
        try:
            key = _answer(http.post("/api/keys", json={"name": "at the gateway", "scopes": ["read", "ingest"]}))
            _log_in(page, stack.url, key["key"])
            _see_an_event(page, http)
            _import(page, http)
            _lose_the_key(page, http, key["id"])
        except Error as error:
            raise AssertionError(f"at {page.url}: {error.message}") from error
        finally:
            browser.close()
    assert not uncaught, uncaught
    return "nginx lets through a login by cookie, an event as it arrives, an import with its progress, and the end of a revoked key"


def _keys_on(stack: Composed) -> str:
    """Makes the first key as docs/how-to/compose.md says, and starts the containers again with keys on."""
    stack.use()
    key = compose.run("run", "--rm", "--no-TTY", "ingest", "python", "-m", "deploy.keys", "create", "--scope", "admin").splitlines()[-1]
    stack.set("TRACKER_ACCESS", "keys")
    stack.up()
    return key


def _log_in(page: Any, url: str, key: str) -> None:
    page.goto(url)
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Log in").click()
    page.locator(".now-connection[data-state=open]").wait_for()


def _see_an_event(page: Any, http: httpx.Client) -> None:
    session, content = f"gateway-{uuid4()}", f"said at the gateway {uuid4().hex[:8]}"
    _answer(http.post("/api/sessions/start", json={"session_id": session, "project_path": PROJECT}))
    _answer(http.post("/api/conversations", json={"session_id": session, "role": "user", "content": content}))
    page.locator(".feed-row[data-kind=prompt]", has_text=content).wait_for()


def _import(page: Any, http: httpx.Client) -> None:
    session = str(uuid4())
    lines = (
        {
            "type": "user",
            "uuid": str(uuid4()),
            "parentUuid": None,
            "sessionId": session,
            "cwd": PROJECT,
            "timestamp": f"2026-10-05T09:{number // 60 % 60:02}:{number % 60:02}Z",
            "message": {"role": "user", "content": f"line {number}"},
        }
        for number in range(IMPORTED_LINES)
    )
    transcript = "".join(json.dumps(line) + "\n" for line in lines).encode()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Imports").click()
    with page.expect_response(re.compile(r"/api/import/jobs/[^/]+/events$")) as progress:
        page.locator("input[type=file]:not([webkitdirectory])").set_input_files(
            {"name": f"{session}.jsonl", "mimeType": "application/jsonl", "buffer": transcript}
        )
    assert progress.value.headers["content-type"].startswith("text/event-stream"), progress.value.status
    page.locator(".run-outcome", has_text="1 new session").wait_for()
    stored = _answer(http.get(f"/api/sessions/{session}"))["messages_count"]
    assert stored == IMPORTED_LINES, f"{stored:,} of {IMPORTED_LINES:,} messages are stored"


def _lose_the_key(page: Any, http: httpx.Client, key_id: str) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Now").click()
    page.locator(".now-connection[data-state=open]").wait_for()
    _answer(http.delete(f"/api/keys/{key_id}"))
    page.get_by_role("alert").filter(has_text="no longer valid").wait_for()
    assert page.locator("nav").count() == 0, "a page is shown without a key"


def _answer(response: httpx.Response) -> dict[str, Any]:
    assert response.is_success, f"{response.request.url} answered {response.status_code}: {response.text[:300]}"
    return dict(response.json()) if response.content else {}
