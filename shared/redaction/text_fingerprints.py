"""Texts that are kept out without being kept: what recognizes a text, and does not say what it is.

A text is kept as a keyed hash, its length, and half of the bits of eight of its bytes. Those are searched for as quickly as a word, and the hash
decides. A reader of these can try out guesses, so a short text can be found out; one as random as a key cannot.

Only what is written as it was given is recognized: also composed or decomposed, and in JSON within a string. No other encoding, and no part of it.
"""

import secrets
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cached_property
from hashlib import sha256
from hmac import compare_digest, digest
from typing import Any, Final

import re2
from msgspec import Struct

from shared.redaction.given_texts import KIND, PLAIN_RUN, escape_of, in_json, merged, word_of
from shared.redaction.secret_finder import Place

WINDOW_BYTES: Final = 8
# The low half of a byte.
_HALVES: Final = bytes(byte & 15 for byte in range(256))
_LEAST_PLAIN_BYTES: Final = 4


class Fingerprint(Struct, frozen=True, array_like=True):
    """One form of a text: its hash and length, and the halves of some of its bytes. `is_plain`: JSON need not escape these. `word` replaces the text."""

    salt: bytes
    mac: bytes
    length: int
    window_at: int
    window: bytes
    is_plain: bool
    is_ascii: bool
    word: bytes


def fingerprints_of(text: str, salt: bytes) -> list[Fingerprint]:
    """The fingerprints that recognize a text, in each form in which it is recognized. `salt` is that of its word."""
    written = {text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}
    written |= {form for each in tuple(written) for is_ascii in (False, True) for form in in_json(each, is_ascii)}
    return [_fingerprint(form.encode("utf-8", "surrogatepass"), word_of(text, salt)) for form in sorted(written)]


def _fingerprint(form: bytes, word: bytes) -> Fingerprint:
    salt = secrets.token_bytes(16)
    plain = max(PLAIN_RUN.finditer(form), key=lambda found: len(found[0]), default=None)
    is_plain = plain is not None and len(plain[0]) >= _LEAST_PLAIN_BYTES
    start, stop = plain.span() if plain is not None and is_plain else (0, len(form))
    window = form[start : min(stop, start + WINDOW_BYTES)].translate(_HALVES)
    return Fingerprint(salt, digest(salt, form, sha256), len(form), start, window, is_plain, form.isascii(), word)


class KeptOutTexts:
    """Texts of which there are fingerprints alone (given_texts.Texts). The rest that a cut has left of one is not recognized."""

    def __init__(self, fingerprints: Sequence[Fingerprint]) -> None:
        self._by_window: dict[bytes, list[Fingerprint]] = {}
        for each in fingerprints:
            self._by_window.setdefault(each.window, []).append(each)
        self._escape = re2.compile(escape_of([b"" if each.is_ascii else b"\x80" for each in fingerprints]))
        self._is_all_plain = all(each.is_plain for each in fingerprints)
        self._lengths = sorted({len(window) for window in self._by_window})

    @cached_property
    def _search(self) -> Any:
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        # Without `longest_match`: the first at a place, and those of other lengths there are asked about by `_at`.
        return re2.compile(b"|".join(map(re2.escape, sorted(self._by_window, key=len))), options=options)

    def may_be_in(self, json_text: bytes) -> bool:
        """False only if no string of this JSON has one of the texts."""
        if self._search.search(json_text.translate(_HALVES)) is not None or self._escape.search(json_text) is not None:
            return True
        return not self._is_all_plain and (b"\\" in json_text or not json_text.isascii())

    def places_in(self, text: bytes, *, is_cut_before: bool = False, is_cut_behind: bool = False) -> list[Place]:  # noqa: ARG002  # see the class
        """Where they are."""
        halves = text.translate(_HALVES)
        found: list[Place] = []
        match = self._search.search(halves)
        while match is not None:
            found += self._at(match.start(), halves, text)
            match = self._search.search(halves, match.start() + 1)
        return merged(sorted(found))

    def _at(self, place: int, halves: bytes, text: bytes) -> Iterator[Place]:
        for length in self._lengths:
            for each in self._by_window.get(halves[place : place + length], ()):
                start = place - each.window_at
                part = text[start : start + each.length] if start >= 0 else b""
                if len(part) == each.length and compare_digest(digest(each.salt, part, sha256), each.mac):
                    yield Place(start, start + each.length, KIND, each.word)
