"""Prepares what the analyzers of tantivy cannot cut by themselves: parts of identifiers, scripts without spaces, hashes, days."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final
from unicodedata import category, is_normalized, normalize

from services.query.search_index.words.text_words import SPACELESS

_RUN: Final = re.compile(f"[{SPACELESS}]+")
# All but Latin letters and signs, which most texts have alone: they need neither pairs nor another form.
_FOREIGN: Final = re.compile("[\u0300-\u1fff\u2c00-\U0010ffff]")
_HUMP: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
# A commit is written with 7 to 40 digits. All begin with the same ones.
_HASH: Final = re.compile(r"\b[0-9a-f]{7,40}+\b")
_HASH_BEGINNING: Final = 7

_LOWER, _UPPER, _DIGITS = b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789"


def _shapes(**signs: bytes) -> bytes:
    """A table for `translate`: each sign of a class becomes the name of the class, and all others a space."""
    return bytes(next((ord(name) for name, of_class in signs.items() if code in of_class), 32) for code in range(256))


# useEffect, HTTPServer: an identifier of several parts without a sign between them. It is looked for at beginnings of words alone.
_CASES: Final = _shapes(a=_LOWER, A=_UPPER, d=_DIGITS)
_HUMPS: Final = (b"aA", b"dA", b"AAaa")
# All that is not ASCII has become a question mark.
_SIGNS: Final = _shapes(w=_LOWER + _UPPER + _DIGITS + b"?", s=b"._-")
_SIGN_INSIDE: Final = b"wsw"
_HEXADECIMAL: Final = _shapes(h=b"0123456789abcdef")
_HASH_SHAPE: Final = b"h" * _HASH_BEGINNING

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_GERMAN_MONTHS: Final = {"mär": 3, "mai": 5, "okt": 10, "dez": 12}
_MONTH: Final = (
    r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez)"
    r"(?:uary|ruary|ch|il|e|y|ust|t|tember|ober|ember|uar|ruar|z|i|o)?\b\.?"
)
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
_YEAR: Final = r"(?P<year>20\d\d)"
_DATES: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_YEAR}[-/.年](?P<month>\d{{1,2}})[-/.月](?P<day>\d{{1,2}})(?:日|\b|(?=T))",
        rf"\b(?P<day>\d{{1,2}})\.\s?(?P<month>\d{{1,2}})\.\s?{_YEAR}\b",
        rf"\b(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}})/{_YEAR}\b",
        rf"\b(?P<day>\d{{1,2}})/(?P<month>\d{{1,2}})/{_YEAR}\b",
        rf"\b{_DAY}\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}\b",
        rf"\b{_MONTH}\s+{_DAY},?\s+{_YEAR}\b",
        rf"\b{_MONTH}\s+{_YEAR}\b",
        rf"\b{_YEAR}-(?P<month>\d\d)\b(?!-)",
        rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}",
        rf"\b{_MONTH}\s+{_DAY}(?![\d:])\b",
        r"(?P<month>\d{1,2})月(?P<day>\d{1,2})日",
    )
)


def prepared(text: str, *, with_parts: bool = True) -> str:
    """A text with the parts of `useEffect` behind it, if they are wanted, and pairs of neighbours of scripts without spaces."""
    humped = _with_humps(text) if with_parts else text
    if not _FOREIGN.search(humped):
        return humped
    # A look takes nothing where this changes nothing.
    whole = humped if is_normalized("NFKC", humped) else normalize("NFKC", humped)
    return _RUN.sub(_pairs, _marks().sub("", whole))


def hashes_of(text: str) -> set[str]:
    """The beginnings of the hashes in a text: what a full hash and a short one have in common."""
    shape, found, at = _shape(text, _HEXADECIMAL), set[str](), -1
    while (at := shape.find(_HASH_SHAPE, at + 1)) >= 0:
        if match := _HASH.match(text, at):
            found.add(match[0])
        at = shape.find(b" ", at)
        if at < 0:
            break
    return {each[:_HASH_BEGINNING] for each in found if not (each.isdigit() or each.isalpha())}


def named(text: str) -> str:
    """Those words of a text that have signs inside, as often as they are there: all in which the index finds names."""
    return " ".join([text[start:end] for start, end in _words_with(_shape(text, _SIGNS), _SIGN_INSIDE)])


def days_of(at: date) -> tuple[str, str, str]:
    """As what a day is found: as itself, as a day of any year, as a day of its month."""
    return f"{at:%Y-%m-%d}", f"{at:%m-%d}", f"{at:%Y-%m}"


def dates_in(text: str) -> tuple[list[str], str]:
    """The dates that a question names, as days are found, and the question without them."""
    found: list[str] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            found += _days(match)
        text = pattern.sub(lambda match: " " if any(_days(match)) else match[0], text)
    return list(dict.fromkeys(found)), text


@cache
def _marks() -> re.Pattern[str]:
    """Signs that stand on or beside letters, of scripts up to Tibetan: the analyzers would cut words at them."""
    return re.compile(f"[{''.join(chr(code) for code in range(0x300, 0x1000) if category(chr(code)).startswith('M'))}]")


def _days(match: re.Match[str]) -> Iterator[str]:
    named = match.groupdict()
    month = named["month"].lower()
    number = int(month) if month.isdigit() else _GERMAN_MONTHS.get(month) or _MONTHS.index(month) + 1
    day = named.get("day")
    try:
        # 2024 has a 29th of February.
        at = date(int(named.get("year") or 2024), number, int(day or 1))
    except ValueError:
        return
    whole, of_any_year, of_month = days_of(at)
    yield of_month if day is None else whole if named.get("year") else of_any_year


def _with_humps(text: str) -> str:
    pieces, done = list[str](), 0
    for start, end in _words_with(_shape(text, _CASES), *_HUMPS):
        pieces += (text[done:start], _word_with_humps(text[start:end]))
        done = end
    return "".join((*pieces, text[done:]))


@lru_cache(maxsize=16_384)
def _word_with_humps(word: str) -> str:
    return f"{word} {' '.join(_HUMP.findall(word))} "


def _shape(text: str, shapes: bytes) -> bytes:
    """A byte for each character."""
    return text.encode("ascii", "replace").translate(shapes)


def _words_with(shape: bytes, *marks: bytes) -> list[tuple[int, int]]:
    """The beginnings and ends of the words that have one of these. A search by bytes takes a sixth of the time of a regular expression."""
    found = set[tuple[int, int]]()
    for mark in marks:
        at = -1
        while (at := shape.find(mark, at + 1)) >= 0:
            start, end = shape.rfind(b" ", 0, at) + 1, shape.find(b" ", at)
            found.add((start, end if end >= 0 else len(shape)))
            if end < 0:
                break
            at = end
    return sorted(found)


def _pairs(match: re.Match[str]) -> str:
    run = match[0]
    return f" {run} " if len(run) == 1 else f" {' '.join(map(''.join, pairwise(run)))} "
