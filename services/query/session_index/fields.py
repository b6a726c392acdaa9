"""The fields of the index of sessions, and how their words are cut: one rule for documents and for queries.

A session is one document. No text is stored in it, only the session's id. Change VERSION with every change of fields, words or texts: a folder of another
version is made anew.
"""

import re
from functools import cache
from itertools import pairwise
from typing import Final
from unicodedata import normalize

from tantivy import Filter, Index, Schema, SchemaBuilder, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from shared.document_words import SPACELESS

VERSION: Final = 1
SESSION_ID: Final = "session_id"
# Where a word was said, and how much it tells of what the session was about.
PARTS: Final = {"title": 4.0, "prompts": 3.0, "answers": 1.5, "files": 1.5, "commands": 1.0, "results": 0.5}
# Parts in which people and Claude wrote sentences: these are also found by other forms of a word.
SPOKEN: Final = ("title", "prompts", "answers")

_MAX_WORD_BYTES: Final = 64
_RUN: Final = re.compile(f"[{SPACELESS}]+")
# useEffect, HTTPServer, tree2: an identifier of several parts without a sign between them.
_HUMPED: Final = re.compile(r"[A-Za-z]*[a-z0-9][A-Z][A-Za-z0-9]*|[A-Z]{2,}[a-z]{2,}[A-Za-z0-9]*")
_HUMP: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


def stems_of(part: str) -> str:
    """The field with the stems of a part's words."""
    return f"{part}_stems"


@cache
def schema() -> Schema:
    """What a document has."""
    builder = SchemaBuilder().add_text_field(SESSION_ID, stored=True, tokenizer_name="raw", index_option="basic")
    for part in PARTS:
        builder.add_text_field(part, tokenizer_name="words", index_option="position" if part in SPOKEN else "freq")
    for part in SPOKEN:
        builder.add_text_field(stems_of(part), tokenizer_name="stems", index_option="freq")
    return builder.build()


def open_index(path: str | None) -> Index:
    """The index of a folder, which is made if there is none in it; without a folder one in memory. ValueError if the folder has something else."""
    index = Index(schema(), path)
    index.register_tokenizer("words", words_analyzer())
    index.register_tokenizer("stems", stems_analyzer())
    return index


@cache
def words_analyzer() -> TextAnalyzer:
    """Words in one case and without accents. An identifier is cut at its signs."""
    return _plain().build()


@cache
def stems_analyzer() -> TextAnalyzer:
    """The English stems of words."""
    return _plain().filter(Filter.stemmer("english")).build()


def _plain() -> TextAnalyzerBuilder:
    # Twice: what is folded may get longer, and a capital may come of it.
    return (
        TextAnalyzerBuilder(Tokenizer.regex(r"[\p{L}\p{N}\p{M}]+"))
        .filter(Filter.remove_long(_MAX_WORD_BYTES))
        .filter(Filter.lowercase())
        .filter(Filter.ascii_fold())
    )


def prepared(text: str) -> str:
    """A text with what analyzers cannot cut by themselves: the parts of `useEffect` behind it, and pairs of neighbours of scripts without spaces."""
    humped = _HUMPED.sub(_with_humps, text)
    return humped if humped.isascii() else _RUN.sub(_pairs, normalize("NFKC", humped))


def words_of(text: str) -> list[str]:
    """The words of a text, as they are in the index."""
    return words_analyzer().analyze(prepared(text))


def stem_of(word: str) -> str:
    """The stem of a word of the index."""
    return next(iter(stems_analyzer().analyze(word)), word)


def _with_humps(match: re.Match[str]) -> str:
    return f"{match[0]} {' '.join(_HUMP.findall(match[0]))} "


def _pairs(match: re.Match[str]) -> str:
    run = match[0]
    return f" {run} " if len(run) == 1 else f" {' '.join(map(''.join, pairwise(run)))} "
