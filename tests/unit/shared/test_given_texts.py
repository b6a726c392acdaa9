"""Texts that a scrub was given are replaced in every form and encoding in which a store has them, and nothing else is."""

import base64
import html
import json
import random
import unicodedata
from collections import Counter
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.redaction import given_texts
from shared.redaction.file_names import redacted_file_name
from shared.redaction.given_texts import PlainTexts, word_of
from shared.redaction.redact import redact_text
from shared.redaction.redacted_lines import redact_lines
from shared.redaction.redacted_structs import may_hold_secret, redact_value, redacted_parts, which_may_hold_secret
from tests.unit.shared.given_texts import ANY, GIVEN, SALT, strings_of, written

TEXT = 'Zoë/"Müller\\x'
WORD = word_of(TEXT, SALT).decode()
GITHUB = "ghp_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"


def scrubbed(text: str, *given: str) -> str:
    with given_texts.only(PlainTexts(given or [TEXT], SALT)):
        return redact_text(text)


@settings(deadline=None)
@given(GIVEN, ANY, ANY, st.integers())
def test_a_text_goes_from_json_however_it_is_written(text: str, before: str, behind: str, seed: int) -> None:
    chosen = random.Random(seed)
    value = {"a": [f"{before}{text}{behind}", "other"], f"{before}{text}": "x", "inner": json.dumps({"x": text + behind})}
    line = written(value, chosen)

    with given_texts.only(PlainTexts([text], SALT)):
        assert may_hold_secret(line)
        of_line = redact_lines(line, {})
        of_value = redact_value(json.loads(line), {})
        again = redact_lines(of_line, {})

    for left in (json.loads(of_line), of_value):
        assert not [each for each in strings_of(left) if text in each]
    assert json.dumps(text)[1:-1] not in json.loads(of_line)["inner"]
    assert again == of_line


@settings(deadline=None)
@given(GIVEN, ANY, ANY, st.booleans())
def test_a_text_goes_from_a_line_that_is_no_json(text: str, before: str, behind: str, is_escaped: bool) -> None:
    inside = json.dumps(before + text + behind, ensure_ascii=False)[1:-1] if is_escaped else before + text + behind
    line = f'{{"cut": "{inside}'.replace("\n", " ").encode()

    with given_texts.only(PlainTexts([text.replace("\n", " ")], SALT)):
        assert text.encode() not in redact_lines(line, {})


@settings(deadline=None)
@given(GIVEN, ANY, ANY)
def test_a_text_without_the_given_one_stays(text: str, before: str, behind: str) -> None:
    value = {"a": before, behind: [GITHUB]}
    if any(form in each.encode() for form in given_texts.forms_of(text) for each in (before, behind, GITHUB)):
        return

    with given_texts.only(PlainTexts([text], SALT)):
        # Nor do the rules count
        assert redact_value(value, {}) is value
        assert redact_lines(line := json.dumps(value).encode(), {}) is line


@pytest.mark.parametrize(
    "form",
    [
        TEXT,
        unicodedata.normalize("NFD", TEXT),
        json.dumps(TEXT)[1:-1],
        json.dumps(TEXT, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(TEXT))[3:-3],
        json.dumps(TEXT)[1:-1].replace("/", "\\/"),
        quote(TEXT),
        quote(TEXT, safe="").lower().replace("zo", "Zo").replace("m%c3", "M%c3"),
        quote_plus(TEXT),
        html.escape(TEXT),
        "Zo---M-ller-x",
    ],
)
def test_a_text_is_found_in_each_form(form: str) -> None:
    assert scrubbed(f"before {form} behind") == f"before {WORD} behind"


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_a_text_is_found_in_base64(before: str) -> None:
    encoded = base64.b64encode(f"{before}{TEXT} behind".encode()).decode()

    left = scrubbed(encoded)

    assert WORD in left
    # The rest encodes two bits of it at most on either side, beside what was around it.
    assert len(left.replace(WORD, "")) <= len(encoded) - len(TEXT.encode()) * 8 // 6 + 2


def test_texts_that_overlap_leave_no_part_of_one() -> None:
    assert scrubbed("x abcdefghi y", "abcdef", "defghi") == f"x {word_of('abcdef', SALT).decode()} y"
    assert scrubbed("aaaaaaaaaa", "aaaaaa") == word_of("aaaaaa", SALT).decode()


@settings(deadline=None)
@given(GIVEN, ANY, ANY, st.data())
def test_what_a_cut_has_left_of_a_text_goes_too(text: str, before: str, behind: str, data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(text) - 1))
    left, right = text[:kept], text[data.draw(st.integers(kept + 1, len(text))) :]

    with given_texts.only(PlainTexts([text], SALT)):
        beginning, end = redacted_parts(f"{before}{left}{right}{behind}", len(before) + kept, {})

    assert len(left.encode()) < given_texts.LEAST_CUT_BYTES or not beginning.endswith(left)
    assert len(right.encode()) < given_texts.LEAST_CUT_BYTES or not end.startswith(right)


def test_a_text_that_ends_with_an_ellipsis_may_end_with_a_part_of_it() -> None:
    assert scrubbed(f"a title of {TEXT[:6]}…") == f"a title of {WORD}…"
    assert scrubbed(f"a title of {TEXT[:6]}") == f"a title of {TEXT[:6]}"


def test_the_hash_of_a_text_needs_the_salt() -> None:
    assert word_of(TEXT, SALT) != word_of(TEXT, b"other")


def test_without_given_texts_the_rules_hold_as_before() -> None:
    assert redact_text(f"{TEXT} {GITHUB}").startswith(f"{TEXT} [redacted:github_token:")
    with given_texts.only(PlainTexts([TEXT], SALT)):
        pass
    assert redact_text(f"{TEXT} {GITHUB}").startswith(f"{TEXT} [redacted:github_token:")


def test_what_is_kept_out_is_replaced_beside_what_the_rules_find() -> None:
    items = [msgspec.json.encode({"a": each}) for each in ("x", TEXT, GITHUB)]
    given_texts.keep_out(PlainTexts([TEXT], SALT))
    try:
        redacted = redact_value({"a": f"{TEXT} {GITHUB}", TEXT: 1}, counts := Counter[str]())
        assert list(which_may_hold_secret(b"[" + b",".join(items) + b"]", items)) == [1, 2]
    finally:
        given_texts.keep_out(None)

    assert redacted["a"].startswith(f"{WORD} [redacted:github_token:")
    assert redacted[WORD] == 1
    assert counts == {"text": 2, "github_token": 1}


def test_a_file_keeps_its_ending_and_a_text_may_have_slashes() -> None:
    with given_texts.only(PlainTexts(["agents/Zoë"], SALT)):
        assert redacted_file_name("x/agents/Zoë-1.jsonl") == f"x/{word_of('agents/Zoë', SALT).decode()}-1.jsonl"
        assert redacted_file_name(name := "x/other.jsonl") is name
