"""A transcript's lines name every row that reading them gives, so a reparse can tell which rows they may have given before."""

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
