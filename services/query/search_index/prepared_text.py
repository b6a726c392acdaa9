"""Prepares what the analyzers of tantivy cannot cut by themselves: parts of identifiers, scripts without spaces, hashes, days."""

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Final
from unicodedata import category, normalize

from services.query.search_index.text_words import SPACELESS

_RUN: Final = re.compile(f"[{SPACELESS}]+")
# All but Latin letters and signs, which most texts have alone: they need neither pairs nor another form.
_FOREIGN: Final = re.compile("[\u0300-\u1fff\u2c00-\U0010ffff]")
# useEffect, HTTPServer: an identifier of several parts without a sign between them. It is looked for at beginnings of words alone.
_HUMPED: Final = re.compile(r"(?<![A-Za-z0-9])(?:[A-Z]*+[a-z0-9]++[A-Z]|[A-Z]{2,}+[a-z]{2})[A-Za-z0-9]*+")
_HUMP: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
# A commit is written with 7 to 40 digits. All begin with the same ones.
_HASH: Final = re.compile(r"\b[0-9a-f]{7,40}+\b")
_HASH_BEGINNING: Final = 7

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
    humped = _HUMPED.sub(_with_humps, text) if with_parts else text
    return _RUN.sub(_pairs, _marks().sub("", normalize("NFKC", humped))) if _FOREIGN.search(humped) else humped


def hashes_of(text: str) -> set[str]:
    """The beginnings of the hashes in a text: what a full hash and a short one have in common."""
    return {found[:_HASH_BEGINNING] for found in set(_HASH.findall(text)) if not (found.isdigit() or found.isalpha())}


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


def _with_humps(match: re.Match[str]) -> str:
    return f"{match[0]} {' '.join(_HUMP.findall(match[0]))} "


def _pairs(match: re.Match[str]) -> str:
    run = match[0]
    return f" {run} " if len(run) == 1 else f" {' '.join(map(''.join, pairwise(run)))} "
