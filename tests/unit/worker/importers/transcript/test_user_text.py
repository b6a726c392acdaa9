"""Which user rows hold a person's own words."""

from typing import Any

import pytest

from services.worker.persist.records import Message
from tests.unit.worker.importers.transcript.rows_of_a_session import of, prompt, read_rows, text

IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
IDE = text("<ide_opened_file>The user opened the file /home/ann/app/a.py</ide_opened_file>")
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}


def words_of(content: Any, **fields: Any) -> list[str]:
    return [message.content for message in of(read_rows(prompt(0, "u1", content, **fields)), Message)]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("fix the bug", "fix the bug"),
        ("<div> is not closed", "<div> is not closed"),
        ([text("look"), IMAGE], "look\n[Image]"),
        ([IMAGE], "[Image]"),
        ([IDE, text("commit!")], "commit!"),
        ([IDE], IDE["text"]),
        ([RESULT, text("and then stop")], "and then stop"),
    ],
)
def test_text_written_by_a_person_is_a_message(content: Any, words: str) -> None:
    assert words_of(content) == [words]


@pytest.mark.parametrize(
    "content",
    [
        [RESULT],
        [],
        "",
        None,
        "<command-name>/clear</command-name>",
        "<command-message>init is running…</command-message>",
        "<local-command-stdout>done</local-command-stdout>",
        "<task-notification><task-id>b1</task-id></task-notification>",
        '<teammate-message teammate_id="x">hi</teammate-message>',
        "<bash-input>ls</bash-input>",
        "<bash-stdout>a.py</bash-stdout><bash-stderr></bash-stderr>",
        "<system-reminder>\nThe user started a task</system-reminder>",
        [text("[Request interrupted by user]")],
        [text("[Request interrupted by user for tool use]")],
    ],
)
def test_text_generated_by_claude_code_is_not_a_message(content: Any) -> None:
    assert words_of(content) == []


@pytest.mark.parametrize(
    ("fields", "is_a_persons"),
    [
        ({"isMeta": True}, False),
        ({"isCompactSummary": True}, False),
        ({"isSidechain": True}, False),
        ({"origin": {"kind": "coordinator"}}, False),
        ({"origin": {"kind": "human"}}, True),
        ({"origin": None, "isMeta": False}, True),
    ],
)
def test_row_flags_decide_whether_a_person_wrote_it(fields: dict[str, Any], is_a_persons: bool) -> None:
    assert bool(words_of("go on", **fields)) is is_a_persons


def test_a_message_without_an_id_gets_a_stable_id() -> None:
    [first], [again], [other] = (of(read_rows(prompt(0, "", words)), Message) for words in ("a", "a", "b"))
    assert first.id == again.id != other.id
