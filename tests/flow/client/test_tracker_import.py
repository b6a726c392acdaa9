"""`tracker import` as a user runs it, against the running pipeline: what is sent, what is not, and the result."""

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from deploy.embedded.supervision.processes import wait_until
from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Run, Stack
from tests.skips import needs


def imported(done: "subprocess.CompletedProcess[str]", exit_code: int = 0) -> dict[str, Any]:
    assert done.returncode == exit_code, done.stderr + done.stdout
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def counts(result: dict[str, Any], *names: str) -> list[int]:
    return [result[name] for name in names]


def test_claude_code_data_is_imported_and_a_second_run_sends_nothing(tracker: Run, home: ClaudeHome) -> None:
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


def test_only_a_grown_file_is_sent_and_only_new_rows_are_added(tracker: Run, home: ClaudeHome) -> None:
    home.transcript(2)
    grows = home.transcript(1)
    tracker("import")
    home.grow(grows)

    result = imported(tracker("import", "--json"))

    assert counts(result, "files_sent", "files_known", "sessions_imported", "tool_calls_imported") == [1, 1, 0, 1]
    assert result["duplicates"] > 0


def test_known_files_are_not_sent_without_the_local_cache(tracker: Run, home: ClaudeHome, tmp_path: Path) -> None:
    home.transcript()
    tracker("import")
    result = imported(tracker("import", "--json", XDG_CACHE_HOME=str(tmp_path / "another")))
    assert counts(result, "files_sent", "files_known") == [0, 1]


def test_a_dry_run_reports_the_plan_and_sends_nothing(tracker: Run, home: ClaudeHome, stack: Stack) -> None:
    known, new = home.transcript(), home.transcript()
    tracker("import", known)
    jobs = stack.select("SELECT count(*) FROM import_jobs")

    plan = imported(tracker("import", "--dry-run", "--json"))
    shown = tracker("import", "--dry-run")

    assert plan["files"] == [{"path": str(new), "bytes": new.stat().st_size}]
    assert counts(plan, "files_to_send", "files_known") == [1, 1]
    assert "Would send 1 file " in shown.stdout
    assert str(new) in shown.stdout
    assert stack.select("SELECT count(*) FROM import_jobs") == jobs


def test_the_summary_is_a_table_and_progress_is_plain_lines_without_a_terminal(tracker: Run, home: ClaudeHome) -> None:
    home.transcript()
    done = tracker("import")
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["Checking", "Upload", "Import"]
    assert "Tool calls" in done.stdout
    assert tracker("import", "--quiet").stderr == ""


def test_an_archive_is_sent_unchanged(tracker: Run, home: ClaudeHome, tmp_path: Path) -> None:
    transcript = home.transcript(1)
    with zipfile.ZipFile(tmp_path / "claude.zip", "w") as archive:
        archive.write(transcript, "projects/-home-ann-shop/a.jsonl")

    result = imported(tracker("import", "--json", "claude.zip"))

    assert counts(result, "files_sent", "sessions_imported", "tool_calls_imported") == [1, 1, 1]
    assert imported(tracker("import", "--json", transcript))["files_known"] == 1


def test_an_import_belongs_to_the_named_user(tracker: Run, home: ClaudeHome, stack: Stack) -> None:
    tracker("import", "--user", "Grace Höpper", home.transcript())
    job = stack.select("SELECT user_name FROM import_jobs ORDER BY created_at DESC LIMIT 1")
    assert job == [("Grace Höpper",)]


def test_bad_lines_are_reported_with_their_place_and_the_rest_is_imported(tracker: Run, home: ClaudeHome) -> None:
    broken = home.transcript(1)
    with broken.open("a") as file:
        file.write("{broken\n")
    home.grow(broken)

    done = tracker("import")

    assert done.returncode == 0
    assert f"{broken.name}:5: " in done.stdout


def test_an_unknown_file_fails_by_name_and_the_others_are_imported(tracker: Run, home: ClaudeHome, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    result = imported(tracker("import", "--json", "notes.txt", home.transcript()), exit_code=1)
    assert not result["success"]
    assert counts(result, "files_sent", "tool_calls_imported") == [1, 1]
    assert [problem["file"] for problem in result["problems"]] == [str(tmp_path / "notes.txt")]


@needs("a plain user")
def test_an_unreadable_file_is_reported_and_the_others_are_imported(tracker: Run, home: ClaudeHome) -> None:
    home.transcript()
    home.transcript().chmod(0)
    result = imported(tracker("import", "--json"), exit_code=1)
    assert counts(result, "files_sent") == [1]
    assert "ermission" in result["problems"][0]["message"]


def test_undone_files_are_sent_again(tracker: Run, home: ClaudeHome, stack: Stack) -> None:
    home.transcript()
    first = imported(tracker("import", "--json"))
    [job] = first["jobs"]
    undoing = json.loads(tracker("undo", job["job_id"], "--json").stdout)
    assert wait_until(lambda: stack.http.get(f"/api/import/jobs/{undoing['job_id']}").json()["status"] == "succeeded", 60)

    again = imported(tracker("import", "--json"))

    names = ("files_sent", "sessions_imported", "conversations_imported", "tool_calls_imported")
    assert counts(again, *names) == counts(first, *names)
    assert again["jobs"] != first["jobs"]
