"""The fields of a body that no event has are named, and no others."""

import json
from typing import Any

import pytest

from services.ingest.events.decode import decode_batch
from services.ingest.events.ignored_fields import MAX_NAME_LENGTH, MAX_NAMES, ignored_fields
from shared.events.event_kinds import KINDS
from shared.events.messages import Conversation, Event, SessionStart, ToolCall
from tests.unit.ingest.bodies import CALL, MESSAGE, NOW, body


def every_field(struct: type[Event]) -> dict[str, Any]:
    return dict.fromkeys(struct.__struct_fields__) | {"type": KINDS[struct].tag}


@pytest.mark.parametrize("struct", list(KINDS))
def test_the_fields_of_an_event_are_not_ignored(struct: type[Event]) -> None:
    assert ignored_fields(body(every_field(struct)), struct) == []
    assert ignored_fields(body(every_field(struct), colour="red"), struct) == ["colour"]


@pytest.mark.parametrize(
    ("fields", "struct", "ignored"),
    [
        (MESSAGE | {"usage": {"input_tokens": 1}}, Conversation, []),
        (MESSAGE | {"usage": None}, Conversation, []),
        (MESSAGE | {"usage": {"input_tokens": 1, "colour": {}}}, Conversation, ["usage.colour"]),
        (MESSAGE | {"mood": 1, "usage": {"colour": 1}, "x": [1]}, Conversation, ["mood", "x", "usage.colour"]),
        # The fields inside a field of free content are not looked at.
        (CALL | {"parameters": {"colour": "red", "usage": {"a": 1}}}, ToolCall, []),
        (CALL | {"usage": {"a": 1}}, ToolCall, ["usage"]),
        ({"project_path": "/p", "content": "x"}, SessionStart, ["content"]),
        (MESSAGE | {"content": '{"mood": "good"}'}, Conversation, []),
        (MESSAGE | {"a\ud800\x00": 1}, Conversation, ["a\ufffd\ufffd"]),
    ],
)
def test_unknown_fields_are_named(fields: dict[str, Any], struct: type[Event], ignored: list[str]) -> None:
    assert ignored_fields(body(fields), struct) == ignored


def test_names_are_limited_in_number_and_length() -> None:
    many = {f"{n:03}{'x' * 200}": n for n in range(50)}
    found = ignored_fields(body(MESSAGE | many), Conversation)
    assert found == [name[:MAX_NAME_LENGTH] for name in list(many)[:MAX_NAMES]]


@pytest.mark.parametrize("is_lines", [False, True])
def test_a_batch_names_each_ignored_field_of_its_events_once(is_lines: bool) -> None:
    good = MESSAGE | {"type": "conversation"}
    items = [good, good | {"mood": 1}, good | {"mood": 2, "role": "nobody", "bad": 1}, CALL | {"type": "tool_call", "mood": 3, "x": 1}, 7]
    text = "\n".join(map(json.dumps, items)) if is_lines else json.dumps(items)
    batch = decode_batch(text.encode(), is_lines, NOW)
    assert batch.ignored == ["mood", "x"]
    assert decode_batch(json.dumps([good, good]).encode(), False, NOW).ignored == []
    many = [good | {f"{n}": 1} for n in range(100)]
    assert decode_batch(json.dumps(many).encode(), False, NOW).ignored == [f"{n}" for n in range(MAX_NAMES)]
