"""How `tracker` ends: without a server, with wrong usage, interrupted; and its other commands."""

import json
import os
import socket
import subprocess
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import psycopg
import pytest

from client.errors import Interrupted
from client.history.claude_files import find
from client.history.hash_cache import HashCache
from client.history.importing import Importer
from client.history.jobs import COUNTS, Job, follow
from client.http.server import Server
from client.output.display import Phase, Quiet
from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import REPOSITORY, Run, Stack
from tests.forked_tracker import TrackerForks
from tests.skips import needs
from tests.unit.client.scripted_server import Scripted, answer

JOB = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"


def test_an_unreachable_server_is_reported_in_one_sentence(tracker: Run, home: ClaudeHome) -> None:
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
        ["import", "--watch", "/"],
        ["import", "--what"],
        ["ship", "--within", "inf"],
        ["ship", "--forever", "--once"],
        ["undo", "x"],
        ["cancel", ""],
        ["undo", "abc"],
        ["dead-letters", "show", "x"],
        ["keys", "create", "--name", "x", "--scope", "everything"],
        ["what"],
    ],
)
def test_wrong_usage_is_exit_code_2(tracker: Run, arguments: list[str]) -> None:
    assert tracker(*arguments).returncode == 2


def test_missing_claude_code_data_is_reported_with_the_searched_paths(tracker: Run, home: ClaudeHome) -> None:
    done = tracker("import", COLUMNS="300")
    assert done.returncode == 2
    assert str(home.path / ".claude.json") in done.stderr


@pytest.mark.parametrize("names", [(), ("other.jsonl", "notes.txt")])
@pytest.mark.parametrize("option", ["--quiet", "--json", "--dry-run"])
def test_a_folder_without_importable_files_is_wrong_usage(tracker: Run, tmp_path: Path, names: tuple[str, ...], option: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in names:
        (folder / name).write_text('{"not": "ours"}\n')
    done = tracker("import", option, folder)
    assert done.returncode == 2
    assert f"nothing to import at {folder}" in done.stderr
    assert "transcripts (*.jsonl)" in done.stderr
    assert done.stdout == ""


def test_verify_explains_its_numbers_and_reports_a_lost_event(tracker: Run, stack: Stack) -> None:
    # Given an event that is stored
    call = {"tool_name": "Bash", "result_status": "success", "user": "nobody-has-this-name"}
    start = {"project_path": "/home/ann/accounts", "session_id": "accounts", "user": call["user"]}
    assert stack.http.post("/api/sessions/start", json=start, headers={"Prefer": "wait=30"}).json()["status"] == "persisted"
    assert stack.http.post("/api/tool-calls", json=call, headers={"Prefer": "wait=30"}).json()["status"] == "persisted"

    # When it is asked, then the equation holds
    said = tracker("verify")
    assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "No event is lost: every accepted event is accounted for.")
    assert "Imported history is not in these numbers" in said.stdout
    sums = json.loads(tracker("verify", "--json").stdout)
    assert sums["accepted"] == sums["persisted"] + sums["duplicate"] + sums["dead"] + sums["pending"]

    # And when an event is counted that was never accepted, then it does not
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        # For every epoch: another test may have replaced the journal of this shared stack, and a former epoch is in no number.
        connection.execute("INSERT INTO accounts (epoch, slot, dead) SELECT DISTINCT epoch, -1, 1000 FROM accounts")
        said = tracker("verify")
        connection.execute("DELETE FROM accounts WHERE slot = -1")
    assert said.returncode == 1
    assert "events are missing or counted twice" in said.stdout


def test_jobs_are_listed_and_impossible_actions_are_refused(tracker: Run, home: ClaudeHome) -> None:
    home.transcript()
    [job] = json.loads(tracker("import", "--json").stdout)["jobs"]
    assert json.loads(tracker("jobs", "--json", "--limit", "1").stdout)[0]["job_id"] == job["job_id"]
    listed = tracker("jobs").stdout
    assert job["job_id"] in listed
    assert "~/.claude" in listed
    of_action = (("cancel", job["job_id"], "The job has already ended"), ("retry", job["job_id"][:-1], "Only a failed job"))
    for action, name, reason in of_action:
        done = tracker(action, name)
        assert done.returncode == 1
        assert reason in done.stderr
    assert tracker("undo", "00000000-0000-0000-0000-000000000000").returncode == 1


