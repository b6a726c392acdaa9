"""Every stored text tries to become markup, on every page that shows it: it stays a text."""

import io
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import psycopg
import psycopg.sql
import pytest
from playwright.sync_api import expect

from deploy.embedded.supervision.processes import wait_until
from tests.browser.dashboard.conftest import OpenPage, origin_of
from tests.browser.dashboard.hostile_transcript import ATTACK, SESSION, hostile_transcript
from tests.browser.dashboard.parts_of_pages import settled
from tests.flow.conftest import Stack

# The same, as part of a path: its slashes are no folders. It stands in each name, so that none is cut.
NAME = '<img src=x onerror="window.attacked=1"><svg onload="window.attacked=1">'
LIVE = f"live {NAME}"
FILE = f"/home/ann/{NAME}/{NAME}.py"
WAIT = {"Prefer": "wait=20"}
# Traces that an attack would have left, or ways that it could run by.
INJECTED = ":is(img[src=x], iframe, object, embed, body script, svg[onload], [onerror], [onload], [onmouseover], a[href^='javascript' i], base, meta)"


@pytest.fixture(scope="module")
def hostile(own_stack: Stack) -> Stack:
    """A tracker whose every name and text is an attack: an imported session, one that runs, a machine, a key, a dead letter, files that failed."""
    http = own_stack.http

    def post(path: str, body: Any) -> Any:
        answer = http.post(path, json=body, headers=WAIT)
        assert answer.status_code < 300, answer.text
        return answer.json()

    names = (f"{SESSION}.jsonl", hostile_transcript()), (f"{NAME}.tar.gz", broken_archive())
    for name, content in names:
        job = http.post("/api/import/claude-data", files={"file": (name, content)}, timeout=120).json()
        assert "job_id" in job, job
        assert wait_until(lambda job=job: _is_over(http.get(f"/api/import/jobs/{job['job_id']}").json()), 60)  # type: ignore[misc]
    assert http.patch(f"/api/sessions/{SESSION}", json={"title": ATTACK, "note": ATTACK, "add_tags": [NAME[:60]]}).status_code == 200

    now = datetime.now(UTC)
    post("/api/sessions/start", {"project_path": f"/home/ann/{NAME}", "session_id": LIVE, "user": NAME, "git_branch": NAME, "model": NAME})
    where = {"session_id": LIVE, "timestamp": now.isoformat()}
    usage = {"input_tokens": 10, "output_tokens": 10}
    post("/api/conversations", where | {"role": "user", "content": NAME})
    post("/api/conversations", where | {"role": "assistant", "content": f"{ATTACK} quagga", "model": NAME, "usage": usage})
    post("/api/tool-calls", where | {"tool_name": NAME, "parameters": {NAME: NAME}, "result": NAME, "result_status": "error"})
    post("/api/activities", where | {"file_path": FILE, "action": "modified", "lines_added": 3, "lines_removed": 1})
    expiring = {
        "session_id": NAME,
        "file": f"{NAME}.jsonl",
        "bytes": 9,
        "changed_at": now.isoformat(),
        "deleted_after": (now + timedelta(days=1)).isoformat(),
    }
    said = dict.fromkeys(("name", "user", "tracker_version", "claude_version", "os", "last_error"), NAME)
    assert http.put("/api/machines/m-evil", json=said | {"expiring": [expiring], "spool_files": 1}).status_code == 200
    post("/api/views", {"name": NAME[:100], "address": f"/search?q={quote(NAME)}"})
    post("/api/keys", {"name": NAME, "scopes": ["read"], "user": NAME})
    with psycopg.connect(own_stack.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO session_machines VALUES (%s, 'm-evil')", (LIVE,))
        constraint = psycopg.sql.Identifier(f"no {NAME}"[:60])
        connection.execute(
            psycopg.sql.SQL("ALTER TABLE messages ADD CONSTRAINT {} CHECK (content NOT LIKE '%unwanted%')").format(constraint)
        )
        http.post("/api/conversations", json=where | {"role": "user", "content": f"unwanted {NAME}"}, headers=WAIT)
        connection.execute(psycopg.sql.SQL("ALTER TABLE messages DROP CONSTRAINT {}").format(constraint))
    assert wait_until(lambda: http.get("/api/search", params={"q": "quagga"}).json()["total"] >= 1, 60)
    return own_stack


def broken_archive() -> bytes:
    """A ~/.claude with a folder that is an attack, and a transcript with lines that are not JSON."""
    content = b'{"type": "user", "uuid": 5}\n{"broken": "' + NAME.encode() + b"\nnot json\n"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo(f".claude/projects/-home-{NAME}/{SESSION[:-1]}7.jsonl")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _is_over(job: dict[str, Any]) -> bool:
    return job["status"] not in ("queued", "uploading", "running")


def unfold(page: Any) -> None:
    for fold in page.locator(".call-fold, .entry .fold, .run.fold, main details > summary, main [aria-expanded=false]").all()[:60]:
        if fold.is_visible():
            fold.click()


def search_in_the_palette(page: Any) -> None:
    page.keyboard.press("/")
    page.get_by_role("dialog").get_by_role("searchbox").or_(page.get_by_role("dialog").get_by_role("combobox")).first.fill("quagga")
    expect(page.get_by_role("dialog").get_by_text("quagga").first).to_be_visible()


def open_the_saved_views(page: Any) -> None:
    page.get_by_role("button", name="Saved views …").click()
    expect(page.get_by_role("dialog").get_by_role("link")).to_have_count(1)


def open_the_failed_import(page: Any) -> None:
    page.locator("main [data-item], main tr a, main li a").first.click()


def nothing(page: Any) -> None:
    """This page shows all of it at once."""


ALL = "range=all"
VIEWS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "now": ("/", nothing),
    "overview": (f"/overview?{ALL}", nothing),
    "overview, people": (f"/overview?{ALL}&who=people", nothing),
    "overview, machines": (f"/overview?{ALL}&who=machines", nothing),
    "overview, chosen": (f"/overview?{ALL}&user={quote(NAME)}", nothing),
    "projects": (f"/projects?{ALL}", nothing),
    "sessions": (f"/sessions?{ALL}", nothing),
    "sessions of a tag": (f"/sessions?{ALL}&tag={quote(NAME[:60])}", nothing),
    "imported session": (f"/sessions/{SESSION}?thinking=1", unfold),
    "running session": (f"/sessions/{quote(LIVE, safe='')}", unfold),
    "search": ("/search?q=onerror", nothing),
    "search, attacking": (f"/search?q={quote(NAME)}", nothing),
    "palette": ("/settings", search_in_the_palette),
    "files": (f"/files?{ALL}", nothing),
    "file": (f"/files?path={quote(FILE)}", unfold),
    "tools": (f"/tools?{ALL}", unfold),
    "tool": (f"/tools?{ALL}&tool={quote(NAME)}", unfold),
    "usage by model": (f"/usage?{ALL}&by=model", nothing),
    "usage by user": (f"/usage?{ALL}&by=user", nothing),
    "usage by project": (f"/usage?{ALL}&by=project", nothing),
    "usage by machine": (f"/usage?{ALL}&by=machine", nothing),
    "compare": ("/compare?from=2020-01-01&by=project,user,machine,branch,tool,model", nothing),
    "saved views": ("/settings", open_the_saved_views),
    "imports": ("/imports", open_the_failed_import),
    "health": ("/health", unfold),
    "settings": ("/settings", nothing),
}
# Where none of the texts stands: the numbers of everything, and a day's people or machines that are too few to be chosen from.
SHOWS_NOTHING = {"overview, machines"}


