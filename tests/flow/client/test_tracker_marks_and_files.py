"""`tracker mark` and `tracker file` against the real API; marks that outlive an undone import."""

import json
from pathlib import Path
from uuid import uuid4

from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Ask, Run, Stack

WAIT = {"Prefer": "wait=30"}


def imports(ask: Ask) -> set[str]:
    return {job["job_id"] for job in json.loads(ask("jobs", "--limit", "1000", "--json")) if job["kind"] == "import"}


def test_a_marked_session_is_listed_by_its_star_and_tag(tracker: Run, home: ClaudeHome, ask: Ask) -> None:
    session_id = home.transcript(1).stem
    ask("import", "--quiet")
    tag = f"Tag {session_id[:8]}"
    assert "Star   none" in ask("mark", session_id[:12])

    said = ask("mark", session_id[:12], "--star", "--tag", tag, "--note", "Keep this.", "--title", "My own title")

    assert said.splitlines()[1:5] == ["Star   ★", f"Tags   {tag}", "Title  My own title", "Note   Keep this."]
    assert "Read   by all" in ask("mark", session_id, "--share")
    assert "Read   by its user's keys" in ask("mark", session_id, "--private")
    assert json.loads(ask("mark", session_id, "--json"))["visibility"] == "private"
    listed = ask("sessions", "--starred", "--tag", tag.upper(), COLUMNS="160")
    assert "★ My own title" in listed
    assert tag in listed
    assert f",true,{tag},Keep this.\n" in ask("sessions", "--tag", tag, "--csv")
    assert json.loads(ask("mark", session_id, "--unstar", "--untag", tag.lower(), "--note", "", "--title", "", "--json")) == {
        "session_id": session_id,
        "is_starred": False,
        "visibility": "private",
        "tags": [],
        "note": None,
        "title": None,
    }
    assert tracker("mark", "none-such", "--star").returncode == 1


def test_marks_outlive_reparse_undo_and_a_second_import(stack: Stack, home: ClaudeHome, ask: Ask) -> None:
    path = home.transcript(1)
    before = imports(ask)
    ask("import", "--quiet")
    marks = json.loads(ask("mark", path.stem, "--star", "--tag", "kept", "--note", "n", "--title", "t", "--json"))

    ask("reparse", "--session", path.stem, "--wait")
    assert json.loads(ask("mark", path.stem, "--json")) == marks

    home.grow(path)
    ask("import", "--quiet")
    assert json.loads(ask("mark", path.stem, "--json")) == marks

    for job_id in imports(ask) - before:
        ask("undo", job_id, "--wait")
    assert stack.http.get(f"/api/sessions/{path.stem}").status_code == 404
    assert stack.http.patch(f"/api/sessions/{path.stem}", json={"note": "gone"}).status_code == 404

    home.grow(path)
    ask("import", "--quiet")
    assert json.loads(ask("mark", path.stem, "--json")) == marks


def test_file_shows_who_changed_a_file_and_what_for(stack: Stack, tmp_path: Path, ask: Ask) -> None:
    session_id, name = str(uuid4()), f"upload-{uuid4().hex}.ts"
    path = tmp_path / "src" / name
    for where, body in (
        ("sessions/start", {"project_path": str(tmp_path), "start_time": "2026-11-21T10:00:00Z", "user": "ann"}),
        ("conversations", {"content": "Retry failed uploads", "role": "user", "timestamp": "2026-11-21T10:00:01Z"}),
        ("activities", {"file_path": str(path), "action": "created", "lines_added": 12, "timestamp": "2026-11-21T10:00:02Z"}),
    ):
        assert stack.http.post(f"/api/{where}", json=body | {"session_id": session_id}, headers=WAIT).status_code == 201

    said = ask("file", f"src/{name}", "--tz", "UTC")

    assert said.startswith(f"{path}\n1 change, 1 session, 1 person, +12 −0 lines")
    assert f"created  +12 −0  ann  {session_id[:8]}" in said
    assert "Retry failed uploads" in said
    [change] = json.loads(ask("file", tmp_path / "src" / "*", "--json"))["items"]
    assert (change["file_path"], change["prompt"]["text"]) == (str(path), "Retry failed uploads")
    assert f"{path},created,12,0" in ask("file", f"src/{name}", "--project", tmp_path, "--csv")
    elsewhere = ask("file", f"/elsewhere/{name}")
    assert elsewhere.startswith(f"No changes of /elsewhere/{name} are known.")
    assert str(path) in elsewhere