def test_an_import_ends_with_what_it_stored_and_its_state(tracker: Run, home: ClaudeHome) -> None:
    home.transcript()
    said = tracker("import", "--quiet").stdout
    assert "Seen twice, stored once" in said
    assert said.split()[-1] == "imported"
    done = tracker("undo", "ffff-0000")
    assert (done.returncode, done.stderr) == (1, "There is no job ffff-0000; `tracker jobs` lists them.\n")


def test_a_beginning_of_two_ids_is_refused(forks: TrackerForks) -> None:
    jobs = [{"job_id": JOB}, {"job_id": JOB[:-1] + "2"}]
    with Scripted(answer(200, {"items": jobs, "next_cursor": None})) as scripted:
        done = forks.run(["undo", JOB[:8], "--url", scripted.url], env=os.environ)
    assert done.returncode == 1
    assert f"2 jobs begin with {JOB[:8]}: {JOB}, " in done.stderr
    assert [method for method, _, _ in scripted.seen] == ["GET"]


def test_an_undo_can_be_awaited_and_is_shown_as_an_undo(tracker: Run, home: ClaudeHome, stack: Stack) -> None:
    home.transcript()
    [job] = json.loads(tracker("import", "--json").stdout)["jobs"]

    # The beginning of its id is enough.
    done = tracker("undo", job["job_id"][:-2], "--wait")

    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "Undo: 100%")
    assert f"Undone: what job {job['job_id']} imported is removed" in done.stdout
    undoing, undone = json.loads(tracker("jobs", "--json", "--limit", "2").stdout)
    assert (undoing["kind"], undoing["status"], undoing["undoes"]) == ("undo", "succeeded", job["job_id"])
    assert undone["undone_at"] is not None
    listed = tracker("jobs", "--limit", "2").stdout
    states = [" ".join(line.split()[4:6]) for line in listed.splitlines()[2:4]]
    assert (states[0], states[1].split()[0]) == ("undo done", "undone")
    assert f"{undoing['job_id']} removed what {job['job_id']} imported." in listed
    # Asked again, it is the same undo, which has ended.
    assert json.loads(tracker("undo", job["job_id"], "--wait", "--json").stdout)["job_id"] == undoing["job_id"]


def test_a_wait_that_ends_in_failure_is_exit_code_1(forks: TrackerForks) -> None:
    failed = dict.fromkeys(COUNTS, 0) | {"job_id": JOB, "kind": "undo", "status": "failed", "progress": 0.5, "errors_total": 1}
    failed["undoes"] = JOB
    failed["errors"] = [{"file": "", "code": "GIVEN_UP", "message": "It never got on."}]
    changed = answer(202, {"job_id": JOB, "status": "queued", "message": "Under way."})
    with Scripted(changed, answer(200, failed)) as scripted:
        done = forks.run(["undo", JOB, "--wait", "--url", scripted.url], env=os.environ)
    assert done.returncode == 1
    assert f"The undo {JOB} failed." in done.stdout
    assert "It never got on." in done.stdout


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


def test_ctrl_c_during_the_import_reports_that_the_job_continues(stack: Stack, tracker: Run, home: ClaudeHome) -> None:
    home.transcript()
    [job] = json.loads(tracker("import", "--json").stdout)["jobs"]

    def interrupt(_: Job) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=f"{job['job_id']} continues .*tracker cancel {job['job_id']}"):
        follow(Server(str(stack.http.base_url), None, lambda _: None), job["job_id"], interrupt)


@needs(".venv")
def test_the_command_of_a_clone_works_from_any_folder(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "client").mkdir()
    (tmp_path / "client/__init__.py").write_text("raise SystemExit('not me')")
    (tmp_path / "linked").symlink_to(REPOSITORY / "tracker")
    done = subprocess.run([tmp_path / "linked", "--help"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "import" in done.stdout
    # A hint names the command as it was called.
    for command in ("./linked", str(tmp_path / "linked")):
        done = subprocess.run([command, "show", "no-such"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.stderr == f"There is no session no-such; `{command} sessions` lists them.\n"
