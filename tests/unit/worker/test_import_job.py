"""Importing claude.json: what is taken from it, what never is, and that a second time adds nothing."""

import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from services.worker.importers import job
from services.worker.importers.claude_json import RecordError, read_claude_json
from services.worker.resources import Resources
from services.worker.verify import verify
from shared.messages import HistoryPrompt, ProjectSeen, SessionSnapshot

SESSION = {
    "lastSessionId": "8c4bd70d-dc17-4bcf-9b4d-c4bddd3fac2a",
    "lastCost": 14.5,
    "lastDuration": 92_520_000,
    "lastAPIDuration": 45_210,
    "lastToolDuration": 2_010,
    "lastLinesAdded": 350,
    "lastLinesRemoved": 115,
    "lastTotalInputTokens": 120,
    "lastTotalOutputTokens": 960,
    "lastTotalCacheCreationInputTokens": 200,
    "lastTotalCacheReadInputTokens": 3840,
    "lastModelUsage": {"small": {"outputTokens": 3}, "large": {"outputTokens": 957}},
}
SECRET = "sk-canary-"


def canary_file() -> dict[str, Any]:
    """A claude.json with a different secret in each place where one is known to occur (FORMATS: secrets an importer must never store)."""
    places: dict[str, Any] = {
        "oauthAccount": {"emailAddress": SECRET + "01", "accountUuid": SECRET + "02"},
        "primaryApiKey": SECRET + "03",
        "customApiKeyResponses": {"approved": [SECRET + "04"], "rejected": [SECRET + "05"]},
        "apiKeyHelper": SECRET + "06",
        "env": {"TOKEN": SECRET + "07"},
        "mcpServers": {
            "a": {"env": {"T": SECRET + "08"}, "headers": {"Authorization": SECRET + "09"}, "args": [SECRET + "10"], "url": SECRET + "11"}
        },
        "userID": SECRET + "12",
        "machineID": SECRET + "13",
        "anonymousId": SECRET + "14",
        "passesEligibilityCache": {"org": {"referral_code_details": {"code": SECRET + "15"}}},
        "groveConfigCache": {SECRET + "16": 1},
        "githubRepoPaths": {SECRET + "17": ["/x"]},
        "bridgeOauthDeadExpiresAt": SECRET + "18",
    }
    project = SESSION | {
        "mcpServers": {"b": {"oauth": SECRET + "19", "url": "https://x/?key=" + SECRET + "20"}},
        "history": [{"display": "hello", "pastedContents": {"1": {"id": 1, "type": "text", "content": SECRET + "21"}}}],
        "lastSessionFirstPrompt": SECRET + "22",
        "env": {"X": SECRET + "23"},
    }
    return places | {"projects": {"/work/app": project}}


def read(content: bytes) -> list[Any]:
    return list(read_claude_json(io.BytesIO(content), "ann"))


def start_job(worker: Resources, folder: Path, *contents: bytes) -> UUID:
    job_id = uuid4()
    files = []
    for n, content in enumerate(contents):
        path = folder / f"{job_id}-{n}"
        path.write_bytes(content)
        files.append({"name": f"{n}.json", "blob_url": path.as_uri(), "bytes": len(content), "kind": "claude_json"})
    with psycopg.connect(worker.settings.database_url) as connection:
        connection.execute(
            "INSERT INTO import_jobs (id, files, user_name, bytes_total) VALUES (%s, %s, 'ann', %s)",
            [job_id, json.dumps(files), sum(map(len, contents))],
        )
    return job_id


def imported(worker: Resources, job_id: UUID) -> dict[str, Any]:
    job.run(worker, job_id)
    with psycopg.connect(worker.settings.database_url, row_factory=psycopg.rows.dict_row) as connection:
        found = connection.execute("SELECT * FROM import_jobs WHERE id = %s", [job_id]).fetchone()
    assert found is not None
    return found


def test_a_session_is_what_claude_json_says_of_it_and_its_date_stays_unknown() -> None:
    project, snapshot = read(json.dumps({"projects": {"C:\\src\\app\\": SESSION}}).encode())

    assert project == ProjectSeen(project_path="C:/src/app", id=project.id)
    assert snapshot == SessionSnapshot(
        project_path="C:/src/app",
        session_id="8c4bd70d-dc17-4bcf-9b4d-c4bddd3fac2a",
        id=snapshot.id,
        user="ann",
        model="large",
        wall_duration_ms=92_520_000,
        api_duration_ms=45_210,
        tool_duration_ms=2_010,
        lines_added=350,
        lines_removed=115,
        input_tokens=120,
        output_tokens=960,
        cache_creation_tokens=200,
        cache_read_tokens=3840,
        cost_nano_usd=14_500_000_000,
    )


def test_no_secret_leaves_the_reader() -> None:
    assert SECRET not in repr(read(json.dumps(canary_file()).encode()))


def test_equal_prompts_are_different_messages_with_the_same_ids_in_a_later_file() -> None:
    def prompts(*displays: str) -> list[HistoryPrompt]:
        content = json.dumps({"projects": {"/p": {"history": [{"display": d} for d in displays]}}}).encode()
        return [event for event in read(content) if isinstance(event, HistoryPrompt)]

    before, after = prompts("go on", "fix it", "go on"), prompts("thanks", "go on", "fix it", "go on")

    assert len({prompt.id for prompt in before}) == 3
    assert {prompt.id for prompt in before} < {prompt.id for prompt in after}


@pytest.mark.parametrize(
    "project", [None, [], "text", 7, {}, {"lastSessionId": None}, {"lastSessionId": 5, "history": None}, {"history": [None, 3, {}]}]
)
def test_a_corrupt_project_is_a_project_without_a_session(project: Any) -> None:
    events = read(json.dumps({"projects": {"/p": project, "/q": {}}}).encode())
    assert [event.project_path for event in events] == ["/p", "/q"]


