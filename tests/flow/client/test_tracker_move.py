"""`tracker move` and `tracker export --everything`: from the running tracker into another one, which then says the same."""

import json
import re
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Run, Stack, running_stack


@pytest.fixture(scope="module")
def other(postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("other")
    with running_stack(folder, postgres_url, redis_server_url, 15, TRACKER_BLOB_URL=(folder / "blobs").as_uri()) as running:
        yield running


def test_everything_is_moved_and_is_the_same_there(stack: Stack, other: Stack, tracker: Run, home: ClaudeHome) -> None:
    # Given a session with a transcript, and marks of a person
    session_id = home.transcript(2).stem
    assert tracker("import", "--quiet").returncode == 0
    assert tracker("mark", session_id, "--star", "--tag", "moved").returncode == 0
    there = str(other.http.base_url)

    exports = {each["export_id"] for each in stack.http.get("/api/exports").json()["items"]}

    # When it is only compared, the other has less; when it is moved, it has the same
    before = tracker("move", "--to", there, "--dry-run", "--json")
    moved = tracker("move", "--to", there, "--quiet", "--json")

    assert before.returncode == 0, before.stderr
    sessions = json.loads(before.stdout)["compared"][0]
    assert (sessions["there"] < sessions["here"], sessions["equal"]) == (True, False)
    assert moved.returncode == 0, moved.stderr + moved.stdout
    compared = json.loads(moved.stdout)["compared"]
    assert all(each["equal"] for each in compared)
    assert compared[0]["here"] == sessions["here"]
    path = f"/api/sessions/{session_id}"
    for part in ("", "/timeline", "/transcript", "/outcome"):
        here, moved_there = stack.http.get(path + part), other.http.get(path + part)
        assert here.status_code == moved_there.status_code == 200
        if part == "/transcript":
            assert here.content == moved_there.content
    assert other.http.get(path).json()["tags"] == ["moved"]

    # And a second time changes nothing there, and leaves no archive here
    totals = other.http.get("/api/stats").json()["totals"]
    assert tracker("move", "--to", there, "--quiet").returncode == 0
    assert other.http.get("/api/stats").json()["totals"] == totals
    made = [each for each in stack.http.get("/api/exports").json()["items"] if each["export_id"] not in exports]
    assert [each["status"] for each in made] == ["expired", "expired"]


def test_a_difference_that_is_what_was_erased_there_is_named(stack: Stack, other: Stack, tracker: Run, home: ClaudeHome) -> None:
    # Given a session that was moved, and erased there
    session_id = home.transcript(1).stem
    path = f"/api/sessions/{session_id}"
    assert tracker("import", "--quiet", "--user", "max").returncode == 0
    move = ("move", "--to", str(other.http.base_url), "--user", "max", "--quiet")
    tracker(*move)
    assert other.http.get(path).status_code == 200
    erase = ("erase", "session", session_id, "--url", str(other.http.base_url))
    erased = tracker(*erase, "--confirm", session_id)
    assert erased.returncode == 0, erased.stderr

    # When it is moved again, then it stays out, and the difference is named
    moved = tracker(*move)
    assert moved.returncode == 1
    assert re.fullmatch(
        r"Not all of it is equal\. \d+ records stayed out there, of what was erased or has expired there\. Of the rest: docs/\S+ says why that can be\.\n",
        moved.stderr,
    ), moved.stderr
    assert other.http.get(path).status_code == 404

    # And it comes again when its tombstone is lifted
    assert tracker(*erase, "--lift").returncode == 0
    tracker(*move)
    assert other.http.get(path).status_code == 200


def test_an_export_is_a_file_that_the_other_imports(stack: Stack, other: Stack, tracker: Run, home: ClaudeHome, tmp_path: Path) -> None:
    session_id = home.transcript(1).stem
    assert tracker("import", "--quiet", "--user", "zoe").returncode == 0
    target = tmp_path / "zoe.zip"

    done = tracker("export", "--everything", "--user", "zoe", "-o", target)

    assert done.returncode == 0, done.stderr
    [written] = [each for each in stack.http.get("/api/exports").json()["items"] if each["selection"] == {"user": "zoe"}]
    assert sha256(target.read_bytes()).hexdigest() == written["sha256"]
    with zipfile.ZipFile(target) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert archive.namelist()[0] == "tracker-export.json"
    assert (manifest["selection"], manifest["counts"]["sessions"]) == ({"user": "zoe"}, 1)
    # Whose it is, the export says, not who imports it.
    assert tracker("import", target, "--user", "somebody", "--url", str(other.http.base_url), "--quiet").returncode == 0
    assert other.http.get(f"/api/sessions/{session_id}").json()["user"] == "zoe"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("export", "--everything"), "needs a file"),
        (("export", "--everything", "--list", "sessions", "-o", "x"), "goes without"),
        (("export", "--everything", "--user", "a", "--project", "b", "-o", "x"), "not with both"),
        (("move", "--to", "http://127.0.0.1:1", "--user", "a", "--project", "b"), "exclude each other"),
    ],
)
def test_options_that_contradict_each_other_are_refused(tracker: Run, arguments: tuple[str, ...], reason: str) -> None:
    done = tracker(*arguments)

    assert done.returncode == 2
    assert reason in " ".join(done.stderr.replace("│", " ").split())


def test_a_tracker_that_is_not_there_is_told_before_anything_is_exported(stack: Stack, tracker: Run) -> None:
    exports = len(stack.http.get("/api/exports").json()["items"])

    done = tracker("move", "--to", "http://127.0.0.1:9")

    assert done.returncode == 3
    assert "http://127.0.0.1:9" in done.stderr
    assert len(stack.http.get("/api/exports").json()["items"]) == exports
