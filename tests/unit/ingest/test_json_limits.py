"""JSON text that Postgres, UTF-8 or a reader cannot hold is made storable, or refused."""

import json
from math import isinf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.http import json_limits
from shared.http.errors import BadRequest

REPLACEMENT = "\ufffd"

any_text = st.text(st.characters(exclude_categories=()), max_size=40)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)


@given(any_text)
def test_only_nul_and_lone_surrogates_become_replacement_characters(text: str) -> None:
    # Python's encoder escapes everything that is not ASCII, lone surrogates included.
    stored = json.loads(json_limits.storable(json.dumps(text).encode()))
    expected = "".join(REPLACEMENT if c == "\0" or "\ud800" <= c <= "\udfff" else c for c in json.loads(json.dumps(text)))
    assert stored == expected


@given(any_json)
def test_storable_text_encodes_as_utf8_without_nul(value: Any) -> None:
    text = json_limits.storable(json.dumps(value).encode())
    for string in strings_of(json.loads(text)):
        assert "\0" not in string
        string.encode()


@given(any_json)
def test_storable_is_idempotent(value: Any) -> None:
    once = json_limits.storable(json.dumps(value).encode())
    assert json_limits.storable(once) == once


def strings_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [string for item in value for string in strings_of(item)]
    if isinstance(value, dict):
        return [string for key, item in value.items() for string in (key, *strings_of(item))]
    return []


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (rb'"\u0000"', rb'"\ufffd"'),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"'),
        (rb'"\ud83d"', rb'"\ufffd"'),
        (rb'"\ude00\ud83d"', rb'"\ufffd\ufffd"'),
        (rb'"\ud83d\ud83d\ude00"', rb'"\ufffd\ud83d\ude00"'),
        (rb'"\\u0000"', rb'"\\u0000"'),
        (rb'"\\\u0000"', rb'"\\\ufffd"'),
        (rb'"\uD800x"', rb'"\ufffdx"'),
    ],
)
def test_escapes_are_parsed_from_left_to_right(text: bytes, stored: bytes) -> None:
    assert json_limits.storable(text) == stored


@pytest.mark.parametrize(
    "text", [b"[" * 64 + b"]" * 64, b'{"a":' * 64 + b"1" + b"}" * 64, b'["' + b"[{" * 500 + b'"]', b"[" + b"[]," * 99 + b"[]]"]
)
def test_depth_64_and_brackets_in_strings_are_accepted(text: bytes) -> None:
    json_limits.check_depth(text)


@pytest.mark.parametrize("text", [b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65, rb'["\"]",' + b"[" * 64 + b"]" * 64 + b"]"])
def test_depth_65_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest, match="nested deeper than 64"):
        json_limits.check_depth(text)


@pytest.mark.parametrize(
    "text",
    [
        b"[9223372036854775807,-9223372036854775808]",
        b'"99999999999999999999999"',
        b"0.12345678901234567890123",
        b"12345678901234567890.5",
        b"1e308",
        b"1e-400",
        b'{"e999":1}',
    ],
)
def test_numbers_within_64_bits_are_accepted(text: bytes) -> None:
    json_limits.check_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        b"9223372036854775808",
        b"[-9223372036854775809]",
        b'{"a":{"b":[18446744073709551616]}}',
        b"9" * 5000,
        b"1e400",
        b"-1E+400",
        b"9" * 400 + b".5",
    ],
)
def test_numbers_beyond_64_bits_are_refused(text: bytes) -> None:
    with pytest.raises(BadRequest, match="64 bits"):
        json_limits.check_numbers(text)


@given(
    st.lists(st.sampled_from(["1", "9", "0", ".", "-", "+", "e", "E", "a", '"', ",", ":", "[", "]", " ", "e999", "9" * 18]), max_size=12)
)
def test_the_fast_number_scan_has_no_false_negatives(parts: list[str]) -> None:
    text = "".join(parts)
    try:
        value = json.loads(text)
    except ValueError:
        return
    if any(is_huge(number) for number in numbers_of(value)):
        assert json_limits.may_have_huge_number(text.encode())


def numbers_of(value: Any) -> list[int | float]:
    return [number for part in value for number in numbers_of(part)] if isinstance(value, list) else [value]


def is_huge(value: Any) -> bool:
    if isinstance(value, float):
        return isinf(value)
    return isinstance(value, int) and not -(2**63) <= value < 2**63


@pytest.mark.parametrize(
    "text",
    [b'"c689f3e6-0544-46a3-ae99-554cb56a7be1"', b'"2f5e1234-aa3e-4567-8e12-3e999a1e4567"', b'"see 39e627e and 56e9095c-4a44"', b'"1e999"'],
)
def test_hexadecimal_ids_are_not_taken_for_huge_numbers(text: bytes) -> None:
    assert not json_limits.may_have_huge_number(text)


def test_very_many_number_like_parts_fall_back_to_the_full_check() -> None:
    assert json_limits.may_have_huge_number(b'"' + b"a1e999 " * 5000 + b'"')


@given(st.integers())
def test_an_integer_is_refused_if_and_only_if_it_exceeds_64_bits(number: int) -> None:
    fits = -(2**63) <= number < 2**63
    try:
        json_limits.check_numbers(json.dumps({"a": [number]}).encode())
    except BadRequest:
        assert not fits
    else:
        assert fits


@pytest.mark.parametrize("text", [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"'])
def test_invalid_utf8_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        json_limits.check_text(text)
    assert refused.value.code == "INVALID_JSON"
