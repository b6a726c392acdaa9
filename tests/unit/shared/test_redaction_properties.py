"""Properties of redaction: secrets go in any context, other text stays, it is idempotent and linear."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.redaction.redact import redact_text
from shared.redaction.redacted_structs import may_hold_secret, redact_value
from tests.adversarial_texts import KINDS, ONE_OF_EACH, megabyte_of
from tests.counted_calls import TWICE, calls_for
from tests.example_counts import a_third
from tests.seeded_secrets import Seeded, corpus

SEEDED = list(corpus(13))
ALL = st.sampled_from(SEEDED)
# The surroundings of a secret in real texts: it does not go on in letters or digits on either side.
EDGES = st.text(st.characters(exclude_categories=("L", "N", "M"), exclude_characters="_-/+=.~%\\&"), max_size=3)
TEXTS = st.text(max_size=60)
# As many calls as a text may cost at all: some for each of the 16,000 places that are looked at, in each pass.
MOST_CALLS = 1_500_000


@settings(deadline=None)
@given(TEXTS, st.lists(ALL, max_size=4), TEXTS)
def test_redaction_is_idempotent(before: str, seeded: list[Seeded], after: str) -> None:
    once = redact_text("".join([before, *(secret.text for secret in seeded), after]))
    assert redact_text(once) == once


@settings(deadline=None)
@given(TEXTS, EDGES, ALL, TEXTS)
def test_a_secret_is_replaced_in_any_context(before: str, edge: str, seeded: Seeded, after: str) -> None:
    redacted = redact_text(f"{before}{edge}\n{seeded.text}\n{after}")
    assert not any(needle in redacted for needle in seeded.needles)


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters=":=@<>-&?/\\_."), max_size=200))
def test_text_without_special_characters_is_unchanged(text: str) -> None:
    assert (
        redact_text(text) == text
        or "ey" in text.lower()
        or "key" in text.lower()
        or "-" in text
        or len(max(text.split() or [""], key=len)) > 15
    )


@settings(deadline=None)
@given(ALL, st.booleans(), st.sampled_from([None, (",", ":")]))
def test_the_quick_scan_flags_any_json_with_a_secret(seeded: Seeded, ascii_only: bool, separators: tuple[str, str] | None) -> None:
    text = json.dumps({"parameters": {"command": seeded.text}}, ensure_ascii=ascii_only, separators=separators)
    assert may_hold_secret(text.encode())


@pytest.mark.parametrize(
    "text",
    ["Authorization: Bot aB3dE6gH9jK2", 'secret_key:\f"SommerH8Cn2D33"', "mysql\t-u root -pzsvksK8bJbW", "identified\fby 'aB3dE6gH9jK2'"],
)
def test_the_quick_scan_flags_rare_blanks_and_schemes(text: str) -> None:
    assert redact_text(text) != text
    assert may_hold_secret(json.dumps(text).encode())


@given(ALL)
def test_the_quick_scan_sees_escaped_secrets(seeded: Seeded) -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in seeded.text)
    assert may_hold_secret(f'{{"content":"{escaped}"}}'.encode())


@pytest.mark.parametrize(
    "key", ["password", "dbPassword", "API-KEY", "X_Auth_Token", "client_secret", "Cookie", "Authorization", "privateKey"]
)
def test_any_text_under_a_secret_name_is_redacted(key: str) -> None:
    value = redact_value({"a": [{key: "plain words"}], "max_tokens": 7}, {})
    assert value["a"][0][key].startswith("[redacted:credential:")
    assert value["max_tokens"] == 7


@pytest.mark.parametrize(
    "key", ["max_tokens", "token_count", "input_tokens", "tokenizer", "keyboard", "passport", "secretary", "monkey", "old_string"]
)
def test_text_under_other_names_is_unchanged(key: str) -> None:
    parameters = {key: "plain words"}
    assert redact_value(parameters, {}) is parameters


def test_a_megabyte_of_worst_case_text_takes_linear_and_bounded_work() -> None:
    redact_text(ONE_OF_EACH)

    assert {kind: faults for kind in a_third(KINDS) if (faults := faults_in(megabyte_of(kind)))} == {}


def faults_in(text: str) -> list[str]:
    """The faults in the redaction of a text. tests.bench.redaction shows what a call costs."""
    half = text[: (len(text) + len(ONE_OF_EACH)) // 2]
    calls_of_half, _ = calls_for(lambda: redact_text(half))
    calls, once = calls_for(lambda: redact_text(text))
    is_linear, is_bounded = calls <= TWICE * calls_of_half, calls <= MOST_CALLS
    # A text that was cut off, too, is not cut off again.
    is_stable = redact_text(once) == once
    return [
        *([] if is_linear and is_bounded else [f"{calls_of_half} calls, then {calls}"]),
        *([] if is_stable else ["the second time changes it"]),
    ]
