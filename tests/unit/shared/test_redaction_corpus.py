"""Secrets and harmless texts as transcripts have them. `python -m tests.redaction_corpus` prints the results by kind."""

import json
from collections import Counter

import pytest

from shared.redaction.redact import redact_text
from shared.redaction.redacted_structs import may_hold_secret, redact_value
from shared.redaction.token_formats import kinds
from tests.redaction_corpus import examples, harmless_cases, secret_cases
from tests.redaction_corpus.__main__ import is_found, is_left

SECRETS, HARMLESS = secret_cases(), harmless_cases()
# Kinds of which all but these are found; told in docs/explanation/security.md.
NOT_FOUND = {"password of an option": 1, "password in a sentence": 1}


def test_the_corpora_have_their_documented_size() -> None:
    assert len(SECRETS) >= 400
    assert len(HARMLESS) >= 300
    assert 3 * sum(case.is_held_out for case in SECRETS) >= len(SECRETS)
    assert 3 * sum(case.is_held_out for case in HARMLESS) >= len(HARMLESS)


def test_secrets_of_each_kind_are_found() -> None:
    missed = [case for case in SECRETS if not is_found(case)]
    assert Counter(case.kind for case in missed) <= Counter(NOT_FOUND), [case.text for case in missed]


def test_ninety_nine_percent_of_the_secrets_are_found() -> None:
    assert sum(map(is_found, SECRETS)) >= 0.99 * len(SECRETS)


def test_at_most_one_percent_of_the_harmless_texts_change() -> None:
    changed = [case.text for case in HARMLESS if not is_left(case)]
    assert len(changed) <= 0.01 * len(HARMLESS), changed


@pytest.mark.parametrize(
    "text",
    ["?pageToken=CAUQAhgBIgwI1pXkugYQ", '"continuation_token": "aGVsbG8gd29ybGQgMTIz"', '"session_key": "agent:main:dm:42"', 'token:"keyword.control"', 'cookies:"…"'],
)  # fmt: skip
def test_names_that_only_end_like_secret_names_are_not_secret(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "value", [{"pageToken": "CAUQAhgBIgw"}, {"token": "keyword.control"}, {"cookies": "…"}, {"session_key": "agent:main:dm:42"}]
)
def test_parameters_with_such_names_are_not_redacted(value: dict[str, str]) -> None:
    assert redact_value(value, {}) is value


def test_a_value_field_beside_a_secret_name_is_redacted() -> None:
    fields = [{"name": "Password", "type": "textbox", "value": "plain words"}, {"value": "plain words", "name": "DB_PASSWORD"}]
    assert "plain words" not in str(redact_value(fields, {}))
    assert may_hold_secret(json.dumps(fields[:1]).encode())
    assert may_hold_secret(json.dumps(fields[1:]).encode())


def test_redaction_of_the_corpus_is_idempotent() -> None:
    redacted = [redact_text(case.text) for case in (*SECRETS, *HARMLESS)]
    assert [once for once in redacted if redact_text(once) != once] == []


@pytest.mark.parametrize("is_ascii", [True, False])
def test_the_quick_scan_flags_json_with_any_of_the_secrets(is_ascii: bool) -> None:
    texts = [json.dumps({"content": case.text}, ensure_ascii=is_ascii) for case in SECRETS if is_found(case)]
    assert [text for text in texts if not may_hold_secret(text.encode())] == []


def test_every_kind_of_token_is_found_by_its_example() -> None:
    found = {mark: shown for mark, (kind, secret) in examples().items() if (shown := redacted_otherwise(kind, secret))}
    assert found == {}


def redacted_otherwise(kind: str, secret: str) -> str | None:
    """The redaction of a sentence with the secret, if that is not as one secret of the kind is redacted."""
    counts: dict[str, int] = {}
    redacted = redact_text(f"it is {secret} here", counts)
    is_right = (
        counts == {kind: 1} and redacted.startswith(("it is [redacted:", "it is https://[redacted:")) and redact_text(redacted) == redacted
    )
    return None if is_right else f"{redacted} {counts}"


def test_no_token_prefix_is_hidden_by_an_earlier_one() -> None:
    marks = [kind.begins for kind in kinds()]
    hidden = [(mark, before) for number, mark in enumerate(marks) for before in marks[:number] if mark.startswith(before)]
    assert hidden == []


def test_a_token_longer_than_a_chunk_is_replaced_completely() -> None:
    token = "sk-ant-" + "aB3dE6gH9j" * 10_000
    text = "plain words " * 2_700 + token + " the end"
    assert redact_text(text).endswith("] the end")
    assert "aB3dE6gH9j" not in redact_text(text)


@pytest.mark.parametrize("before", range(32 * 1024 - 60, 32 * 1024 + 4, 7))
def test_a_token_across_a_chunk_boundary_is_found(before: int) -> None:
    text = " " * before + "ghp_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6 and so on " + "words " * 10_000
    counts: dict[str, int] = {}
    redact_text(text, counts)
    assert counts == {"github_token": 1}


def test_seed_phrases_are_told_from_sentences_by_their_vocabulary() -> None:
    sentence = "the mnemonic is: these words that you read here are just some long english sentence about nothing much"
    assert redact_text(sentence) == sentence
