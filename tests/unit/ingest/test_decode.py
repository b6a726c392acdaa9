"""Raw bytes decode to checked events, or to an ApiError that names the field."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.admin.erasures import LiftRequest
from services.ingest.admin.keys import NewKey
from services.ingest.admin.scrubs import ScrubRequest
from services.ingest.events.decode import MAX_BATCH_ITEMS, decode_batch, decode_event, is_lines, parse
from services.ingest.events.ignored_fields import MAX_NAME_LENGTH, MAX_NAMES, ignored_fields
from shared.events.event_kinds import KINDS
from shared.events.messages import (
    ENVELOPE_VERSION,
    Conversation,
    Envelope,
    Event,
    SessionEnd,
    SessionStart,
    ToolCall,
    decode_envelope,
    encode_envelope,
)
from shared.http.errors import ApiError, BadRequest, PayloadTooLarge
from tests.unit.ingest.bodies import CALL, MESSAGE, NOW, body

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
)


def refusal(text: bytes, kind: type[Any] = Conversation) -> ApiError:
    with pytest.raises(ApiError) as refused:
        decode_event(text, kind, NOW)
    return refused.value


def test_a_missing_timestamp_becomes_the_time_of_receipt() -> None:
    assert decode_event(body(MESSAGE), Conversation, NOW).timestamp == NOW


@pytest.mark.parametrize("time", ["2024-01-15T10:30:00", "2024-01-15T10:30:00Z", "2024-01-15T12:30:00+02:00", "2024-01-15 10:30:00.000000"])
def test_a_naive_time_is_utc_and_offsets_are_converted(time: str) -> None:
    event = decode_event(body(MESSAGE, timestamp=time), Conversation, NOW)
    assert event.timestamp == datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    assert event.timestamp is not None
    assert event.timestamp.tzinfo is UTC


@pytest.mark.parametrize("time", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2100-01-01T00:00:00Z"])
def test_times_outside_the_range_are_refused(time: str) -> None:
    error = refusal(body(MESSAGE, timestamp=time))
    assert (error.status, error.code, list(error.details)) == (400, "VALIDATION_ERROR", ["timestamp"])


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        (body(MESSAGE, role="sk-ant-secret"), Conversation, "role: must be one of assistant, user"),
        (body(CALL, result_status="ok"), ToolCall, "result_status: must be one of cancelled, error, pending, rejected, success, timeout"),
        (b'{"name": "n", "scopes": ["read", "write"]}', NewKey, "scopes[1]: must be one of admin, ingest, metrics, numbers, read"),
    ],
)
def test_a_value_that_is_none_of_a_few_is_answered_with_those(text: bytes, kind: type[Any], reason: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(text, msgspec.json.Decoder(kind))
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        (b'{"texts": ["ab"]}', ScrubRequest, "texts[0]: must have at least 6 characters"),
        (b'{"dry_run": "maybe"}', ScrubRequest, "dry_run: must be true or false, not a text"),
        (b'{"text": []}', ScrubRequest, "text: is not known here"),
        (b"[]", ScrubRequest, "body: must be an object, not a list"),
        (b"{}", LiftRequest, "what: is required"),
        (b'{"what": {"project_id": 0}}', LiftRequest, "what.project_id: must be a whole number, at least 1"),
        (b'{"what": {"project_id": "x"}}', LiftRequest, "what.project_id: must be a whole number or null, not a text"),
        (b'{"what": {"from": "noon"}}', LiftRequest, "what.from: must be a time, as 2026-05-02T10:00:00Z"),
        (body(MESSAGE, id="x"), Conversation, "id: must be a UUID, as 01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"),
        (body(MESSAGE, session_id=""), Conversation, "session_id: must have at least 1 character"),
        (body(CALL, execution_time_ms=1.5), ToolCall, "execution_time_ms: must be a whole number or null, not a number"),
    ],
)
def test_a_value_that_does_not_fit_is_answered_in_words_of_a_person(text: bytes, kind: type[Any], reason: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(text, msgspec.json.Decoder(kind))

    assert str(refused.value) == reason


def test_an_item_of_no_known_type_is_answered_with_the_types() -> None:
    [error] = decode_batch(b'[{"type": "sk-ant-secret"}]', False, NOW).events
    assert str(error) == "type: must be one of session_start, session_end, conversation, activity, tool_call"


@pytest.mark.parametrize(
    ("fields", "kind", "field"),
    [
        ({"content": "x", "role": "user"}, Conversation, "session_id"),
        (MESSAGE | {"role": "system"}, Conversation, "role"),
        (MESSAGE | {"usage": {"input_tokens": "many"}}, Conversation, "usage.input_tokens"),
        (MESSAGE | {"usage": {"output_tokens": -1}}, Conversation, "usage.output_tokens"),
        (MESSAGE | {"id": "no uuid"}, Conversation, "id"),
        (MESSAGE | {"type": "activity"}, Conversation, "type"),
        (CALL | {"execution_time_ms": 2**53}, ToolCall, "execution_time_ms"),
        (CALL | {"parameters": []}, ToolCall, "parameters"),
        ({"project_path": "relative/path"}, SessionStart, "project_path"),
        ({"project_path": ""}, SessionStart, "project_path"),
        ({"session_id": "x" * 201}, SessionEnd, "session_id"),
    ],
)
def test_a_schema_error_names_its_field(fields: dict[str, Any], kind: type[Any], field: str) -> None:
    error = refusal(body(fields), kind)
    assert (error.status, error.code) == (400, "VALIDATION_ERROR")
    assert list(error.details) == [field]
    assert error.message == f"{field}: {error.details[field]}"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b"{'a':1}",
        b'{"a":"\x00"}',
        b'{"session_id":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b"[" * 100_000,
    ],
)
def test_malformed_json_is_an_invalid_json_error(text: bytes) -> None:
    error = refusal(text)
    assert (error.status, error.code) == (400, "INVALID_JSON")


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "1e400", "9" * 5000])
@pytest.mark.parametrize("field", ["parameters", "ignored"])
def test_a_number_beyond_64_bits_is_refused_in_every_field(number: str, field: str) -> None:
    text = f'{{"tool_name":"Bash","result_status":"success","{field}":{{"a":[{number}]}}}}'
    assert refusal(text.encode(), ToolCall).status == 400


@pytest.mark.parametrize("levels", [65, 200, 5000])
@pytest.mark.parametrize("field", ["parameters", "ignored"])
def test_json_deeper_than_64_levels_is_refused(levels: int, field: str) -> None:
    inside = b'{"a":' * (levels - 1) + b"1" + b"}" * (levels - 1)
    text = b'{"tool_name":"Bash","result_status":"success","' + field.encode() + b'":' + inside + b"}"
    assert refusal(text, ToolCall).status == 400


def test_a_whole_float_is_accepted_as_an_integer_but_parameters_stay_unchanged() -> None:
    call = decode_event(body(CALL, execution_time_ms=250.0, parameters={"x": 1.0}), ToolCall, NOW)
    assert type(call.execution_time_ms) is int
    assert type(call.parameters["x"]) is float
    message = decode_event(body(MESSAGE, usage={"input_tokens": 1e3}), Conversation, NOW)
    assert message.usage is not None
    assert message.usage.input_tokens == 1000
    for other in (b"1e400", b"99999999999999999999", b"[" * 100 + b"]" * 100):
        assert refusal(b'{"tool_name":"x","result_status":"success","execution_time_ms":1.0,"x":' + other + b"}", ToolCall).status == 400
    assert list(refusal(body(CALL, execution_time_ms=1e300), ToolCall).details) == ["execution_time_ms"]
    assert list(refusal(body(CALL, execution_time_ms=2.5), ToolCall).details) == ["execution_time_ms"]


def test_unknown_fields_are_ignored() -> None:
    assert decode_event(body(MESSAGE, mood="good"), Conversation, NOW).content == "hello"


@pytest.mark.parametrize("content", ["", " ", "\n\t \u2003"])
def test_an_empty_or_blank_content_is_refused(content: str) -> None:
    error = refusal(body(MESSAGE, content=content))
    assert (error.status, error.code, list(error.details)) == (400, "VALIDATION_ERROR", ["content"])


def test_a_project_path_is_normalized() -> None:
    assert decode_event(body({"project_path": "c:\\src\\.\\app\\"}), SessionStart, NOW).project_path == "C:/src/app"


@given(any_json)
def test_any_json_gives_an_event_or_a_400(value: Any) -> None:
    for kind in KINDS:
        with suppress(BadRequest):
            decode_event(json.dumps(value).encode(), kind, NOW)


@given(st.binary())
def test_any_bytes_give_an_event_or_a_400(text: bytes) -> None:
    for are_lines in (True, False):
        with suppress(BadRequest):
            decode_batch(text, are_lines, NOW)


numbers = st.integers() | st.floats() | st.sampled_from([1.0, 1e3, 2.0**53, 1e300])


@given(
    st.dictionaries(
        st.sampled_from(["execution_time_ms", "usage", "lines_added", "x"]), numbers | st.dictionaries(st.just("input_tokens"), numbers)
    )
)
def test_any_numbers_give_an_event_or_a_400(fields: dict[str, Any]) -> None:
    for known, kind in ((CALL, ToolCall), (MESSAGE, Conversation)):
        with suppress(BadRequest):
            decode_event(body(known | fields), kind, NOW)


@given(any_json)
def test_any_parameters_that_are_accepted_survive_the_journal(parameters: Any) -> None:
    try:
        call = decode_event(body(CALL, parameters={"p": parameters}), ToolCall, NOW)
    except BadRequest:
        return
    envelope = Envelope(version=ENVELOPE_VERSION, request_id="r", received_at=NOW, events=[call])
    assert decode_envelope(encode_envelope(envelope)) == envelope


def batch(text: bytes, *, is_lines: bool = False) -> list[Any]:
    return decode_batch(text, is_lines, NOW).events


tagged_events = st.builds(
    lambda kind, more: {"type": kind} | MESSAGE | CALL | {"file_path": "x", "action": "created", "project_path": "/p"} | more,
    st.sampled_from(["session_start", "session_end", "conversation", "activity", "tool_call", "poem"]),
    st.dictionaries(
        st.sampled_from(["timestamp", "start_time", "end_time", "execution_time_ms", "parameters", "usage", "id", "session_id", "x"]),
        st.sampled_from(["2024-01-15T10:30:00", "2024-01-15T12:30:00+02:00", "1066-01-01T00:00:00Z", 1.0, 10**400, 2**64, "\0", {}])
        | any_json,
        max_size=3,
    ),
)


@given(st.lists(tagged_events | any_json, max_size=8), st.booleans())
def test_an_item_is_accepted_in_a_batch_exactly_when_accepted_alone(items: list[Any], is_lines: bool) -> None:
    texts = [json.dumps(item).encode() for item in items]
    try:
        together = batch(b"\n".join(texts) if is_lines else b"[" + b",".join(texts) + b"]", is_lines=is_lines)
    except BadRequest:
        return
    alone = [batch(text, is_lines=True) for text in texts]
    assert [shown(item) for item in together] == [shown(item) for [item] in alone]


def shown(item: Any) -> Any:
    return (item.code, item.message, item.details) if isinstance(item, ApiError) else item


def test_a_bad_item_does_not_affect_the_other_items() -> None:
    good = {"type": "conversation"} | MESSAGE
    first, second, third, fourth = batch(json.dumps([good, {"type": "poem"}, 7, good]).encode())
    assert isinstance(first, Conversation)
    assert isinstance(fourth, Conversation)
    assert [error.code for error in (second, third)] == ["VALIDATION_ERROR", "VALIDATION_ERROR"]


def test_ndjson_may_have_blank_lines_crlf_and_a_broken_line() -> None:
    good = json.dumps({"type": "conversation"} | MESSAGE).encode()
    first, second, third = batch(good + b"\r\n\r\n{broken\n" + good + b"\n", is_lines=True)
    assert isinstance(first, Conversation)
    assert second.code == "INVALID_JSON"
    assert isinstance(third, Conversation)


def test_a_batch_has_a_maximum_number_of_items() -> None:
    assert batch(b"[]") == []
    with pytest.raises(PayloadTooLarge):
        batch(b"[" + b"1," * MAX_BATCH_ITEMS + b"1]")


@pytest.mark.parametrize(
    ("text", "media_type", "lines"),
    [
        (b" [1]", b"application/json", False),
        (b'{"a":1}', b"application/json", True),
        (b"[1]", b"application/x-ndjson", True),
        (b"1", b"application/json", False),
    ],
)
def test_ndjson_is_detected_by_media_type_or_first_bytes(text: bytes, media_type: bytes, lines: bool) -> None:
    assert is_lines(text, media_type) is lines


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
