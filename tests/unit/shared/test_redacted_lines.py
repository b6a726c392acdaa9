"""Redaction of raw lines: the secrets go in every form that JSON allows, all other bytes stay."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.redaction.redact import redact_text
from shared.redaction.redacted_lines import redact_lines
from shared.redaction.redacted_structs import redact_value
from tests.adversarial_texts import BROKEN, KINDS, broken_json, worst_case_lines
from tests.counted_calls import TWICE, calls_for
from tests.example_counts import a_third
from tests.seeded_secrets import Seeded, corpus

SEEDED = list(corpus(13))
ALL = st.sampled_from(SEEDED)
SECRET = "glpat-aB3dE6gH9jK2mN5pQ8sT"
WORD = redact_text(SECRET).encode()
# tests.bench.redaction shows what a megabyte costs.
FEW_CHARACTERS, CHARACTERS = 3_000, 5_000
CALLS_OF_ANY_LENGTH = 500
KEYS = st.sampled_from(["a", "password", "content", "name", "value", "text", "id", "api_key", SECRET])
VALUES = st.recursive(
    st.none() | st.integers() | st.booleans() | st.text(max_size=20) | ALL.map(lambda seeded: seeded.text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def escaped(text: str) -> str:
    """A literal with every character as an escape."""
    units = text.encode("utf-16-be", "surrogatepass")
    return '"' + "".join(f"\\u{units[n] << 8 | units[n + 1]:04x}" for n in range(0, len(units), 2)) + '"'


def half_escaped(text: str) -> str:
    return '"' + "".join(json.dumps(c)[1:-1] if n % 2 else escaped(c)[1:-1].upper().replace("\\U", "\\u") for n, c in enumerate(text)) + '"'


FORMS: dict[str, Callable[[str], str]] = {
    "as JavaScript writes it": lambda text: json.dumps(text, ensure_ascii=False),
    "in ASCII": json.dumps,
    "with escaped slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "all escaped": escaped,
    "half escaped": half_escaped,
}


def redacted(data: bytes) -> bytes:
    return redact_lines(data, {})


@settings(deadline=None)
@given(ALL, st.sampled_from(sorted(FORMS)), st.text(max_size=20), st.sampled_from(["\n", "\r\n", ""]))
def test_no_secret_survives_in_any_form_of_a_literal(seeded: Seeded, form: str, other: str, end: str) -> None:
    line = f'{{"other": {FORMS[form](other)}, "message": {{"content": [{FORMS[form](seeded.text)}]}}}}{end}'

    result = redacted(line.encode("utf-8", "surrogatepass"))

    assert not any(needle in json.dumps(json.loads(result)) for needle in (json.dumps(text)[1:-1] for text in seeded.needles))
    assert json.loads(result)["other"] == other


@settings(deadline=None)
@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_a_line_becomes_what_its_value_becomes(value: Any, ascii_only: bool, indent: int | None) -> None:
    line = json.dumps({"record": value}, ensure_ascii=ascii_only, indent=indent).replace("\n", "\t").encode("utf-8", "surrogatepass")

    result = redacted(line)

    assert json.loads(result) == redact_value({"record": value}, {})


@settings(deadline=None)
@given(st.lists(VALUES.map(lambda value: json.dumps({"r": value}).encode()) | st.binary(max_size=30), max_size=5), ALL, st.booleans())
def test_redacting_twice_changes_nothing_and_lines_stay_lines(lines: list[bytes], seeded: Seeded, is_cut: bool) -> None:
    data = b"\n".join([*lines, json.dumps({"content": seeded.text}).encode()])
    data = data[: len(data) - 9] if is_cut else data

    once = redacted(data)

    assert redacted(once) == once
    assert once.count(b"\n") == data.count(b"\n")


@given(st.lists(st.binary(max_size=10) | st.text(max_size=10).map(lambda text: json.dumps(text).encode()), max_size=5))
def test_bytes_without_secrets_stay_as_they_are(parts: list[bytes]) -> None:
    data = b"\n".join(parts)
    counts: dict[str, int] = {}

    result = redact_lines(data, counts)

    assert (result == data) is (counts == {})


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Only the literal changes, not what is around it.
        (b'{ "a" :1.50, "b":"\\u00e9\\/", "c":"%s" , "d":1e5}\r\n', b'{ "a" :1.50, "b":"\\u00e9\\/", "c":"%s" , "d":1e5}\r\n'),
        (b'{"%s": "key"}', b'{"%s": "key"}'),
        # Two values on one line, and NULs behind them
        (b'{"a":1}{"b":"%s"}\x00\x00', b'{"a":1}{"b":"%s"}\x00\x00'),
        (b'\xef\xbb\xbf{"b":"%s"}', b'\xef\xbb\xbf{"b":"%s"}'),
        # Cut off, and no JSON at all
        (b'{"a":{"b":"x %s', b'{"a":{"b":"x %s'),
        (b"not JSON: %s\r", b"not JSON: %s\r"),
        (b'\xff\xfe "%s" \x80', b'\xff\xfe "%s" \x80'),
        # Lone surrogates and NULs beside it, as JSON.stringify writes them
        (b'{"a":"\\ud83d \\u0000 %s"}', b'{"a":"\\ud83d \\u0000 %s"}'),
        (b'{"a":"' + "é 😀 \u2028".encode() + b' \\t\\u001f %s"}', b'{"a":"' + "é 😀 \u2028".encode() + b' \\t\\u001f %s"}'),
        # A number that Python refuses
        (b'{"n":' + b"9" * 5000 + b',"a":"%s"}', b'{"n":' + b"9" * 5000 + b',"a":"%s"}'),
        # A key twice: the last one counts.
        (b'{"a":"%s","n":1.50,"a":"x %s"}', b'{"a":"x %s","n":1.5}'),
    ],
)
def test_only_the_secret_changes(line: bytes, expected: bytes) -> None:
    assert redacted(line.replace(b"%s", SECRET.encode())) == expected.replace(b"%s", WORD)


def test_a_secret_hidden_by_escapes_goes_from_damaged_lines_too() -> None:
    hidden = escaped(SECRET).encode()
    deep = b'{"a":' * 5000 + hidden + b"}" * 5000

    for line in (b'{"a":' + hidden[:-1], b'{"a":' + hidden + b",}", deep, b'{"p":1' + b"}" * 3 + hidden):
        assert WORD in redacted(line)


def test_what_a_key_names_is_redacted_as_in_records() -> None:
    assert (
        redacted(b'{"env":[{"name":"DB_PASSWORD","value":"plain"}]}')
        == json.dumps(redact_value({"env": [{"name": "DB_PASSWORD", "value": "plain"}]}, {}), separators=(",", ":")).encode()
    )


def test_many_lines_without_secrets_are_the_same_object() -> None:
    data = b'{"type":"user","message":{"content":"hello"}}\n' * 1000

    assert redacted(data) is data


def test_worst_case_lines_are_redacted_at_once() -> None:
    found = {kind: once for kind in a_third(KINDS) if redacted(once := redacted(worst_case_lines(kind, FEW_CHARACTERS))) != once}

    assert found == {}


def test_lines_take_linear_work() -> None:
    """Beside that of the texts in them (tests/unit/shared/test_redaction_properties.py)."""
    lines = {kind: [worst_case_lines(kind, length, before="") for length in (CHARACTERS, 2 * CHARACTERS)] for kind in a_third(KINDS)}
    broken = {unit: [broken_json(unit, length) for length in (CHARACTERS, 2 * CHARACTERS)] for unit in BROKEN}

    calls = {kind: [calls_for(partial(redacted, data))[0] for data in texts] for kind, texts in (lines | broken).items()}

    assert {kind: counted for kind, counted in calls.items() if counted[1] > TWICE * counted[0] + CALLS_OF_ANY_LENGTH} == {}
