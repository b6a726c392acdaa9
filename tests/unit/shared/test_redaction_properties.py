"""Whatever stands around it: a secret goes, everything else stays, doing it again changes nothing, and a megabyte is no feat."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.redacted_structs import may_hold_secret, redact_value
from shared.redaction import redact_text
from tests.seeded_secrets import Seeded, corpus

SEEDED = list(corpus(13))
ONE_OF_EACH = "\n".join({seeded.kind: seeded.text for seeded in SEEDED}.values()) + "\n"
ALL = st.sampled_from(SEEDED)
# What a secret touches in real texts: it does not go on in letters or digits on either side.
EDGES = st.text(st.characters(exclude_categories=("L", "N", "M"), exclude_characters="_-/+=.~%\\&"), max_size=3)
TEXTS = st.text(max_size=60)
MEGABYTE = 1_000_000
# Generous: a text that is read again for each of its beginnings takes minutes.
HANG_MS = 20_000


@settings(deadline=None)
@given(TEXTS, st.lists(ALL, max_size=4), TEXTS)
def test_again_changes_nothing(before: str, seeded: list[Seeded], after: str) -> None:
    once = redact_text("".join([before, *(secret.text for secret in seeded), after]))
    assert redact_text(once) == once


@settings(deadline=None)
@given(TEXTS, EDGES, ALL, TEXTS)
def test_a_secret_goes_whatever_is_around_its_text(before: str, edge: str, seeded: Seeded, after: str) -> None:
    redacted = redact_text(f"{before}{edge}\n{seeded.text}\n{after}")
    assert not any(needle in redacted for needle in seeded.needles)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters=":=@<>-&?/\\_."), max_size=200))
def test_a_text_without_signs_stays(text: str) -> None:
    assert (
        redact_text(text) == text
        or "ey" in text.lower()
        or "key" in text.lower()
        or "-" in text
        or len(max(text.split() or [""], key=len)) > 15
    )


@settings(deadline=None)
@given(ALL, st.booleans(), st.sampled_from([None, (",", ":")]))
def test_json_that_may_hold_a_secret_is_never_passed_over(seeded: Seeded, ascii_only: bool, separators: tuple[str, str] | None) -> None:
    text = json.dumps({"parameters": {"command": seeded.text}}, ensure_ascii=ascii_only, separators=separators)
    assert may_hold_secret(text.encode())


@given(ALL)
def test_an_escape_hides_nothing(seeded: Seeded) -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in seeded.text)
    assert may_hold_secret(f'{{"content":"{escaped}"}}'.encode())


@pytest.mark.parametrize(
    "key", ["password", "dbPassword", "API-KEY", "X_Auth_Token", "client_secret", "Cookie", "Authorization", "privateKey"]
)
def test_under_the_name_of_a_secret_any_text_is_one(key: str) -> None:
    value = redact_value({"a": [{key: "plain words"}], "max_tokens": 7}, {})
    assert value["a"][0][key].startswith("[redacted:credential:")
    assert value["max_tokens"] == 7


@pytest.mark.parametrize(
    "key", ["max_tokens", "token_count", "input_tokens", "tokenizer", "keyboard", "passport", "secretary", "monkey", "old_string"]
)
def test_other_names_are_no_secret_s(key: str) -> None:
    parameters = {key: "plain words"}
    assert redact_value(parameters, {}) is parameters


@pytest.mark.parametrize(
    "unit",
    [
        "a://a:", "a://b:c@", "://:", "password=", "password = ", "token:\"", "sk-ant-", "AKIA", "eyJaaaaaaaa.", "eyJaaaaaaaa.eyJ", "eyJ", "-----BEGIN PRIVATE KEY-----",
        "authorization: bearer ", "--token ", " -u a:", "login a password ", "[redacted:", "[redacted:x:00000000]", "secret_key", "\\", "\\\\\"", "'", "cookie: a=",
        "?sig=",        "<password>", "password\\\\\\", "Proc-Type: ", "-----BEGIN PRIVATE KEY-----\nAAAAAAAAAAAAAAAA\n", "password=a1b2c3 ", "SG.aaaaaaaaaaaaaaaa.",
        "…", "пароль=",
    ],
)  # fmt: skip
def test_a_megabyte_of_beginnings_is_read_in_linear_time(unit: str) -> None:
    # Behind a real one of each kind, so that it is looked into for all of them.
    assert_read_in_linear_time(ONE_OF_EACH + unit * (MEGABYTE // len(unit)))


@pytest.mark.parametrize(
    "form",
    [
        "ghp_{:036} ", "AKIA{:016} ", "eyJ{:08}.eyJ{:08}.", "eyJ{:08}.eyJ{:08}.{:08} ", "xoxe-{:016}eyJ", "xoxe-{:016}glpat-aaaa.",
        "-----BEGIN PRIVATE KEY-----\n{:016}\n", "pwd=a{:05} ", "password=a{:06}_b ", "password: a{:06}", "token: {:a>8} ", "token: a/b{:04}/c ",
        '"token":"x{:06}",', "://:{:06}@ ", "https://a{:06}:b@", "bearer {:016x} ", "authorization:{:08x} ", "cookie:a={:06x}\n", " -u a:{:05x}b",
        "&sig={:030}", "--token a{:06} ", "<pwd>a{:06}</", "[redacted:x:{:08x}]", "[redacted:x:{:08x}]pwd=a{:05}",
    ],
)  # fmt: skip
def test_a_megabyte_of_different_ones_is_read_in_linear_time(form: str) -> None:
    length = len(form.format(*[0] * 3))
    assert_read_in_linear_time(ONE_OF_EACH + "".join(form.format(*[number] * 3) for number in range(MEGABYTE // length)))


def assert_read_in_linear_time(text: str) -> None:
    started = time.process_time()
    redacted = redact_text(text)

    milliseconds = (time.process_time() - started) * 1000
    print(f"{len(text)} characters in {milliseconds:.0f} ms of CPU")
    assert milliseconds < HANG_MS
    assert redact_text(redacted[:10_000]) == redact_text(redact_text(redacted[:10_000]))
