"""Reading claude.json: what is taken from it, what never is, and what a damaged one gives."""

import io
import json
from typing import Any

import pytest

from services.worker.importers.claude_json import RecordError, read_claude_json
from shared.messages import HistoryPrompt, ProjectSeen, SessionSnapshot
from tests.unit.worker.claude_json_sample import SECRET, SESSION, canary_file


def read(content: bytes) -> list[Any]:
    return list(read_claude_json(io.BytesIO(content), "ann"))


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
