"""A search in texts: candidates that the index finds, and a look at a text that tells whether it matches.

The candidates are all that match, and no others if the index tells all: a word does, and a sign. A phrase, a part of a word and a pattern must be looked at.
"""

import re
from collections.abc import Callable, Sequence
from itertools import islice, pairwise
from typing import Any, Final

import re2
from msgspec import Struct
from tantivy import Query

from services.query.queries.search.query_filters import Part
from services.query.queries.search.query_language import Query as Typed
from services.query.queries.search.query_language import Term
from services.query.queries.search.text_filters import of_kinds
from services.query.queries.search.text_searcher import all_of, any_of
from services.query.search_index.documents.row_documents import DocumentKind, RowDocument
from services.query.search_index.words.fields import NAME_PARTS, SIGNS, WORDS, schema
from services.query.search_index.words.text_words import (
    OVERLONG,
    beginning_of,
    has_sign,
    has_word,
    is_overlong,
    query_signs,
    query_words,
)
from shared.http.errors import invalid

# Escaped letters that stand for one of several characters, for a place, or for one white space. Others have a number behind them.
_CLASSES_AND_PLACES: Final = "dwDSWbByYmMAzntrfv"
_REPEATED: Final = re.compile(r"[*+?]\??|\{(\d*)[^}]*\}\??")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*\]", re.DOTALL)


def texts_of_each_match(pattern: str) -> list[list[str]]:
    """For each alternative the texts that a match has. `def \\w+_test|TODO` gives [["def ", "_test"], ["TODO"]]; `a?` gives [[]].

    A space stands for any white space: `foo\\s+bar` gives [["foo bar"]]. The inside of a group is not looked at. A pattern that is not understood gives [[]].
    """
    alternatives: list[list[str]] = [[""]]
    at = 0
    while at < len(pattern):
        letter, at = _next(pattern, at)
        if at < 0:
            return [[]]
        if letter == "|":
            alternatives.append([""])
            continue
        texts, repeated = alternatives[-1], _REPEATED.match(pattern, at)
        if letter is not None and (repeated is None or repeated[0][0] == "+" or (repeated[1] or "").strip("0")):
            texts[-1] += letter
        if letter is None or (repeated is not None and not (letter == " " and texts[-1].endswith(" "))):
            texts.append("")
        at = repeated.end() if repeated else at
    return [[text for text in texts if text] for texts in alternatives]


def _next(pattern: str, at: int) -> tuple[str | None, int]:
    """The next character that is meant as such, or None for anything else; and where it ends, negative if that is not understood."""
    match pattern[at]:
        case "\\":
            escaped = pattern[at + 1 : at + 2]
            if escaped == "s":
                return " ", at + 2
            if escaped.isalnum() or not escaped:
                return None, at + 2 if escaped and escaped in _CLASSES_AND_PLACES else -1
            # An escaped | ends the text before it, so that it is not taken for an alternative.
            return None if escaped == "|" else escaped, at + 2
        case "[":
            found = _CLASS.match(pattern, at)
            return None, found.end() if found else -1
        case "(":
            return None, _end_of_group(pattern, at)
        case "." | "^" | "$" | "*" | "+" | "?" | "{" | ")":
            return None, at + 1
        case "|":
            return "|", at + 1
        case letter:
            return letter, at + 1


def _end_of_group(pattern: str, at: int) -> int:
    depth = 0
    while at < len(pattern):
        step = at + 1
        if pattern[at] == "\\":
            step = at + 2
        elif pattern[at] == "[":
            found = _CLASS.match(pattern, at)
            if found is None:
                return -1
            step = found.end()
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        at = step
        if depth == 0:
            return at
    return -1


# A shorter part of a word is in nearly all texts: to look for it, also beside other words, takes seconds. A beginning may have one less.
LEAST_PART_CHARS: Final = 3
MAX_PATTERN_CHARS: Final = 256
# A pattern of so much memory takes 50 ms to look at the longest text.
_PATTERN_BYTES: Final = 2 << 20
_MOST_MARKS, _MARK_CHARS = 3, 200

