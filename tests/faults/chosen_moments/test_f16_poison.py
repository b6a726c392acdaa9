"""F16: an unstorable event in the journal alone becomes a dead letter. HTTP refuses such events (tests/integration/attacks/test_bodies.py)."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.journal.streams import PAYLOAD_FIELD, stream_key
from tests.faults.product.instants import await_settled, start_session
from tests.faults.product.stack import Stack

NEIGHBOURS = 5
DEEP = b"[" * 100_000 + b"]" * 100_000

# A message's `content`, as JSON text; and other fields that spoil it.
CONTENTS = {
    "invalid UTF-8": b'"\xff\xfe"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "a lone surrogate": rb'"\ud800"',
    "2 MB": b'"' + b"word " * 400_000 + b'"',
    "a number": b"1e400",
}
TIMES = {"year 0": b'"0000-01-01T00:00:00Z"', "year 99999": b'"99999-01-01T00:00:00Z"', "no time": b'"yesterday"'}
PARAMETERS = {
    "1e400": b"1e400",
    "NaN": b"NaN",
    "Infinity": b"Infinity",
    "an integer of 5000 digits": b"9" * 5000,
    "JSON 100,000 deep": DEEP,
}

# In the journal these leave no text whose events could be told apart: the whole entry becomes a dead letter, with whatever it held.
INDIVISIBLE = ("a lone surrogate", "NaN", "Infinity", "JSON 100,000 deep")


def conversation(session_id: str, *, content: bytes = b'"harmless"', timestamp: bytes = b'"2026-03-01T10:00:00Z"') -> tuple[UUID, bytes]:
    """The id and the text of one event."""
    event_id = uuid4()
    head = json.dumps({"type": "conversation", "id": str(event_id), "session_id": session_id, "role": "user"}).encode()
    return event_id, head[:-1] + b',"content":' + content + b',"timestamp":' + timestamp + b"}"


def tool_call(session_id: str, parameter: bytes) -> tuple[UUID, bytes]:
    event_id = uuid4()
    head = {"type": "tool_call", "id": str(event_id), "session_id": session_id, "tool_name": "Bash", "result_status": "success"}
    return event_id, json.dumps(head | {"timestamp": "2026-03-01T10:00:00Z"}).encode()[:-1] + b',"parameters":{"x":' + parameter + b"}}"


def poison(session_id: str, name: str) -> tuple[UUID, bytes]:
    if name in CONTENTS:
        return conversation(session_id, content=CONTENTS[name])
    if name in TIMES:
        return conversation(session_id, timestamp=TIMES[name])
    return tool_call(session_id, PARAMETERS[name])


ALL = [*CONTENTS, *TIMES, *PARAMETERS]


def put(stack: Stack, *events: bytes) -> str:
    """Appends one entry to the journal, past ingest. Its id."""
    head = b'{"version":1,"request_id":"poison","received_at":"2026-03-01T10:00:00Z","events":['
    with stack.redis() as redis:
        entry_id: str = redis.xadd(stream_key(0), {PAYLOAD_FIELD: head + b",".join(events) + b"]}"})
    return entry_id


def is_stored(stack: Stack, *event_ids: UUID) -> list[bool]:
    with stack.database() as connection:
        sql = "SELECT FROM messages WHERE id = %(id)s UNION ALL SELECT FROM tool_calls WHERE id = %(id)s"
        return [connection.execute(sql, {"id": event_id}).rowcount == 1 for event_id in event_ids]


def dead_letters(stack: Stack, entry_id: str) -> list[tuple[Any, ...]]:
    with stack.database() as connection:
        sql = "SELECT event_id, kind, reason, sqlstate, attempts, payload FROM dead_letters WHERE journal_entry_id = %s"
        return connection.execute(sql, [entry_id]).fetchall()


@pytest.mark.parametrize("name", ALL)
def test_poison_in_the_journal_alone_becomes_a_dead_letter(stack: Stack, name: str) -> None:
    # Given an entry with the poison amid others, and entries before and behind it
    session_id = start_session(stack)
    inside = [conversation(session_id) for _ in range(NEIGHBOURS)]
    outside = [conversation(session_id) for _ in range(2)]
    event_id, text = poison(session_id, name)

    # When the worker comes by it
    put(stack, outside[0][1])
    entry_id = put(stack, *(text for _, text in inside[:2]), text, *(text for _, text in inside[2:]))
    put(stack, outside[1][1])
    await_settled(stack)

    # Then it is a dead letter with its reason and as it was, tried once, and all others are stored
    [(_, kind, reason, _, attempts, payload)] = dead_letters(stack, entry_id)
    assert (kind, attempts) == ("journal_entry", 1)
    assert "not readable" in reason
    assert text in payload
    assert is_stored(stack, *(one for one, _ in outside)) == [True] * 2
    is_divisible = name not in INDIVISIBLE
    assert is_stored(stack, event_id, *(one for one, _ in inside)) == [False, *[is_divisible] * NEIGHBOURS]
    assert all((one in payload) is not is_divisible for _, one in inside)


def test_an_event_refused_only_by_postgres_is_isolated(stack: Stack) -> None:
    session_id = start_session(stack)
    nul, others = conversation(session_id, content=rb'"before \u0000 after"'), [conversation(session_id) for _ in range(NEIGHBOURS)]
    entry_id = put(stack, *(text for _, text in others[:3]), nul[1], *(text for _, text in others[3:]))
    await_settled(stack)
    [(event_id, kind, reason, sqlstate, attempts, _)] = dead_letters(stack, entry_id)
    assert (event_id, kind, attempts) == (nul[0], "conversation", 1)
    assert (reason, sqlstate) == ("DataError: a text with a NUL character, which PostgreSQL cannot hold", None)
    assert is_stored(stack, nul[0], *(one for one, _ in others)) == [False, *[True] * NEIGHBOURS]
