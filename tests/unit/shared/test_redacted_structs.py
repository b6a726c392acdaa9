"""Every text field of every event and record type is redacted: a secret is planted in each field by type."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args
from uuid import UUID, uuid4

import msgspec
import pytest
from msgspec import Struct, inspect

from services.worker.persist.records import Record, Result
from shared.events.messages import Conversation, Event, SessionStart, ToolCall
from shared.redaction.redact import redact_text
from shared.redaction.redacted_structs import EXEMPT, redact_struct, redact_structs, redact_value

SECRET = "glpat-aB3dE6gH9jK2mN5pQ8sT"
# It is a fifth of one.
HANG_SECONDS = 20
ALL_TYPES = [*get_args(Event), *get_args(Record)]


PLANTED: dict[type[inspect.Type], Callable[[Any], Any]] = {
    inspect.Metadata: lambda kind: planted(kind.type),
    inspect.UnionType: lambda kind: planted(next((found for found in kind.types if isinstance(found, CAN_HOLD_TEXT)), kind.types[0])),
    inspect.StrType: lambda _: SECRET,
    inspect.DictType: lambda _: {SECRET: [{"x": SECRET}]},
    inspect.StructType: lambda kind: with_secrets(kind.cls),
    inspect.LiteralType: lambda kind: kind.values[0],
    inspect.UUIDType: lambda _: uuid4(),
    inspect.DateTimeType: lambda _: datetime(2026, 1, 1, tzinfo=UTC),
    inspect.ListType: lambda _: [],
    inspect.BoolType: lambda _: False,
    inspect.IntType: lambda _: 1,
}
CAN_HOLD_TEXT = (inspect.StrType, inspect.DictType, inspect.StructType, inspect.Metadata)


def planted(kind: inspect.Type) -> Any:
    """A value of a type that has the secret wherever it can."""
    return PLANTED[type(kind)](kind)


def with_secrets(struct_type: type[Struct]) -> Struct:
    info = inspect.type_info(struct_type)
    assert isinstance(info, inspect.StructType)
    struct = struct_type(**{field.name: planted(field.type) for field in info.fields})
    if isinstance(struct, Result):
        # It is cut before it is stored, but never through a secret.
        struct.cut_at = len(SECRET)
    return struct


@pytest.mark.parametrize("struct_type", ALL_TYPES, ids=lambda kind: kind.__name__)
def test_every_text_of_every_type_is_redacted_or_exempt_for_a_reason(struct_type: type[Struct]) -> None:
    struct = with_secrets(struct_type)

    redact_structs([struct], {})

    fields = msgspec.to_builtins(struct)
    assert {name for name, value in fields.items() if SECRET in str(value)} <= EXEMPT.keys()


@pytest.mark.parametrize("struct_type", get_args(Event), ids=lambda kind: kind.__name__)
def test_a_redacted_event_is_still_valid(struct_type: type[Struct]) -> None:
    # Given texts that grow by redaction, as long as they may be
    struct = with_secrets(struct_type)
    if isinstance(struct, SessionStart):
        struct.git_branch = ("password=a1b2c3 " * 20)[:200]
    if isinstance(struct, Conversation):
        struct.content = ("password=a1b2c3 " * 70_000)[:1_048_576]

    redact_struct(struct, {})

    assert msgspec.json.decode(msgspec.json.encode(struct), type=struct_type) == struct


def test_a_cut_text_is_redacted_on_each_side_of_the_cut() -> None:
    half = len(SECRET) // 2
    # The text behind a cut does not go on with what is before it
    split = Result(text=SECRET, left_out=5, cut_at=half)
    beside = Result(text=f"a {SECRET} b{SECRET}", left_out=5, cut_at=len(SECRET) + 4)

    redact_structs([split, beside], counts := {})

    assert split == Result(text=SECRET, left_out=5, cut_at=half)
    word = redact_text(SECRET)
    assert beside == Result(text=f"a {word} b{word}", left_out=5, cut_at=len(word) + 4)
    assert sum(counts.values()) == 2


def test_ids_and_numbers_are_not_redacted() -> None:
    call = ToolCall(
        tool_name="Bash", result_status="success", parameters={"password": "hunter22", "n": 1.5}, execution_time_ms=5, id=UUID(int=7)
    )
    counts: dict[str, int] = {}

    redact_structs([call], counts)

    assert (call.id, call.execution_time_ms, counts) == (UUID(int=7), 5, {"credential": 1})
    assert call.parameters == {"password": redact_text("password=hunter22").partition("=")[2], "n": 1.5}


def test_structures_are_redacted_in_linear_time() -> None:
    # Given a megabyte of keys, one below the other as deep as it may be and one beside the other
    value: dict[str, Any] = {}
    for level in range(60):
        value = {"deeper": value, "list": [["x"]] * 500} | {f"{level} {number} password": f"plain {number}" for number in range(500)}

    started = time.process_time()
    redacted = redact_value(value, {})

    assert time.process_time() - started < HANG_SECONDS
    assert redact_value(redacted, {}) is redacted
