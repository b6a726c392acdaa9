"""Health in the dashboard: its verdict and its numbers are the API's, and a dead letter is replayed there."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from playwright.sync_api import expect

from tests.browser.dashboard.conftest import OpenPage
from tests.flow.conftest import Stack, second_api
from tests.flow.forbidden_word import forbidden_word, mend

WAIT = {"Prefer": "wait=20"}


@pytest.fixture
def forbidden(stack: Stack) -> Iterator[str]:
    with forbidden_word(stack) as word:
        yield word


def test_a_dead_letter_is_shown_with_its_reason_and_replayed(open_page: OpenPage, stack: Stack, forbidden: str) -> None:
    session = f"dead-{uuid4()}"
    stack.http.post("/api/sessions/start", json={"project_path": "/home/ann/letters", "session_id": session}, headers=WAIT)
    sent = stack.http.post("/api/conversations", json={"session_id": session, "role": "user", "content": forbidden}, headers=WAIT)
    assert sent.json()["status"] == "dead_letter"
    page = open_page("/health")
    group = page.locator(".letter", has_text=f"no_{forbidden}")
    expect(group).to_contain_text("conversation")
    expect(page.locator(".verdict")).to_have_attribute("data-verdict", "bad")
    group.get_by_role("button", name="Show one").click()
    expect(group.locator("pre")).to_contain_text(forbidden)

    mend(stack, forbidden)
    group.get_by_role("button", name="Store again").click()

    expect(page.locator(".dead-letters")).to_contain_text("1 event is tried again")
    expect(group).to_have_count(0, timeout=20_000)
    assert stack.select(f"SELECT count(*) FROM messages WHERE content = '{forbidden}'") == [(1,)]


def test_a_dead_letter_is_deleted_after_a_question(open_page: OpenPage, stack: Stack, forbidden: str) -> None:
    session = f"dead-{uuid4()}"
    stack.http.post("/api/sessions/start", json={"project_path": "/home/ann/letters", "session_id": session}, headers=WAIT)
    stack.http.post("/api/conversations", json={"session_id": session, "role": "user", "content": forbidden}, headers=WAIT)
    page = open_page("/health")
    group = page.locator(".letter", has_text=f"no_{forbidden}")
    group.get_by_role("button", name="Delete …").click()
    page.get_by_role("button", name="Keep them").click()
    expect(group).to_be_visible()
    group.get_by_role("button", name="Delete …").click()
    page.get_by_role("button", name="Delete for good").click()
    expect(group).to_have_count(0, timeout=20_000)
    assert stack.http.get("/api/dead-letters", params={"kind": "conversation"}).json()["groups"] == []


def test_the_equation_is_that_of_the_api(open_page: OpenPage, stack: Stack) -> None:
    page = open_page("/health")
    expect(page.locator("[data-part=accepted] dd")).to_be_visible()
    told = stack.http.get("/api/accounting").json()
    for part in ("accepted", "persisted", "duplicate", "dead", "pending"):
        expect(page.locator(f"[data-part={part}] dd")).to_have_text(f"{told[part]:,}")


def test_a_machine_says_what_it_has_not_sent(open_page: OpenPage, stack: Stack) -> None:
    machine = f"m{uuid4().hex[:10]}"
    expiring = {
        "session_id": str(uuid4()),
        "file": "gone.jsonl",
        "bytes": 812,
        "changed_at": "2026-10-30T10:00:00Z",
        "deleted_after": "2099-01-01T00:00:00Z",
    }
    report = {"name": machine, "user": "ann", "spool_files": 3, "files_unsent": 2, "bytes_unsent": 48_000, "expiring": [expiring]}
    assert stack.http.put(f"/api/machines/{machine}", json=report).status_code == 200
    page = open_page("/health")
    row = page.locator(f".machine[data-machine={machine}]")
    expect(row).to_contain_text("3 hooks and 2 transcripts (48.0 KB) not sent yet")
    expect(row).to_contain_text("1 not stored here")
    expect(page.locator(".verdict")).to_contain_text(f"{machine}: Claude Code will soon delete 1 transcript that is not stored here")

    row.get_by_role("button", name=f"Forget {machine}").click()
    page.get_by_role("button", name="Forget it").click()
    expect(row).to_have_count(0)


def test_a_key_for_numbers_is_told_quietly_what_it_does_not_see(open_page: OpenPage, stack: Stack) -> None:
    made = {
        scope: stack.http.post("/api/keys", json={"name": f"health {scope}", "scopes": [scope]}).json()["key"]
        for scope in ("admin", "metrics")
    }
    with second_api(stack, TRACKER_ACCESS="keys") as http:
        headers = {"Authorization": f"Bearer {made['metrics']}"}
        page = open_page("/health", of=str(http.base_url).rstrip("/"), extra_http_headers=headers)
        expect(page.locator(".health-hidden")).to_have_text("This key does not see machines and events that could not be stored.")
        expect(page.locator("[data-part=accepted] dd")).to_be_visible()
        expect(page.locator("[role=alert]")).to_have_count(0)
        page.close()


def test_a_damaged_transcript_is_named_with_what_to_do(open_page: OpenPage, stack: Stack) -> None:
    session = f"damaged-{uuid4()}"
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(
            "WITH f AS (INSERT INTO transcript_files (session_id, file_name) VALUES (%(id)s, %(id)s || '.jsonl') RETURNING id)"
            " INSERT INTO damaged_segments (file_id, sha256, reason) SELECT id, sha256('x'), 'damaged' FROM f",
            {"id": session},
        )
    page = open_page("/health")
    expect(page.locator(".verdict")).to_contain_text(f"The stored transcript {session}.jsonl of session {session} is damaged.")
    expect(page.locator(".verdict")).to_contain_text("import the transcript again")

    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM transcript_files WHERE session_id = %s", [session])
    page.reload()
    expect(page.locator(".verdict")).not_to_contain_text("damaged")


def test_a_model_without_a_price_is_named_with_its_calls(open_page: OpenPage, stack: Stack) -> None:
    model, session = f"claude-next-{uuid4().hex[:6]}", str(uuid4())
    stack.http.post("/api/sessions/start", json={"project_path": "/home/ann/priced", "session_id": session}, headers=WAIT)
    said = {"session_id": session, "role": "assistant", "content": "So.", "model": model, "usage": {"input_tokens": 9, "output_tokens": 1}}
    for _ in range(2):
        stack.http.post("/api/conversations", json=said, headers=WAIT)
    page = open_page("/health")
    expect(page.locator(".verdict")).to_contain_text(f"{model} (2 calls)")

    priced = stack.http.put("/api/prices", json={"model": model, "input": 1, "output": 1}).json()
    stack.http.post("/api/reprice", json={"model": model}, headers={"Prefer": "respond-async"})

    expect(page.locator(".verdict")).not_to_contain_text(model, timeout=30_000)
    stack.http.delete(f"/api/prices/{priced['id']}")
