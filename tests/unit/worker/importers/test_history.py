"""history.jsonl and sessions-index.json: prompts and sessions whose transcripts may be deleted."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker.importers.formats.history import read_history
from services.worker.importers.formats.sessions_index import read_sessions_index
from services.worker.persist.records import (
    DAMAGED,
    TITLE_OF_PROMPT,
    TITLE_OF_SUMMARY,
    FileSummary,
    Message,
    ProjectSeen,
    RecordError,
    SessionFacts,
)
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, errors, jsonl, of, summary

WHEN = 1_759_105_062_139
TIME = datetime(2025, 9, 29, 0, 17, 42, 139000, tzinfo=UTC)


def line(display: Any = "fix this test", **fields: Any) -> dict[str, Any]:
    return {"display": display, "pastedContents": {}, "timestamp": WHEN, "project": "/home/ann/app"} | fields


def history(*lines: dict[str, Any]) -> list[Any]:
    return history_of(jsonl(*lines))


def history_of(content: bytes) -> list[Any]:
    return list(read_history(io.BytesIO(content), user="ann"))


def test_an_old_prompt_has_project_and_time_but_no_session() -> None:
    project, message, _ = history(line(project="C:\\src\\app"))
    assert project == ProjectSeen(id=project.id, project_path="C:/src/app")
    assert (message.content, message.role, message.user, message.timestamp) == ("fix this test", "user", "ann", TIME)
    assert (message.project_path, message.session_id, message.source) == ("C:/src/app", None, "history.jsonl")


def test_a_new_prompt_names_its_session_which_is_yielded_once_before_it() -> None:
    records = history(line(sessionId=SESSION), line("and this", sessionId=SESSION, timestamp=WHEN + 5))
    [facts] = of(records, SessionFacts)
    assert records.index(facts) < records.index(of(records, Message)[0])
    assert (facts.session_id, facts.project_path, facts.started_at, facts.ended_at) == (SESSION, "/home/ann/app", TIME, None)
    assert (facts.title, facts.title_rank) == ("fix this test", TITLE_OF_PROMPT)
    assert [message.session_id for message in of(records, Message)] == [SESSION, SESSION]


def test_prompt_ids_depend_on_text_time_and_project() -> None:
    lines = [line(), line(timestamp=WHEN + 1), line(project="/elsewhere"), line("other")]
    first, again = history(*lines), history(*lines)
    assert len({message.id for message in of(first, Message)}) == 4
    assert first == again


@pytest.mark.parametrize("display", ["/clear", "/model opus", "/plugin:command x", "!ls -l"])
def test_commands_are_counted_and_give_no_messages(display: str) -> None:
    records = history(line(display))
    assert of(records, Message) == []
    assert summary(records).records == {"command": 1}


@pytest.mark.parametrize("display", ["/home/ann/app is broken", "what does / mean?", "no!"])
def test_text_that_only_resembles_a_command_is_a_message(display: str) -> None:
    assert [message.content for message in of(history(line(display)), Message)] == [display]


def test_pasted_contents_are_not_read() -> None:
    secret = {"1": {"id": 1, "type": "text", "content": "sk-ant-canary"}}
    records = history(line("use [Pasted text #1 +3 lines]", pastedContents=secret))
    assert "canary" not in repr(records)
    assert [message.content for message in of(records, Message)] == ["use [Pasted text #1 +3 lines]"]


def test_a_bad_line_is_reported_with_its_place_and_the_others_are_read() -> None:
    records = history_of(jsonl(line("a")) + b"garbage\n// a comment\n" + jsonl(line("b", project="relative"), line("c")) + b'{"display"')
    assert [message.content for message in of(records, Message)] == ["a", "c"]
    assert errors(records) == [("INVALID_JSON", 2), ("INVALID_PROJECT_PATH", 4), ("TRUNCATED", 6)]


@pytest.mark.parametrize("fields", [{"display": None}, {"display": 7}, {"project": None}, {"display": ""}])
def test_a_line_without_text_or_project_is_counted_as_unknown(fields: dict[str, Any]) -> None:
    [end] = history(line() | fields)
    assert end == FileSummary(records={"(none)": 1}, unknown_records={"(none)": 1})


@pytest.mark.parametrize("timestamp", [None, "yesterday", -1, 10**18])
def test_a_prompt_with_an_invalid_time_has_no_timestamp(timestamp: Any) -> None:
    [message] = of(history(line(timestamp=timestamp)), Message)
    assert message.timestamp is None


@given(st.binary(max_size=200) | st.lists(st.sampled_from([json.dumps(line()).encode(), b"{", b"}", b'"', b"\n", b"\xff"])).map(b"".join))
def test_any_bytes_of_history_are_read_to_the_summary(content: bytes) -> None:
    assert isinstance(history_of(content)[-1], FileSummary)


ENTRY = {
    "sessionId": SESSION,
    "fullPath": "/home/ann/.claude/projects/-home-ann-app/x.jsonl",
    "fileMtime": WHEN,
    "firstPrompt": "fix\nthis test",
    "messageCount": 4,
    "created": "2025-09-29T00:17:42.139Z",
    "modified": "2025-09-29T01:00:00.000Z",
    "gitBranch": "main",
    "projectPath": "/home/ann/app/",
    "isSidechain": False,
}


def index(*entries: Any) -> list[Any]:
    return index_of(json.dumps({"version": 1, "entries": entries, "originalPath": "/home/ann/app"}).encode())


def index_of(content: bytes) -> list[Any]:
    return list(read_sessions_index(io.BytesIO(content), user="ann"))


def test_an_index_entry_becomes_a_session_with_its_facts() -> None:
    project, facts, end = index(ENTRY)
    assert project.project_path == "/home/ann/app"
    assert facts == SessionFacts(
        id=facts.id,
        session_id=SESSION,
        source="sessions-index.json",
        project_path="/home/ann/app",
        user="ann",
        started_at=TIME,
        ended_at=datetime(2025, 9, 29, 1, 0, tzinfo=UTC),
        title="fix this test",
        title_rank=TITLE_OF_PROMPT,
        git_branch="main",
    )
    assert end == FileSummary(records={"session": 1, "(none)": 0})


def test_a_summary_outranks_the_prompt_as_title() -> None:
    [facts] = of(index(ENTRY | {"summary": "A test mended"}), SessionFacts)
    assert (facts.title, facts.title_rank) == ("A test mended", TITLE_OF_SUMMARY)


@pytest.mark.parametrize(
    "entry", [None, 7, [], {}, {"sessionId": 5}, {"sessionId": ""}, {"sessionId": "x" * 201}, ENTRY | {"isSidechain": True}]
)
def test_an_invalid_index_entry_is_counted_and_the_others_are_read(entry: Any) -> None:
    records = index(entry, ENTRY)
    assert [facts.session_id for facts in of(records, SessionFacts)] == [SESSION]
    assert summary(records).unknown_records == {"(none)": 1}


def test_invalid_index_fields_are_left_out() -> None:
    [facts] = of(
        index({"sessionId": "s", "created": "?", "modified": 7, "projectPath": "relative", "gitBranch": "", "firstPrompt": None}),
        SessionFacts,
    )
    assert facts == SessionFacts(id=facts.id, session_id="s", source="sessions-index.json", user="ann")


def test_a_damaged_index_gives_its_entries_up_to_the_damage() -> None:
    content = json.dumps({"version": 1, "entries": [ENTRY | {"sessionId": f"s{n}"} for n in range(20)]}).encode()
    records = index_of(content[: len(content) // 2])
    assert 5 <= len(of(records, SessionFacts)) <= 10
    [error] = of(records, RecordError)
    assert error.code == DAMAGED
    assert error.offset is not None


@given(st.binary(max_size=100) | st.integers(0, 200).map(lambda n: json.dumps({"entries": [ENTRY]}).encode()[:n]))
def test_any_bytes_of_the_index_are_read_to_the_summary(content: bytes) -> None:
    assert isinstance(index_of(content)[-1], FileSummary)


def test_an_overlong_utf8_character_in_the_index_is_reported_as_damage() -> None:
    content = json.dumps({"version": 1, "entries": [ENTRY, ENTRY]}).encode()
    at = content.rfind(b"sessionId")
    found = index_of(content[:at] + b"ses\xc0\x8eionId" + content[at + 9 :])
    assert [type(one).__name__ for one in found] == ["ProjectSeen", "SessionFacts", "RecordError", "FileSummary"]