def test_a_relative_path_is_an_error_of_its_record_alone() -> None:
    error, project = read(b'{"projects": {"src/app": {}, "/p": {}}}')
    assert isinstance(error, RecordError)
    assert error.code == "INVALID_PROJECT_PATH"
    assert project.project_path == "/p"


def test_a_truncated_file_gives_what_is_before_the_damage_and_its_place() -> None:
    whole = json.dumps({"projects": {f"/p{n}": SESSION for n in range(50)}}).encode()
    events = read(whole[: len(whole) // 2])
    assert isinstance(events[-1], RecordError)
    assert events[-1].code == "INVALID_JSON"
    assert len([event for event in events if isinstance(event, ProjectSeen)]) >= 24


@pytest.mark.parametrize("number", [-1, 1e300, "7", None, True, [], {}])
def test_a_number_that_is_none_is_left_out(number: Any) -> None:
    _, snapshot = read(json.dumps({"projects": {"/p": SESSION | {"lastLinesAdded": number, "lastCost": number}}}).encode())
    assert (snapshot.lines_added, snapshot.cost_nano_usd) == (None, None)


@pytest.mark.parametrize("digits", [30, 5_000])
def test_a_number_that_no_machine_holds_is_damage_and_no_crash(digits: int) -> None:
    project, error = read(b'{"projects": {"/p": {}, "/q": {"lastCost": ' + b"9" * digits + b"}}}")
    assert project.project_path == "/p"
    assert (type(error), error.code) == (RecordError, "INVALID_JSON")


def test_an_import_counts_what_is_new_and_the_same_file_again_is_all_duplicates(worker: Resources, tmp_path: Path) -> None:
    content = json.dumps({"projects": {"/p": SESSION | {"history": [{"display": "hi"}]}, "/q": None}}).encode()

    first, second = imported(worker, start_job(worker, tmp_path, content)), imported(worker, start_job(worker, tmp_path, content))

    counts = ("status", "projects_imported", "sessions_imported", "conversations_imported", "duplicates", "errors_total")
    assert [first[name] for name in counts] == ["succeeded", 2, 1, 1, 0, 0]
    assert [second[name] for name in counts] == ["succeeded", 0, 0, 0, 4, 0]


def test_an_undated_session_counts_but_adds_no_time_and_no_day(worker: Resources, tmp_path: Path) -> None:
    imported(worker, start_job(worker, tmp_path, json.dumps({"projects": {"/p": SESSION}}).encode()))

    with psycopg.connect(worker.settings.database_url) as connection:
        rows = connection.execute(
            "SELECT grain_minutes, bucket_start::text, sessions, wall_us, lines_added, input_tokens, cost_nano_usd FROM activity_rollups"
            " WHERE project_id = -1 AND user_id = -1 ORDER BY 1"
        ).fetchall()
        connection.rollback()
        connection.autocommit = True
        assert set(verify(connection, worker.idle_gap).values()) == {0}
    assert rows == [(grain, "-infinity", 1, 0, 350, 120, 14_500_000_000) for grain in (0, 15, 60, 1440)]


def test_later_files_raise_a_sessions_numbers_and_never_add_them(worker: Resources, tmp_path: Path) -> None:
    later = SESSION | {"lastCost": 20.25, "lastLinesAdded": 400, "lastTotalInputTokens": 100, "lastSessionModified": 1_779_118_462_414}

    imported(worker, start_job(worker, tmp_path, json.dumps({"projects": {"/p": SESSION}}).encode()))
    second = imported(worker, start_job(worker, tmp_path, json.dumps({"projects": {"/p": later}}).encode()))

    assert (second["sessions_imported"], second["sessions_updated"]) == (0, 1)
    with psycopg.connect(worker.settings.database_url) as connection:
        assert connection.execute(
            "SELECT lines_added, input_tokens, cost_nano_usd, wall_us, dated_at = ended_at FROM sessions"
        ).fetchall() == [(400, 120, 20_250_000_000, 0, True)]


def test_a_damaged_file_fails_its_job_and_the_other_file_is_imported(worker: Resources, tmp_path: Path) -> None:
    good, bad = json.dumps({"projects": {"/p": SESSION}}).encode(), b'{"projects": {"/q": {}, "/r'

    result = imported(worker, start_job(worker, tmp_path, bad, good))

    assert result["status"] == "failed"
    assert [(error["file"], error["code"]) for error in result["errors"]] == [("0.json", "INVALID_JSON")]
    assert result["sessions_imported"] == 1


def test_a_job_is_taken_by_one_worker_only_until_its_lease_runs_out(worker: Resources, tmp_path: Path) -> None:
    job_id = start_job(worker, tmp_path, b"{}")
    with psycopg.connect(worker.settings.database_url, autocommit=True) as connection:
        connection.execute("UPDATE import_jobs SET status = 'running', lease_expires_at = now() + interval '1 minute'")
        assert imported(worker, job_id)["status"] == "running"
        assert job.abandoned(worker) == []

        connection.execute("UPDATE import_jobs SET lease_expires_at = now() - interval '1 second'")
        assert job.abandoned(worker) == [job_id]
    assert imported(worker, job_id)["status"] == "succeeded"
    assert job.abandoned(worker) == []


def test_the_upload_is_deleted_when_the_job_is_finished(worker: Resources, tmp_path: Path) -> None:
    imported(worker, start_job(worker, tmp_path, json.dumps(canary_file()).encode()))

    assert list(tmp_path.iterdir()) == []
