"""`tracker import` as a person runs it: a process, its output, its exit code, against the running pipeline."""

import json
import os
import signal
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from client.claude_files import find
from client.display import Phase, Quiet
from client.errors import Interrupted
from client.hash_cache import HashCache
from client.importing import Importer
from client.jobs import Job, follow
from client.server import Server
from deploy.embedded.processes import wait_until
from tests.flow.claude_home import ClaudeHome
from tests.flow.conftest import REPOSITORY, Stack

Run = Callable[..., "subprocess.CompletedProcess[str]"]
# What ./tracker and the installed `tracker` run.
TRACKER = [sys.executable, "-P", "-m", "client"]


@pytest.fixture
def home(tmp_path: Path) -> ClaudeHome:
    return ClaudeHome(tmp_path / "home")


@pytest.fixture
def environment(stack: Stack, home: ClaudeHome) -> dict[str, str]:
    """Of a person whose home it is; nothing of the machine's own is touched."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKER_", "CLAUDE_", "XDG_"))}
    return kept | {"HOME": str(home.path), "TRACKER_URL": str(stack.http.base_url), "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture
def tracker(environment: dict[str, str], tmp_path: Path) -> Run:
    def run(*arguments: str | Path, **changes: str) -> "subprocess.CompletedProcess[str]":
        command = [*TRACKER, *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment | changes, capture_output=True, text=True, timeout=90, check=False)

    return run


def imported(done: "subprocess.CompletedProcess[str]", exit_code: int = 0) -> dict[str, Any]:
    assert done.returncode == exit_code, done.stderr + done.stdout
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def counts(result: dict[str, Any], *names: str) -> list[int]:
    return [result[name] for name in names]


def test_what_claude_code_keeps_is_imported_and_again_nothing_is_sent(tracker: Run, home: ClaudeHome) -> None:
    home.transcript(2)
    home.transcript(1)
    home.history()
    home.claude_json()
    (home.path / ".claude/.credentials.json").write_text('{"claudeAiOauth": {"accessToken": "canary"}}')
    (home.path / ".claude/other.jsonl").write_text('{"not": "ours"}\n')

    first, second = imported(tracker("import", "--json")), imported(tracker("import", "--json"))

    files = ("files_sent", "files_known")
    assert counts(first, *files, "tool_calls_imported", "errors_total") == [4, 0, 3, 0]
    assert first["success"]
    assert counts(second, *files, "tool_calls_imported") == [0, 4, 0]
    assert second["jobs"] == []


def test_of_a_session_that_grew_only_its_file_is_sent_and_only_what_is_new_is_added(tracker: Run, home: ClaudeHome) -> None:
    home.transcript(2)
    grows = home.transcript(1)
    tracker("import")
    home.grow(grows)

    result = imported(tracker("import", "--json"))

    assert counts(result, "files_sent", "files_known", "sessions_imported", "tool_calls_imported") == [1, 1, 0, 1]
    assert result["duplicates"] > 0


def test_without_the_cache_the_server_still_knows(tracker: Run, home: ClaudeHome, tmp_path: Path) -> None:
    home.transcript()
    tracker("import")
    result = imported(tracker("import", "--json", XDG_CACHE_HOME=str(tmp_path / "another")))
    assert counts(result, "files_sent", "files_known") == [0, 1]


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(tracker: Run, home: ClaudeHome, stack: Stack) -> None:
    known, new = home.transcript(), home.transcript()
    tracker("import", known)
    jobs = stack.select("SELECT count(*) FROM import_jobs")

    plan = imported(tracker("import", "--dry-run", "--json"))
    shown = tracker("import", "--dry-run")

    assert plan["files"] == [{"path": str(new), "bytes": new.stat().st_size}]
    assert counts(plan, "files_to_send", "files_known") == [1, 1]
    assert "Would send 1 files" in shown.stdout
    assert str(new) in shown.stdout
    assert stack.select("SELECT count(*) FROM import_jobs") == jobs


def test_the_summary_is_a_table_and_progress_is_lines_where_there_is_no_terminal(tracker: Run, home: ClaudeHome) -> None:
    home.transcript()
    done = tracker("import")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["Checking", "Upload", "Import"]
    assert "Tool calls" in done.stdout
    assert tracker("import", "--quiet").stderr == ""


def test_an_archive_is_sent_as_it_is(tracker: Run, home: ClaudeHome, tmp_path: Path) -> None:
    transcript = home.transcript(1)
    with zipfile.ZipFile(tmp_path / "claude.zip", "w") as archive:
        archive.write(transcript, "projects/-home-ann-shop/a.jsonl")

    result = imported(tracker("import", "--json", "claude.zip"))

    assert counts(result, "files_sent", "sessions_imported", "tool_calls_imported") == [1, 1, 1]
    assert imported(tracker("import", "--json", transcript))["files_known"] == 1


def test_the_user_is_who_runs_it_or_who_is_named(tracker: Run, home: ClaudeHome, stack: Stack) -> None:
    tracker("import", "--user", "Grace Höpper", home.transcript())
    job = stack.select("SELECT user_name FROM import_jobs ORDER BY created_at DESC LIMIT 1")
    assert job == [("Grace Höpper",)]


def test_lines_that_are_broken_are_told_with_their_place_and_the_rest_is_imported(tracker: Run, home: ClaudeHome) -> None:
    broken = home.transcript(1)
    with broken.open("a") as file:
        file.write("{broken\n")
    home.grow(broken)

    done = tracker("import")

    assert done.returncode == 0
    assert f"{broken.name}:5: " in done.stdout


def test_a_file_that_is_nothing_we_know_fails_by_name_and_the_others_are_imported(tracker: Run, home: ClaudeHome, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    result = imported(tracker("import", "--json", "notes.txt", home.transcript()), exit_code=1)
    assert not result["success"]
    assert counts(result, "files_sent", "tool_calls_imported") == [1, 1]
    assert [problem["file"] for problem in result["problems"]] == [str(tmp_path / "notes.txt")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_told_and_the_others_are_imported(tracker: Run, home: ClaudeHome) -> None:
    home.transcript()
    home.transcript().chmod(0)
    result = imported(tracker("import", "--json"), exit_code=1)
    assert counts(result, "files_sent") == [1]
    assert "ermission" in result["problems"][0]["message"]


def test_without_a_server_it_says_so_in_one_sentence(tracker: Run, home: ClaudeHome) -> None:
    home.transcript()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    done = tracker("import", "--quiet", "--url", url)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert url in done.stderr
    assert "make up" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", "/no/such/path"],
        ["import", "--url", "ftp://x", "/"],
        ["import", "--watch", "--dry-run", "/"],
        ["import", "--what"],
        ["what"],
    ],
)
def test_wrong_usage_is_exit_code_2(tracker: Run, arguments: list[str]) -> None:
    assert tracker(*arguments).returncode == 2


def test_without_anything_of_claude_code_it_says_where_it_looked(tracker: Run, home: ClaudeHome) -> None:
    done = tracker("import", COLUMNS="300")
    assert done.returncode == 2
    assert str(home.path / ".claude.json") in done.stderr


def test_what_was_undone_is_sent_again(tracker: Run, home: ClaudeHome, stack: Stack) -> None:
    home.transcript()
    first = imported(tracker("import", "--json"))
    [job] = first["jobs"]
    undoing = json.loads(tracker("undo", job["job_id"], "--json").stdout)
    assert wait_until(lambda: stack.http.get(f"/api/import/jobs/{undoing['job_id']}").json()["status"] == "succeeded", 30)

    again = imported(tracker("import", "--json"))

    names = ("files_sent", "sessions_imported", "conversations_imported", "tool_calls_imported")
    assert counts(again, *names) == counts(first, *names)
    assert again["jobs"] != first["jobs"]


def test_jobs_are_listed_and_what_cannot_be_done_with_them_is_said(tracker: Run, home: ClaudeHome) -> None:
    home.transcript()
    [job] = imported(tracker("import", "--json"))["jobs"]
    assert json.loads(tracker("jobs", "--json", "--limit", "1").stdout)[0]["job_id"] == job["job_id"]
    assert job["job_id"] in tracker("jobs").stdout
    for act in ("cancel", "retry"):
        done = tracker(act, job["job_id"])
        assert done.returncode == 1
        assert "The job is succeeded" in done.stderr
    assert tracker("undo", "00000000-0000-0000-0000-000000000000").returncode == 1


class Interrupting(Quiet):
    """Ctrl-C at the first progress of the upload."""

    def phase(self, name: str, *_: object) -> AbstractContextManager[Phase]:
        return nullcontext(_Interrupted() if name == "Upload" else Phase())


class _Interrupted(Phase):
    def at(self, *_: object) -> None:
        raise KeyboardInterrupt


def test_ctrl_c_during_an_upload_leaves_no_job(stack: Stack, home: ClaudeHome, tmp_path: Path) -> None:
    home.transcript()
    jobs = stack.select("SELECT count(*) FROM import_jobs")
    server = Server(str(stack.http.base_url), None, lambda _: None)
    importer = Importer(server, Interrupting(), HashCache(tmp_path / "cache"), None)

    with pytest.raises(Interrupted, match="keeps nothing"):
        importer.send(importer.plan(find([home.path])))

    assert stack.select("SELECT count(*) FROM import_jobs") == jobs


def test_ctrl_c_during_the_import_says_that_the_job_goes_on(stack: Stack, tracker: Run, home: ClaudeHome) -> None:
    home.transcript()
    [job] = imported(tracker("import", "--json"))["jobs"]

    def interrupt(_: Job) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=f"{job['job_id']} goes on .*tracker cancel {job['job_id']}"):
        follow(Server(str(stack.http.base_url), None, lambda _: None), job["job_id"], interrupt)


def test_watching_sends_what_grows_until_ctrl_c(environment: dict[str, str], home: ClaudeHome, stack: Stack) -> None:
    transcript = home.transcript(1)
    command = [*TRACKER, "import", "--watch", "--every", "0.2", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        first = json.loads(watching.stdout.readline())
        home.grow(transcript, 2)
        home.transcript(1)
        later = json.loads(watching.stdout.readline())
        watching.send_signal(signal.SIGINT)
        _, errors = watching.communicate(timeout=30)

    assert (watching.returncode, first["tool_calls_imported"]) == (0, 1)
    assert later["tool_calls_imported"] >= 1
    assert "Stopped watching." in errors


def test_watching_waits_for_a_server_that_is_away(environment: dict[str, str], home: ClaudeHome) -> None:
    home.transcript()
    with socket.create_server(("127.0.0.1", 0)) as unused:
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
    command = [*TRACKER, "import", "--watch", "--every", "0.2", "--url", url]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        said = next(line for line in watching.stderr if "no tracker" in line)
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=30)
    assert "Trying again every 0.2 s." in said
    assert watching.returncode == 0


@pytest.mark.skipif(not (REPOSITORY / ".venv/bin/python").exists(), reason="there is no .venv here for ./tracker to use")
def test_the_command_of_a_clone_works_from_anywhere(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "client").mkdir()
    (tmp_path / "client/__init__.py").write_text("raise SystemExit('not me')")
    (tmp_path / "linked").symlink_to(REPOSITORY / "tracker")
    done = subprocess.run([tmp_path / "linked", "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "import" in done.stdout
