"""The format of API keys, their constant-time comparison, and their scopes."""

import re

import pytest

from shared.auth import keys
from shared.auth.keys import Grant, Scope, digest_of, id_of, is_same, new_key


def test_a_key_holds_its_id_and_256_random_bits_in_base62() -> None:
    key, key_id = new_key()
    assert re.fullmatch(rf"cct_{key_id}_[0-9A-Za-z]{{43}}", key)
    assert id_of(key) == key_id
    assert 62**43 >= 2**256
    assert len({new_key()[0] for _ in range(1_000)}) == 1_000


def test_the_largest_and_the_smallest_secret_have_the_same_length(monkeypatch: pytest.MonkeyPatch) -> None:
    for bits in (0, 2**256 - 1):
        monkeypatch.setattr("secrets.randbits", lambda _, bits=bits: bits)
        key, key_id = new_key()
        assert id_of(key) == key_id


@pytest.mark.parametrize(
    "text", ["", "cct_", "cct__", "ccx_abcdefghijkl_" + "a" * 43, "cct_abcdefghijkl_" + "a" * 42, "cct_abcdefghijk-_" + "a" * 43]
)
def test_a_malformed_key_has_no_id(text: str) -> None:
    assert id_of(text) is None


def test_digests_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda a, b: seen.append((a, b)) or a == b)
    mine, other = digest_of(b"mine"), digest_of(b"other")
    assert is_same(mine, mine)
    assert not is_same(mine, other)
    assert seen == [(mine, mine), (mine, other)]


def test_an_admin_key_has_every_scope_and_other_keys_have_their_own() -> None:
    assert Grant("k", frozenset({"admin"})).allows(frozenset({"ingest"}))
    assert Grant("k", frozenset({"read", "ingest"})).allows(frozenset({"ingest"}))
    assert not Grant("k", frozenset({"read", "ingest", "metrics"})).allows(frozenset({"admin"}))


@pytest.mark.parametrize(
    ("scopes", "sees_texts", "sees_names"),
    [
        ({"ingest"}, False, False),
        ({"metrics"}, False, False),
        ({"numbers"}, False, True),
        ({"numbers", "metrics"}, False, True),
        ({"read"}, True, True),
        ({"admin"}, True, True),
    ],
)
def test_scopes_decide_whether_texts_and_names_are_seen(scopes: set[Scope], sees_texts: bool, sees_names: bool) -> None:
    grant = Grant("k", frozenset(scopes))
    assert (not grant.sees_only_numbers, grant.sees_names) == (sees_texts, sees_names)