_ASCII_WORD: Final = re.compile("[A-Za-z0-9]+")
_LAST_RUN: Final = re.compile("[A-Za-z0-9]+$")
_IDEOGRAPHS: Final = re.compile("[\u4e00-\u9fff]+")
# The ends of words, as Postgres writes them.
_POSTGRES_ESCAPES: Final = {r"\y": r"\b", r"\m": r"\b", r"\M": r"\b", r"\Y": r"\B"}
_TAKEN: Final = "The syntax is RE2's, without back references and looks around; mode=literal looks for a text as it stands"
_ESCAPE: Final = re.compile(r"\\.", re.DOTALL)

_WITH_PATHS: Final[tuple[DocumentKind, ...]] = ("file", "tool_call")


class Word(Struct, frozen=True):
    """A word of a query as the index has it, whole or as a beginning."""

    text: str
    is_beginning: bool = False

    def query(self) -> Query:
        """Texts that have it, as a word or as a part of a name."""
        if is_overlong(self.text):
            # As far as the index has it.
            return _term(NAME_PARTS, beginning_of(self.text))
        return any_of(_word(WORDS, self), _word(NAME_PARTS, self))


class Conditions(Struct, frozen=True):
    """`candidates` are all that may match, `holds` tells of a row whether it does. `looks_at_texts`: not all candidates do.

    `narrow`: far fewer that may match, and all of them, but the index may refuse to find them (ValueError). `words` are those that rank, `neighbours`
    those that stand beside each other in the query. `marks`: what is marked in a row that is shown.
    """

    candidates: Query
    holds: Callable[[RowDocument], bool]
    looks_at_texts: bool
    marks: Callable[[RowDocument], Sequence[str]]
    words: tuple[Word, ...] = ()
    neighbours: tuple[tuple[str, str], ...] = ()
    narrow: Query | None = None


# Tells whether a text has what a term says. It is given the text, and the part that is asked for in lower case.
_Test = Callable[[str, str], bool]


def of_words(typed: Typed, part: Part | None, path: str | None) -> Conditions:
    """One of the alternatives, each with all of its terms; in a part of a call only, if that is asked for."""
    groups = [_group(terms, part) for terms in typed.alternatives]
    beside = [[query for term in terms if not term.is_excluded and (query := _beside(term))] for terms in typed.alternatives]
    narrow = [all_of(query, *others) for (query, _), others in zip(groups, beside, strict=True)]
    wanted = [[word for term in terms if not term.is_excluded for word in _words(term)] for terms in typed.alternatives]
    of_path = _path(path) if path is not None else None
    marks = (*typed.highlights, *((path,) if path else ()))

    def holds(row: RowDocument) -> bool:
        lower = part_of(row, part).lower()
        is_there = not groups or any(all(test(row.content, lower) for test in tests) for _, tests in groups)
        return is_there and (path is None or (row.kind in _WITH_PATHS and path.lower() in part_of(row, "input").lower()))

    return Conditions(
        candidates=all_of(any_of(*(query for query, _ in groups)) if groups else None, of_path),
        narrow=all_of(any_of(*narrow), of_path) if any(beside) else None,
        holds=holds,
        looks_at_texts=path is not None or any(_is_looked_for(term, part) for terms in typed.alternatives for term in terms),
        marks=lambda _: marks,
        words=tuple(dict.fromkeys(word for words in wanted for word in words)),
        neighbours=tuple(dict.fromkeys((one.text, other.text) for words in wanted for one, other in pairwise(words))),
    )


def of_literal(text: str, part: Part | None, *, is_case_sensitive: bool) -> Conditions:
    """Texts in which this one stands."""
    lower = text.lower()

    def holds(row: RowDocument) -> bool:
        content = part_of(row, part)
        return text in content if is_case_sensitive else lower in content.lower()

    words = tuple(map(Word, dict.fromkeys(_inner_words(text))))
    return Conditions(all_of(_with_any([[text]])), holds, True, lambda _: (text,), words, narrow=_with_any([[text]], is_narrow=True))


def of_pattern(pattern: str, part: Part | None, *, is_case_sensitive: bool) -> Conditions:
    """Texts in which a regular expression matches. Those texts that each match has lead to it. 400 for what RE2 does not take."""
    compiled = _compiled(pattern, is_case_sensitive=is_case_sensitive)

    def holds(row: RowDocument) -> bool:
        return compiled.search(part_of(row, part)) is not None

    def marks(row: RowDocument) -> list[str]:
        return [found[0][:_MARK_CHARS] for found in islice(compiled.finditer(part_of(row, part)), _MOST_MARKS)]

    texts = texts_of_each_match(pattern)
    return Conditions(all_of(_with_any(texts)), holds, True, marks, narrow=_with_any(texts, is_narrow=True))