@pytest.mark.parametrize("view", VIEWS)
def test_texts_stay_texts(open_page: OpenPage, hostile: Stack, view: str) -> None:
    path, act = VIEWS[view]
    page = open_page(path, of=origin_of(hostile))
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    settled(page)
    act(page)
    settled(page)
    page.wait_for_timeout(200)
    assert dialogs == []
    assert page.evaluate("window.attacked") is None
    found = page.locator(INJECTED).evaluate_all("elements => elements.map(element => element.outerHTML.slice(0, 200))")
    assert [html for html in found if not html.startswith(("<meta charset", "<meta name"))] == []
    # Event handlers are attributes: no element has one.
    handlers = page.evaluate("[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(name => /^on/i.test(name))")
    assert handlers == []
    text = page.locator("body").inner_text()
    attributes = page.evaluate("[...document.querySelectorAll('[title],[aria-label]')].map(e => e.title + e.ariaLabel).join()")
    assert view in SHOWS_NOTHING or "<img src=x" in text + attributes, "the view shows the attack as a text"


def test_events_that_come_while_one_looks_stay_texts(open_page: OpenPage, hostile: Stack) -> None:
    page = open_page("/", of=origin_of(hostile))
    expect(page.locator(".now-connection")).to_have_attribute("data-state", "open")
    where = {"session_id": LIVE, "timestamp": datetime.now(UTC).isoformat()}
    for path, body in {
        "/api/conversations": {"role": "user", "content": f"now {NAME}"},
        "/api/tool-calls": {"tool_name": NAME, "parameters": {}, "result_status": "success"},
        "/api/activities": {"file_path": FILE, "action": "modified"},
    }.items():
        assert hostile.http.post(path, json=where | body).status_code == 201
    for kind in ("prompt", "tool_finished", "file_changed"):
        expect(page.locator(f".feed-row[data-kind={kind}]", has_text="<img src=x").first).to_be_visible()
    expect(page.locator(f".board a[href='/sessions/{quote(LIVE, safe=chr(39))}']").or_(page.locator(".board-card")).first).to_contain_text(
        "<img"
    )
    assert page.evaluate("window.attacked") is None
    assert page.locator(f"main {INJECTED}").count() == 0
