"""Ids are UUIDv5 of the natural keys and never change, and a transcript's lines name every row that reading them gives."""

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from services.worker.importers.formats import ids
from services.worker.importers.formats.ids import ids_named_in
from services.worker.persist.records import FileChange, FileSummary, RecordError, SessionFacts
from tests.unit.worker.importers.transcript.rows_of_a_session import (
    WHOLE,
    agent_progress,
    answer,
    jsonl,
    prompt,
    read_rows,
    result,
    text,
    use,
)


@given(st.text())
def test_an_id_is_the_standard_uuid5_of_its_natural_key(key: str) -> None:
    assert ids.tool_use_id(key) == uuid5(ids.NAMESPACE, f"tool use\n{key}")


def test_ids_match_the_released_values() -> None:
    assert [
        ids.project_id("/p"),
        ids.person_message_id("u"),
        ids.claude_message_id("msg_1"),
        ids.tool_use_id("toolu_1"),
        ids.file_change_id("toolu_1"),
        ids.file_deletion_id("toolu_1", "/p/a"),
        ids.api_call_id("msg_1", "req_1"),
        ids.api_call_id("msg_1", None),
        ids.history_prompt_id("/p", 1, "words"),
        ids.prompt_id("/p", "words", 0),
        ids.facts_id("s", b"{}"),
    ] == [UUID(value) for value in EXPECTED]


EXPECTED = [
    "233b356f-52cb-5d28-a7f2-39cb37d7672d",
    "f6bbeef3-20d9-5930-b2b2-30fd2617e5c4",
    "bca82bbc-7a1b-518d-959d-7ef562284b11",
    "4555e19d-807b-579f-8e7c-8cc5a29d0707",
    "dfd3bbdf-11b7-5fa0-a4bf-ef5a5e632ea8",
    "ec990117-7594-584e-b87f-da2537ccf64b",
    "57940ee8-8701-539b-b3a2-2f27f9853077",
    "008806d9-00b6-565d-bc8c-fde46e6f9f42",
    "f8479ec5-2db3-5b57-935d-0bc5b575764a",
    "324e7a34-728a-53a1-aa08-b611b7bcf5a4",
    "59b03bd5-4b4d-5bc6-a6fc-6900ea1fb9fa",
]


ROWS = [
    *WHOLE,
    answer(20, "a8", "msg_8", {"type": "thinking", "thinking": "let me see", "signature": "c2ln"}, text("Hm.")),
    answer(21, "a9", "msg_9", {"type": "thinking", "thinking": "not signed"}, use("toolu_9", "Bash", command="rm /home/ann/app/b.py")),
    result(22, "u9", "toolu_9", "gone"),
    agent_progress(answer(23, "p1", "msg_p", use("toolu_p", "Read", file_path="x")), "pp"),
    answer(24, "a10", "", text("No id of its own.")),
]


def test_all_rows_of_a_transcript_are_named_in_it() -> None:
    """given messages, calls, changes of files, thinking and a subagent's records, then each row, or the call that it is of, is named."""
    named = set(ids_named_in(jsonl(*ROWS)))

    records = [record for record in read_rows(*ROWS) if not isinstance(record, (SessionFacts, FileSummary, RecordError))]
    calls = {record.id: record.tool_call_id for record in records if isinstance(record, FileChange)}
    assert len({type(record) for record in records}) == 5
    assert [record for record in records if record.id not in named and calls.get(record.id) not in named] == []


def test_lines_of_other_transcripts_and_broken_lines_name_nothing_of_it() -> None:
    [said] = [record for record in read_rows(prompt(0, "u1", "hello")) if type(record).__name__ == "Message"]

    assert said.id in set(ids_named_in(b'no JSON\n\xff\n{"uuid": 7}\n[]\n' + jsonl(prompt(0, "u1", "hello"))))
    assert said.id not in set(ids_named_in(jsonl(prompt(0, "u2", "hello"))))