def part_of(row: RowDocument, part: Part | None) -> str:
    """The text of a row that is asked for: all, or what a call was given or gave back. All that is no result is input."""
    if part is None or (part == "input" and row.result_at is None):
        return row.content
    at = row.result_at
    return row.content[:at] if part == "input" else "" if at is None else row.content[at:]


def _group(terms: Sequence[Term], part: Part | None) -> tuple[Query, list[_Test]]:
    """A query that all texts of an alternative match, and tests that tell of each text whether it is one."""
    wanted = [_with_term(term) for term in terms if not term.is_excluded]
    unwanted = [_with_term(term) for term in terms if term.is_excluded and not _is_looked_for(term, part)]
    return all_of(*wanted).and_must_not_match(*unwanted), [_test(term, part) for term in terms]


def _is_looked_for(term: Term, part: Part | None) -> bool:
    """The index has words and signs of a whole text."""
    return term.is_exact or part is not None


def _test(term: Term, part: Part | None) -> _Test:
    is_looked_for, text = _is_looked_for(term, part), term.text.lower()

    def holds(content: str, lower: str) -> bool:
        if is_looked_for:
            is_there = text in lower
        elif term.words:
            is_there = has_word(content, term.words[0], is_beginning=term.is_beginning)
        else:
            is_there = has_sign(content, term.signs[0])
        return is_there != term.is_excluded

    return holds


def _words(term: Term) -> list[Word]:
    return [Word(word, term.is_beginning and at == len(term.words)) for at, word in enumerate(term.words, start=1)]


def _with_term(term: Term) -> Query:
    """All texts that have a term, and those that have its words and signs in another way."""
    return all_of(_with_words(_words(term)), _with_signs(term.text))


def _with_words(words: Sequence[Word]) -> Query | None:
    """All texts in which these words follow each other. The first may be the end of a name, and the last the beginning of one."""
    if len(words) < 2:
        return words[0].query() if words else None
    first, inner, last = words[0], _side_by_side(words[1:-1]), words[-1]
    begins, ends = _word(NAME_PARTS, first), last.query() if last.is_beginning else _word(NAME_PARTS, last)
    if last.is_beginning:
        return any_of(all_of(_side_by_side(words[:-1]), ends), all_of(begins, inner, ends))
    ways = (
        _side_by_side(words),
        all_of(begins, _side_by_side(words[1:])),
        all_of(_side_by_side(words[:-1]), ends),
        all_of(begins, inner, ends),
    )
    return any_of(*(way for way in ways if way is not None))


def _beside(term: Term) -> Query | None:
    """All texts in which the words of a phrase follow each other, the first and the last as parts of words. None for other terms."""
    if len(term.words) < 2 or not term.is_exact:
        return None
    first, *inner, last = term.words
    begins, ends = _ending_in(first), _beginning_with(last)
    return _with_parts(begins, list(map(Word, inner)), ends) if len(begins) + len(inner) + len(ends) > 1 else None


def _side_by_side(words: Sequence[Word]) -> Query | None:
    kept = [(place, word.text) for place, word in enumerate(words) if not is_overlong(word.text)]
    phrase = Query.phrase_query(schema(), WORDS, [*kept]) if len(kept) > 1 else _word(WORDS, Word(kept[0][1])) if kept else None
    others = [word.query() for word in words if is_overlong(word.text)]
    return all_of(phrase, *others) if words else None


def _with_signs(text: str) -> Query | None:
    signs = query_signs(text)
    return all_of(*(_term(SIGNS, sign) for sign in signs)) if signs else None


def _with_any(alternatives: Sequence[Sequence[str]], *, is_narrow: bool = False) -> Query | None:
    """All texts that have all texts of one of these alternatives. None if nothing of one is indexed."""
    found = [[query for text in texts if (query := _with_text(text, is_narrow=is_narrow))] for texts in alternatives]
    return any_of(*(all_of(*queries) for queries in found)) if all(found) else None


