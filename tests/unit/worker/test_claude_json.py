"""Reading claude.json: what is taken, what never is, and what a damaged file still gives."""

import io
import json
from typing import Any

import pytest

from services.worker.importers.formats.claude_json import read_claude_json
from services.worker.persist.records import DAMAGED, FileSummary, Message, ProjectSeen, RecordError, SessionFacts
from tests.unit.worker.claude_json_sample import SECRET, SESSION, canary_file


def read(content: bytes) -> list[Any]:
    """All but the summary, which comes last."""
    *records, summary = read_claude_json(io.BytesIO(content), user="ann")
    assert isinstance(summary, FileSummary)
    assert sum(summary.records.values()) == len([r for r in records if not isinstance(r, RecordError) or r.code != DAMAGED])
    return records


def test_a_session_takes_its_totals_from_claude_json_and_stays_undated() -> None:
    project, facts = read(json.dumps({"projects": {"C:\\src\\app\\": SESSION}}).encode())

    assert project == ProjectSeen(id=project.id, project_path="C:/src/app")
    assert facts == SessionFacts(
        id=facts.id,
        session_id="8c4bd70d-dc17-4bcf-9b4d-c4bddd3fac2a",
        source="claude.json",
        project_path="C:/src/app",
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


def test_a_session_takes_its_dates_from_the_file() -> None:
    times = {"lastStartTime": 1_789_398_960_924, "lastSessionModified": 1_789_399_960_000}
    _, facts = read(json.dumps({"projects": {"/p": SESSION | times}}).encode())
    _, begun = read(json.dumps({"projects": {"/p": SESSION | {"lastStartTime": 1_789_398_960_924}}}).encode())
    assert (facts.started_at.timestamp(), facts.ended_at.timestamp()) == (1_789_398_960.924, 1_789_399_960)
    assert begun.started_at == begun.ended_at == facts.started_at


def test_record_ids_depend_on_the_session_totals_alone() -> None:
    ids = [read(json.dumps({"projects": {"/p": SESSION | more}}).encode())[1].id for more in ({}, {"numStartups": 2}, {"lastCost": 15})]
    assert ids[0] == ids[1] != ids[2]


def test_a_byte_order_mark_is_skipped_and_a_read_error_names_its_place() -> None:
    assert [type(record) for record in read(b'\xef\xbb\xbf{"projects": {"/p": {}}}')] == [ProjectSeen]

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 10:
                raise OSError("the archive ends here")
            return super().read(size)

    [error, _] = read_claude_json(Broken(b'{"projects": {"/p": '), user=None)
    assert isinstance(error, RecordError)
    assert (error.code, error.offset) == (DAMAGED, 20)


def test_no_secret_of_the_file_is_in_any_record() -> None:
    assert SECRET not in repr(read(json.dumps(canary_file()).encode()))


def test_equal_prompts_get_distinct_ids_that_are_stable_across_files() -> None:
    def prompts(*displays: str) -> list[Message]:
        content = json.dumps({"projects": {"/p": {"history": [{"display": d} for d in displays]}}}).encode()
        return [event for event in read(content) if isinstance(event, Message)]

    before, after = prompts("go on", "fix it", "go on"), prompts("thanks", "go on", "fix it", "go on")

    assert len({prompt.id for prompt in before}) == 3
    assert {prompt.id for prompt in before} < {prompt.id for prompt in after}


@pytest.mark.parametrize(
    "project", [None, [], "text", 7, {}, {"lastSessionId": None}, {"lastSessionId": 5, "history": None}, {"history": [None, 3, {}]}]
)
def test_a_corrupt_project_entry_gives_a_project_without_session(project: Any) -> None:
    events = read(json.dumps({"projects": {"/p": project, "/q": {}}}).encode())
    assert [event.project_path for event in events] == ["/p", "/q"]


def test_a_relative_project_path_is_an_error_of_that_record_only() -> None:
    error, project = read(b'{"projects": {"src/app": {}, "/p": {}}}')
    assert isinstance(error, RecordError)
    assert error.code == "INVALID_PROJECT_PATH"
    assert project.project_path == "/p"


def test_a_truncated_file_gives_its_records_up_to_the_damage() -> None:
    whole = json.dumps({"projects": {f"/p{n}": SESSION for n in range(50)}}).encode()
    events = read(whole[: len(whole) // 2])
    assert isinstance(events[-1], RecordError)
    assert events[-1].code == DAMAGED
    assert len([event for event in events if isinstance(event, ProjectSeen)]) >= 24


def test_an_overlong_utf8_character_is_reported_as_damage() -> None:
    whole = json.dumps({"projects": {"/p0": SESSION, "/p1": SESSION}}).encode()
    events = read(whole.replace(b"/p1", b"/p\xc0\x8e"))
    assert [type(event).__name__ for event in events] == ["ProjectSeen", "SessionFacts", "RecordError"]
    assert events[-1].code == DAMAGED


@pytest.mark.parametrize("number", [-1, "7", None, True, [], {}])
def test_an_invalid_number_is_left_out(number: Any) -> None:
    _, facts = read(json.dumps({"projects": {"/p": SESSION | {"lastLinesAdded": number, "lastCost": number}}}).encode())
    assert (facts.lines_added, facts.cost_nano_usd) == (None, None)


@pytest.mark.parametrize("digits", [30, 5_000])
def test_a_number_of_thousands_of_digits_is_reported_as_damage(digits: int) -> None:
    project, error = read(b'{"projects": {"/p": {}, "/q": {"lastCost": ' + b"9" * digits + b"}}}")
    assert project.project_path == "/p"
    assert (type(error), error.code) == (RecordError, DAMAGED)
