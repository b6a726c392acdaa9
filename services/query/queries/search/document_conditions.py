"""A search in documents as SQL: what an index can find, what each document must hold, and its score.

All text of a request is in the parameters. The composed statements are committed in rendered/.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from math import log2
from typing import Final, Literal

from msgspec import Struct

from services.query.database import Connection, Row, estimated_rows, one_row
from services.query.queries.search.pattern_texts import texts_of_each_match
from services.query.queries.search.query_language import Query, Term
from shared.document_words import LEAST_PART_CHARS, OVERLONG, folded, phrase_query, query_lexemes, sign_lexemes
from shared.like_patterns import escape_like
from shared.sql_files import statement

Part = Literal["input", "result"]

sql = partial(statement, __package__, "documents.sql")

_IS_BOUND: Final = "SELECT current_setting('role') = 'tracker_bound' AS is_bound"

# What a call was given, what it gave back. Of search_texts.
_INPUT: Final = "d.input"
_RESULT: Final = "substr(d.content, d.result_at + 1)"
_IDEOGRAPH: Final = re.compile("[\u4e00-\u9fff]")
# A word that is long enough to be looked for as a beginning.
_WORD: Final = re.compile(r"[A-Za-z0-9_]{3,60}")
# A part of a word: the dictionary has the words that have it, that begin or end with it where a sign or a space is beside it.
_PART: Final = re.compile(rf"[A-Za-z0-9_]{{{LEAST_PART_CHARS},60}}")
# So many words are weighed by rarity. Each of more tells little, and to know each would take long.
MOST_WEIGHED: Final = 32
# A part that more words have is in so many documents that the newest are soon found without an index.
MOST_WORDS: Final = 500


# Words of the dictionary that are LIKE something, so many at most; None if it cannot be asked.
WordsWith = Callable[[str, int], list[str] | None]


class Conditions(Struct, frozen=True):
    """`indexed` and `matches` are conditions of SQL on a document d; their parameters, and those of the score, are in `parameters`.

    `rest` is `matches` where the index was asked already. `words` are those that rank. `looks_at_texts`: `matches` reads the text.
    `has_terms`: an index can find it.
    """

    indexed: str
    matches: str
    rest: str
    parameters: Row
    words: tuple[str, ...]
    has_several_words: bool
    looks_at_texts: bool
    has_terms: bool

    def statement(self, name: str, *, by_index: bool = True) -> str:
        """A statement of documents.sql, filled. Without the index each document is looked at."""
        return self.filled(sql(name), by_index=by_index)

    def filled(self, text: str, *, by_index: bool = True) -> str:
        """A statement over documents d, filled."""
        filled = text.replace("{bounds}", sql("bounds")).replace("{filters}", sql("filters")).replace("{score}", sql("score"))
        indexed, rest = (self.indexed, self.rest) if by_index else ("true", self.matches)
        return filled.replace("{indexed}", indexed).replace("{matches}", self.matches).replace("{rest}", rest)

    def weighed(self, weights: Sequence[int]) -> Row:
        """The parameters, with how much each word counts."""
        return self.parameters | {"weights": list(weights), "all_weights": max(sum(weights), 1)}


def of_words(query: Query, part: Part | None, path: str | None) -> Conditions:
    """One of the alternatives, each with all of its terms; in a part of a call only, if that is asked for."""
    parameters: Row = {}
    groups = [_group(number, terms, part, parameters) for number, terms in enumerate(query.alternatives)]
    words = [[lexeme for term in terms if not term.is_excluded for lexeme in term.lexemes] for terms in query.alternatives]
    return _of_groups(groups, words, parameters, path)


def _of_groups(groups: list[tuple[str | None, list[str]]], words: list[list[str]], parameters: Row, path: str | None) -> Conditions:
    tsqueries = [tsquery for tsquery, _ in groups]
    indexed, matches = list[str](), list[str]()
    if tsqueries and all(tsqueries):
        parameters["terms"] = " | ".join(f"({tsquery})" for tsquery in tsqueries)
        indexed.append("d.terms @@ %(terms)s::tsquery")
    if any(tests for _, tests in groups) or (tsqueries and not all(tsqueries)):
        alternatives = [_all(tests, number, tsquery, parameters) for number, (tsquery, tests) in enumerate(groups)]
        matches.append(f"({' OR '.join(alternatives)})")
    elif indexed:
        matches.append(indexed[-1])
    if path is not None:
        parameters |= {"path": path, "path_terms": " & ".join((*query_lexemes(path), *sign_lexemes(path))) or None}
        indexed.append("(%(path_terms)s::tsquery IS NULL OR d.terms @@ %(path_terms)s::tsquery)")
        matches.append(f"d.kind IN ('file', 'tool_call') AND strpos(lower({_INPUT}), lower(%(path)s)) > 0")
    return Conditions(
        indexed=" AND ".join(indexed) or "true",
        matches=" AND ".join(matches) or "true",
        rest=_all_but_terms(groups) if path is None and len(groups) == 1 else " AND ".join(matches) or "true",
        parameters=parameters | _ranking(words),
        words=tuple(dict.fromkeys(word for group in words for word in group)),
        has_several_words=any(len(group) > 1 for group in words),
        looks_at_texts=any(text in " ".join(matches) for text in ("d.content", _INPUT)),
        has_terms=bool(indexed),
    )


def of_literal(text: str, part: Part | None, words_with: WordsWith, *, is_case_sensitive: bool) -> Conditions:
    """Documents in which this text stands. Its inner words and its signs are lexemes; words that have its first or last letters are in the dictionary."""
    lexemes = [*_inner_lexemes(text), *sign_lexemes(text)]
    terms = _lexemes_of(text, words_with)
    parameters: Row = {"literal": text, "terms": terms}
    of_part = _of_part(part)
    matches = f"strpos({of_part}, %(literal)s) > 0" if is_case_sensitive else f"strpos(lower({of_part}), lower(%(literal)s)) > 0"
    if phrase := _inner_phrase(text):
        parameters["phrase"] = phrase
        matches = f"{_side_by_side('phrase')} AND {matches}"
    return _of_text(terms, matches, parameters, lexemes)


def of_pattern(pattern: str, part: Part | None, words_with: WordsWith, *, is_case_sensitive: bool) -> Conditions:
    """Documents in which a regular expression of Postgres matches. Those texts that each match has lead to it."""
    operator = "~" if is_case_sensitive else "~*"
    alternatives = [
        " & ".join(f"({terms})" for text in texts if (terms := _lexemes_of(text, words_with))) for texts in texts_of_each_match(pattern)
    ]
    terms = " | ".join(f"({terms})" for terms in alternatives) if all(alternatives) else None
    return _of_text(terms, f"{_of_part(part)} {operator} %(pattern)s", {"pattern": pattern, "terms": terms}, [])


def _lexemes_of(text: str, words_with: WordsWith) -> str | None:
    """A tsquery that each document matches in which this text stands, between whatever. None if nothing of it is indexed."""
    lexemes = [*_inner_lexemes(text), *sign_lexemes(text)]
    parts = [_words_with_part(part, text, words_with) for part in _PART.finditer(text)] if not _words_inside(text) else []
    return " & ".join(dict.fromkeys([*lexemes, *filter(None, parts)])) or None


def _words_with_part(part: re.Match[str], text: str, words_with: WordsWith) -> str | None:
    """The words that have these letters; None if they are too many to tell something."""
    before, behind = text[: part.start()], text[part.end() :]
    if before and not _goes_on(before[-1]) and behind == "":
        # The beginning of a word is looked for as such.
        return None
    begins, ends = before != "" and not _goes_on(before[-1]), behind != "" and not _goes_on(behind[0])
    like = f"{'' if begins else '%'}{escape_like(folded(part[0]))}{'' if ends else '%'}"
    found = words_with(like, MOST_WORDS + 1)
    if found is None or len(found) > MOST_WORDS:
        return None
    return f"({' | '.join([*(lexeme for word in found for lexeme in query_lexemes(word)), OVERLONG])})"


def _side_by_side(parameter: str) -> str:
    """Whether words are side by side, for documents that have all places. It takes a fifth of the time of a look at the text."""
    return f"(d.has_places IS NOT TRUE OR d.terms @@ %({parameter})s::tsquery)"


def may_tell_frequencies(connection: Connection) -> bool:
    """Whether an answer may depend on how frequent a word is. The planner knows it of all texts, so to a bound key it would tell what others write."""
    return not one_row(connection, _IS_BOUND)["is_bound"]


def rarity(connection: Connection, words: Sequence[str]) -> tuple[int, ...]:
    """A weight for each word: 10 for the most frequent, 10 more for each time that another is half as frequent, as the planner knows it.

    To a key that is bound all words weigh the same, and so do many of a pasted text.
    """
    if not 2 <= len(words) <= MOST_WEIGHED or not may_tell_frequencies(connection):
        return (10,) * len(words)
    return weights_of([frequency(connection, word) for word in words])


def frequency(connection: Connection, word: str) -> int:
    """In how many documents a lexeme is, as the planner knows it. Not for bound keys."""
    return estimated_rows(connection, sql("with_word"), {"word": word})


def weights_of(frequencies: Sequence[int]) -> tuple[int, ...]:
    """The weights of words that are in so many documents."""
    return tuple(round(10 * (1 + log2((max(frequencies) + 1) / (number + 1)))) for number in frequencies)


def _of_text(terms: str | None, matches: str, parameters: Row, lexemes: list[str]) -> Conditions:
    return Conditions(
        indexed="d.terms @@ %(terms)s::tsquery" if terms else "true",
        matches=matches,
        rest=matches,
        parameters=parameters | _ranking([lexemes]),
        words=tuple(dict.fromkeys(lexemes)),
        has_several_words=False,
        looks_at_texts=True,
        has_terms=terms is not None,
    )


def _ranking(words: list[list[str]]) -> Row:
    several = [" & ".join(dict.fromkeys(group)) for group in words if len(set(group)) > 1]
    every = list(dict.fromkeys(word for group in words for word in group))
    return {"words": every, "together": " | ".join(f"({group})" for group in several) or None}


def _group(number: int, terms: Sequence[Term], part: Part | None, parameters: Row) -> tuple[str | None, list[str]]:
    """The tsquery of an alternative, and what must be seen in the text."""
    wanted = [lexeme for term in terms if not term.is_excluded for lexeme in term.lexemes]
    in_terms_only = [term for term in terms if term.is_excluded and not term.is_exact and part is None and len(term.lexemes) == 1]
    unwanted = [f"!{term.lexemes[0]}" for term in in_terms_only]
    tests = []
    for place, term in enumerate(terms):
        if (term.is_exact or part is not None) and term not in in_terms_only:
            negation = "NOT " if term.is_excluded else ""
            if term.phrase and not term.is_excluded:
                parameters[f"phrase_{number}_{place}"] = term.phrase
                tests.append(_side_by_side(f"phrase_{number}_{place}"))
            # As ILIKE finds it, in less time.
            parameters[f"text_{number}_{place}"] = term.text
            tests.append(f"{negation}strpos(lower({_of_part(part)}), lower(%(text_{number}_{place})s)) > 0")
    return " & ".join(dict.fromkeys(wanted + unwanted)) or None, tests


def _all(tests: list[str], number: int, tsquery: str | None, parameters: Row) -> str:
    if tsquery:
        parameters[f"terms_{number}"] = tsquery
        tests = [f"d.terms @@ %(terms_{number})s::tsquery", *tests]
    return f"({' AND '.join(tests)})"


def _all_but_terms(groups: list[tuple[str | None, list[str]]]) -> str:
    return " AND ".join(test for _, tests in groups for test in tests) or "true"


def _of_part(part: Part | None) -> str:
    return "d.content" if part is None else f"({_INPUT if part == 'input' else _RESULT})"


def _inner_lexemes(text: str) -> list[str]:
    """Lexemes of the words that a text surely has as a whole. The last is a beginning.

    Each character of a script without spaces is in the index.
    """
    start, end = _inner_span(text)
    characters = [lexeme for character in dict.fromkeys(_IDEOGRAPH.findall(text)) for lexeme in query_lexemes(character)]
    last = [f"{lexeme}:*" for lexeme in query_lexemes(text[end:])] if end > start and _WORD.fullmatch(text, end) else []
    return [*query_lexemes(text[start:end]), *characters, *last]


def _inner_phrase(text: str) -> str | None:
    """A tsquery for the words side by side that a text surely has, and for the beginning of its last."""
    start, end = _inner_span(text)
    is_open = end > start and _WORD.fullmatch(text, end) is not None
    return phrase_query(text[start:] if is_open else text[start:end], is_open=is_open)


def _words_inside(text: str) -> bool:
    start, end = _inner_span(text)
    return bool(query_lexemes(text[start:end]))


def _inner_span(text: str) -> tuple[int, int]:
    """Without its first and its last word, which may go on outside of it."""
    start = next((at for at, letter in enumerate(text) if not _goes_on(letter)), len(text))
    end = next((at for at in range(len(text), start, -1) if not _goes_on(text[at - 1])), start)
    return start, end


def _goes_on(letter: str) -> bool:
    return letter.isalnum() or letter == "_" or not letter.isascii()


def empty_filters() -> Row:
    """Filters that every document passes. The rank is of words and of where they are."""
    names = ("session_id", "project_id", "start", "end", "kinds", "role", "tools", "not_tools", "is_error", "agent")
    # The last three are of messages alone.
    others = ("projects", "not_projects", "users", "not_users", "machine", "branch", "is_starred", "model", "source", "noted")
    return dict.fromkeys((*names, *others)) | {"only_words_rank": False}
