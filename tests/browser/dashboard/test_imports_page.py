"""Imports in the dashboard: a drop with its bars, what is known is not sent again, errors by line, and an import that is taken back."""

import json
import platform
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import expect

from tests.browser.dashboard.conftest import USER, OpenPage
from tests.flow.conftest import Stack

DROP = """({target, files}) => {
  const data = new DataTransfer();
  for (const {name, text} of files) data.items.add(new File([text], name));
  target.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
}"""
# Every value that the bar of this name had.
WATCH = """name => {
  window.seen = [];
  new MutationObserver(() => {
    const bar = document.querySelector(`.import-run [role=progressbar][aria-label=${name}]`);
    if (bar && window.seen.at(-1) !== +bar.ariaValueNow) window.seen.push(+bar.ariaValueNow);
  }).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""
IMPORT_MS = 60_000


def transcript(session: str, messages: int, **more: Any) -> str:
    begin = datetime(2026, 10, 5, 9, tzinfo=UTC)
    rows = [
        {
            "type": "user",
            "uuid": str(uuid4()),
            "parentUuid": None,
            "sessionId": session,
            "cwd": "/home/ann/dropped",
            "timestamp": (begin + timedelta(seconds=at)).isoformat().replace("+00:00", "Z"),
            "message": {"role": "user", "content": f"Line {at} of {session}"},
        }
        | more
        for at in range(messages)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def drop(page: Any, *files: tuple[str, str]) -> None:
    target = page.locator(".drop").element_handle()
    page.evaluate(DROP, {"target": target, "files": [{"name": name, "text": text} for name, text in files]})


def test_a_dropped_file_is_imported_with_its_bar_moving(open_page: OpenPage, stack: Stack) -> None:
    session = str(uuid4())
    text = transcript(session, 24_000)
    page = open_page("/imports")
    page.evaluate(WATCH, "Import")

    drop(page, (f"{session}.jsonl", text))

    expect(page.locator(".run-outcome")).to_contain_text("1 new session", timeout=IMPORT_MS)
    seen = page.evaluate("window.seen")
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert any(0 < value < 100 for value in seen), seen
    assert stack.http.get(f"/api/sessions/{session}").json()["messages_count"] == 24_000

    # Dropped again, nothing of it is sent.
    page.get_by_role("button", name="Import more").click()
    drop(page, (f"{session}.jsonl", text))
    expect(page.locator(".run-outcome")).to_contain_text("Nothing is new")


def test_a_folder_is_searched_and_credentials_stay(open_page: OpenPage, stack: Stack, tmp_path: Path) -> None:
    session = str(uuid4())
    # A name that is longer than a tar's header takes.
    project = tmp_path / ".claude" / "projects" / ("-home-ann-" + "a-long-name-" * 10)
    (project / session / "subagents").mkdir(parents=True)
    (project / f"{session}.jsonl").write_text(transcript(session, 2))
    (project / session / "subagents" / "agent-a1.jsonl").write_text(transcript(session, 3, isSidechain=True, agentId="a1"))
    (tmp_path / ".claude" / ".credentials.json").write_text('{"claudeAiOauth": {"accessToken": "secret"}}')
    (tmp_path / ".claude" / "notes.md").write_text("my own")
    page = open_page("/imports")

    page.set_input_files("input[webkitdirectory]", tmp_path / ".claude")

    expect(page.locator(".run-outcome")).to_contain_text("1 new session", timeout=IMPORT_MS)
    expect(page.locator(".import-run")).to_contain_text("2 files found")
    job = stack.http.get("/api/import/jobs?limit=1").json()["items"][0]
    assert (job["files_done"], job["errors_total"]) == (2, 0)
    assert stack.http.get(f"/api/sessions/{session}").json()["messages_count"] == 2


def test_what_cannot_be_imported_is_told_by_file_and_line(open_page: OpenPage) -> None:
    session = str(uuid4())
    page = open_page("/imports", allows=("400",))

    drop(
        page,
        (f"{session}.jsonl", transcript(session, 1) + '{"type": "user", broken\n'),
        (".credentials.json", "{}"),
        ("letter.txt", "Dear Ann"),
    )

    expect(page.locator(".run-outcome")).to_be_visible(timeout=IMPORT_MS)
    run = page.locator(".import-run")
    expect(run).to_contain_text(re.compile(rf"{session}\.jsonl:2"))
    expect(run).to_contain_text("credentials are never imported")
    expect(run.locator("li", has_text="letter.txt")).to_be_visible()


def test_an_import_is_taken_back_after_a_question(open_page: OpenPage, stack: Stack) -> None:
    session = str(uuid4())
    page = open_page("/imports")
    drop(page, (f"{session}.jsonl", transcript(session, 3)))
    expect(page.locator(".run-outcome")).to_be_visible(timeout=IMPORT_MS)
    job = stack.http.get("/api/import/jobs?limit=1").json()["items"][0]["job_id"]

    page.locator(f".job[data-job='{job}'] .job-row").click()
    assert page.url.endswith(f"?job={job}"), "an open job is a link"
    page.get_by_role("button", name="Undo …").click()
    dialog = page.locator("dialog")
    expect(dialog).to_contain_text("1 new session, 3 messages")
    dialog.get_by_role("button", name="Remove what it brought").click()

    expect(page.locator(f".job[data-job='{job}']")).to_contain_text("undone", timeout=IMPORT_MS)
    expect(page.locator(".job[data-status=succeeded]", has_text="Undo").first).to_be_visible(timeout=IMPORT_MS)
    assert stack.http.get(f"/api/sessions/{session}").status_code == 404


def test_without_an_import_it_says_how(open_page: OpenPage, empty_stack: Stack) -> None:
    page = open_page("/imports", of=str(empty_stack.http.base_url).rstrip("/"))
    expect(page.locator(".jobs")).to_contain_text("Nothing was imported yet")
    expect(page.locator(".drop")).to_contain_text("tracker import --url http://127.0.0.1:")


def test_import_is_told_apart_by_machine_day_person_and_files(open_page: OpenPage, stack: Stack) -> None:
    job = stack.http.get("/api/import/jobs", params={"limit": 50}).json()["items"][-1]
    page = open_page("/imports")

    what = page.locator(f"[data-job='{job['job_id']}'] .job-what")

    expect(what).to_contain_text(f"Import ~/.claude on {platform.node()}")
    expect(what).to_contain_text(f"for {USER}")
    expect(what).to_contain_text(f"{job['files_done']} files")
