"""Texts that are kept out are recognized by what does not say what they are, in any JSON, and nothing else is taken for one."""

import json
import random
import unicodedata

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.redaction import given_texts
from shared.redaction.given_texts import word_of
from shared.redaction.redact import redact_text
from shared.redaction.redacted_lines import redact_lines
from shared.redaction.redacted_structs import may_hold_secret
from shared.redaction.sealed_texts import BLOCK_BYTES, divided, joined
from shared.redaction.text_fingerprints import KeptOutTexts, fingerprints_of
from tests.unit.shared.given_texts import ANY, GIVEN, SALT, strings_of, written

TEXT = "wv7K-2mPq/ü"


def kept_out(*texts: str) -> KeptOutTexts:
    return KeptOutTexts([each for text in texts for each in fingerprints_of(text, SALT)])


@settings(deadline=None)
@given(GIVEN, ANY, ANY, st.integers())
def test_a_text_that_is_kept_out_goes_from_json_however_it_is_written(text: str, before: str, behind: str, seed: int) -> None:
    value = {"a": [f"{before}{text}{behind}", "other"], f"{before}{text}": "x", "inner": json.dumps({"x": text + behind})}
    line = written(value, random.Random(seed))

    with given_texts.only(kept_out(text, "another text")):
        assert may_hold_secret(line)
        left = redact_lines(line, {})

    assert not [each for each in strings_of(json.loads(left)) if text in each]
    assert json.dumps(text)[1:-1] not in json.loads(left)["inner"]


@settings(deadline=None)
@given(GIVEN, ANY)
def test_no_other_text_is_taken_for_it(text: str, other: str) -> None:
    with given_texts.only(kept_out(text)):
        left = redact_text(other)

    # Characters that Unicode takes for one are one here too.
    is_one = any(unicodedata.normalize(form, text) in unicodedata.normalize(form, other) for form in ("NFC", "NFD"))
    assert left is other or is_one or json.dumps(text)[1:-1] in other


def test_texts_that_overlap_or_share_a_beginning_leave_no_part_of_one() -> None:
    texts = ("abcdefghij", "defghijklm", "abcdefghijk", "abcdef")
    with given_texts.only(kept_out(*texts)):
        assert redact_text("x abcdefghijklm y") == f"x {word_of('abcdef', SALT).decode()} y"
        assert redact_text("x defghijklm y") == f"x {word_of('defghijklm', SALT).decode()} y"


@pytest.mark.parametrize("text", [TEXT, "correct horse battery staple", "ключ от дома", "123456"])
def test_a_fingerprint_has_no_four_bytes_of_its_text(text: str) -> None:
    stored = msgspec.msgpack.encode(fingerprints_of(text, SALT))

    data = text.encode()
    assert not [data[start : start + 4] for start in range(len(data) - 3) if data[start : start + 4] in stored]


def test_the_halves_of_what_was_given_say_nothing_alone_and_all_together() -> None:
    texts = [TEXT, "a" * 500]

    halves, others = divided(texts), divided(texts)

    for half in (halves.in_postgres, halves.in_redis):
        assert len(half) == BLOCK_BYTES
        assert TEXT.encode() not in half
        assert b"aaa" not in half
    assert joined(halves.in_postgres, halves.in_redis).texts == texts
    assert halves.redis_key != others.redis_key
    with pytest.raises(ValueError, match="not two halves"):
        joined(halves.in_postgres, others.in_redis)
