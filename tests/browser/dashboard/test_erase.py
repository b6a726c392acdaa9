"""Erasing in the dashboard: counted first, confirmed by a word, and gone."""

import re
from uuid import uuid4

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.flow.conftest import Stack

# The worker writes files of the stores anew.
ERASED_MS = 90_000


def begun(stack: Stack, user: str) -> str:
    session_id = str(uuid4())
    start = {"session_id": session_id, "project_path": f"/home/{user}/erased", "user": user}
    assert stack.http.post("/api/sessions/start", json=start).status_code == 201
    said = {"session_id": session_id, "role": "user", "content": "to be erased"}
    assert stack.http.post("/api/conversations", json=said, headers={"Prefer": "wait=20"}).json()["status"] == "persisted"
    return session_id


def test_a_session_is_erased_on_its_page(open_page: OpenPage, stack: Stack) -> None:
    # Given the page of a session
    session_id = begun(stack, f"user-{uuid4().hex[:6]}")
    page = open_page(f"/sessions/{session_id}?outcome=1", allows=("404",))
    page.get_by_role("button", name="Erase …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("to be erased · erased · ")
    confirm = dialog.get_by_role("button", name="Erase for good")
    expect(confirm).to_be_disabled()

    # When it is counted, then it says how much would go
    dialog.get_by_role("button", name="Count it").click()
    expect(dialog.get_by_role("status")).to_contain_text("This would go: ")
    expect(dialog.get_by_role("status")).to_contain_text("messages: 1")
    assert stack.http.get(f"/api/sessions/{session_id}").status_code == 200

    # When the word is typed, then it is erased, and the dialog says what may still have it
    word = dialog.get_by_label("Type erase to confirm")
    word.fill("eras")
    expect(confirm).to_be_disabled()
    word.fill("erase")
    confirm.click()
    expect(dialog.get_by_role("status")).to_contain_text("This is gone", timeout=ERASED_MS)
    expect(dialog.locator("li", has_text="backups")).to_be_visible()
    assert stack.http.get(f"/api/sessions/{session_id}").status_code == 404

    # And it leads on, to lists without it
    dialog.get_by_role("button", name="Go to the sessions").click()
    expect(page).to_have_url(re.compile("/sessions$"))
    expect(page.locator("main h1")).to_have_text("Sessions")
    expect(page.locator(f"main a[href*='{session_id}']")).to_have_count(0)


def test_a_person_is_erased_in_the_settings(open_page: OpenPage, stack: Stack) -> None:
    user = f"user-{uuid4().hex[:6]}"
    session_id = begun(stack, user)
    page = open_page("/settings")
    page.get_by_label("The person's name").fill(user)
    page.get_by_role("button", name="Erase …").click()
    dialog = page.get_by_role("dialog")

    dialog.get_by_label("Type erase to confirm").fill("erase")
    dialog.get_by_role("button", name="Erase for good").click()

    expect(dialog.get_by_role("status")).to_contain_text("This is gone", timeout=ERASED_MS)
    assert stack.http.get(f"/api/sessions/{session_id}").status_code == 404
    assert user not in stack.http.get("/api/users").text