def _with_text(text: str, *, is_narrow: bool) -> Query | None:
    """All texts in which this one stands, between whatever. None if nothing of it is indexed.

    `is_narrow`: the parts of words at its ends stand beside the words between. The index refuses a part of more than 16,384 words.
    """
    start, end = _inner_span(text)
    inner = list(map(Word, _inner_words(text)))
    first, last = _parts_of_words(text, start, end)
    ideographs = [query for run in _IDEOGRAPHS.findall(text) if (query := _side_by_side(list(map(Word, run))))]
    queries = [_side_by_side(inner), _with_signs(text), *ideographs]
    if is_narrow and len(first) + len(inner) + len(last) > 1:
        queries.append(_with_parts(first, inner, last))
    else:
        queries += [_with_parts([part], [], []) for part in (*first, *last)]
    found = [query for query in queries if query is not None]
    return all_of(*found) if found else None


def _parts_of_words(text: str, start: int, end: int) -> tuple[list[str], list[str]]:
    """A regular expression for the word that begins before a text, and one for the word that goes on behind it. None for a part of too few letters."""
    if start == len(text):
        # One word, or in the midst of one.
        longest = max(_ASCII_WORD.findall(text), key=len, default="")
        return [f".*{longest}.*".lower()] if len(longest) >= LEAST_PART_CHARS else [], []
    first, last = _LAST_RUN.search(text, 0, start), _ASCII_WORD.match(text, end)
    return _ending_in(first[0] if first else ""), _beginning_with(last[0] if last else "")


def _ending_in(part: str) -> list[str]:
    return [f".*{part.lower()}"] if len(part) >= LEAST_PART_CHARS else []


def _beginning_with(part: str) -> list[str]:
    return [f"{part.lower()}.*"] if len(part) >= LEAST_PART_CHARS - 1 else []


def _with_parts(first: Sequence[str], inner: Sequence[Word], last: Sequence[str]) -> Query | None:
    """All texts in which these words and parts of words follow each other. A part may be of a word that is too long for the index."""
    if not first and not last:
        return None
    words = [*first, *("" if is_overlong(word.text) else word.text for word in inner), *last]
    places: list[str | tuple[int, str]] = [(place, word) for place, word in enumerate(words) if word]
    parts = Query.regex_phrase_query(schema(), WORDS, places) if len(places) > 1 else Query.regex_query(schema(), WORDS, (*first, *last)[0])
    return any_of(parts, _term(NAME_PARTS, OVERLONG))


def _inner_words(text: str) -> list[str]:
    """The words that a text surely has as a whole."""
    start, end = _inner_span(text)
    return query_words(text[start:end])


def _inner_span(text: str) -> tuple[int, int]:
    """Without its first and its last word, which may go on outside of it."""
    start = next((at for at, letter in enumerate(text) if not _goes_on(letter)), len(text))
    end = next((at for at in range(len(text), start, -1) if not _goes_on(text[at - 1])), start)
    return start, end


def _goes_on(letter: str) -> bool:
    return letter.isalnum() or not letter.isascii()


def _path(path: str) -> Query:
    return all_of(of_kinds(*_WITH_PATHS), _with_text(path, is_narrow=False))


def _word(field: str, word: Word) -> Query:
    return Query.regex_query(schema(), field, f"{word.text}.*") if word.is_beginning else _term(field, word.text)


def _term(field: str, term: str) -> Query:
    return Query.term_query(schema(), field, term, "basic")


def _compiled(pattern: str, *, is_case_sensitive: bool) -> Any:
    """400 for a pattern that RE2 refuses. It looks at each character of a text once."""
    if len(pattern) > MAX_PATTERN_CHARS:
        raise invalid("q", f"has {len(pattern)} characters; a regular expression may have {MAX_PATTERN_CHARS}")
    options = re2.Options()
    options.case_sensitive, options.dot_nl, options.max_mem, options.log_errors = is_case_sensitive, True, _PATTERN_BYTES, False
    # The module keeps patterns, each with its memory.
    re2.purge()
    try:
        return re2.compile(_ESCAPE.sub(lambda found: _POSTGRES_ESCAPES.get(found[0], found[0]), pattern), options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise invalid("q", f"is no regular expression: {reason}. {_TAKEN}") from None
