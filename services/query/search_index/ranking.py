"""Sessions by any of the words of a search, best first: BM25 over the parts of a session.

For a key that may not see all sessions, no score may depend on the texts of others. BM25 counts words over all of them. So such a key gets constant
scores by part, in which a long word counts more than a short one, and a short session more than a long one.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import islice, pairwise
from typing import Final

from msgspec import Struct
from rapidfuzz.distance import OSA
from rapidfuzz.process import extract
from tantivy import Occur, Query, Searcher

from services.query.search_index.words.fields import (
    BREVITY,
    DAYS,
    GERMAN,
    HASHES,
    NAMES,
    PARTS,
    SESSION_ID,
    SPOKEN,
    names_of,
    schema,
    stem_of,
    stems_of,
    words_of,
)
from services.query.search_index.words.prepared_text import dates_in, hashes_of
from services.query.search_index.words.stop_words import is_stop_word


def synonyms_of(stem: str) -> frozenset[str]:
    """The English stems of words that may be meant by one with this stem."""
    return _synonyms().get(stem, frozenset())


@cache
def _synonyms() -> Mapping[str, frozenset[str]]:
    """Each line of the list has words that stand for each other."""
    lines = (files(__package__) / "synonyms.txt").read_text(encoding="utf-8").splitlines()
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in lines:
        stems = {stem_of(word) for word in line.split()}
        for stem in stems:
            found[stem] |= stems - {stem}
    return {stem: frozenset(others) for stem, others in found.items()}


# A shorter word is near to too many.
_LEAST_CHARS: Final = 4
# From so many characters on, two typing errors are taken for one word.
_LONG_CHARS: Final = 8
# Words with the same first letter that are compared, the most frequent. Those with the same two letters are all read.
_MOST_WITH_ONE_LETTER: Final = 2_000
_MOST_WITH_TWO_LETTERS: Final = 20_000


def near_word(searcher: Searcher, word: str) -> str | None:
    """The nearest of those words that were said; of several the one that most sessions have. None for a number: it is not misspelt, it is another.

    Two letters that changed places are one error. The first letter is taken to be right, but for those two.
    """
    if len(word) < _LEAST_CHARS or not word.isalpha():
        return None
    farthest = 2 if len(word) >= _LONG_CHARS else 1
    sessions = _candidates(searcher, word)
    found = extract(word, list(sessions), scorer=OSA.distance, score_cutoff=farthest, limit=None)
    return min(found, key=lambda near: (near[1], -sessions[near[0]], near[0]))[0] if found else None


def _candidates(searcher: Searcher, word: str) -> dict[str, int]:
    """Words that begin so, and the number of sessions that have each."""
    sessions: dict[str, int] = {}
    for prefix, most in ((word[:2], _MOST_WITH_TWO_LETTERS), (word[1::-1], _MOST_WITH_TWO_LETTERS), (word[0], _MOST_WITH_ONE_LETTER)):
        for part in SPOKEN:
            for near, count in searcher.terms_with_prefix(part, prefix, limit=most):
                sessions[near] = max(count, sessions.get(near, 0))
    return sessions


# So many words of a pasted error message are looked at, from its beginning and its end, and the rarest of them count.
MOST_LOOKED_AT: Final = 1_000
MOST_WORDS: Final = 32
# A query of more words was pasted, not typed: it is not corrected, and its dates are some among many words.
MOST_TYPED: Final = 12

# How much a word tells of a session by where it is: what was said of it most, what came of calls least.
_WEIGHTS: Final = {"title": 2.5, "prompts": 1.5, "answers": 1.5, "files": 1.5, "commands": 1.0, "errors": 1.0, "results": 0.5}
# Another form of a word tells less than the word as it was typed.
_STEM_WEIGHT: Final = 0.7
_GERMAN_WEIGHT: Final = 1.5
# A word for the same thing counts where it tells what the session was about.
_SYNONYM_WEIGHT: Final = 0.3
_SYNONYM_PARTS: Final = ("title", "prompts")
_NAME_WEIGHT: Final = 2.0
_HASH_WEIGHT: Final = 10.0
# A day that was typed is meant, whatever the other words are.
_DAY_WEIGHT: Final = 12.0
_PASTED_DAY_WEIGHT: Final = 3.0
# A word counts so much of its weight in each part but the one where it counts most.
_OTHER_PARTS: Final = 0.3
# Two words of a question near to each other, in the order in which they were typed.
_PAIR_WEIGHT: Final = 1.0
_MOST_BETWEEN: Final = 5
_MOST_PAIRS: Final = 8

_Weighed = Callable[[Query, float], Query]


class RankedSession(Struct, frozen=True):
    """A session that was found."""

    session_id: str
    score: float


class Ranking(Struct, frozen=True):
    """Sessions, best first; words that no session has, and what was searched instead."""

    sessions: list[RankedSession]
    corrected: dict[str, str]


def rank(
    searcher: Searcher,
    words: Sequence[str],
    excluded: Sequence[str],
    *,
    limit: int,
    among: Query | None,
    weighs_rarity: bool,
    corrects: bool,
) -> Ranking:
    """The best sessions that have any of the words, and none of those excluded.

    `among`: only sessions that match it count. Without `weighs_rarity` scores depend on their texts alone, and nothing is corrected.
    """
    days, text = dates_in(" ".join(words))
    wanted = list(dict.fromkeys(words_of(text)))
    wanted = [word for word in wanted if not is_stop_word(word)] or ([] if days else wanted)
    is_pasted = len(wanted) > MOST_TYPED
    corrected = _corrections(searcher, wanted) if corrects and weighs_rarity and not is_pasted else {}
    wanted = list(dict.fromkeys(corrected.get(word, word) for word in wanted))
    if len(wanted) > MOST_WORDS:
        wanted = _rarest(searcher if weighs_rarity else None, wanted)
    names = list(dict.fromkeys(names_of(text)))[:MOST_WORDS]
    weighed: _Weighed = Query.boost_query if weighs_rarity else Query.const_score_query
    # BM25 knows how rare a word is.
    weights = {word: 1.0 if weighs_rarity else _length_weight(word) for word in (*wanted, *names)}

    clauses = [_word_query(word, weighed, weights[word]) for word in wanted]
    clauses += [_pair_query(pair, weighed, (weights[pair[0]] + weights[pair[1]]) / 2) for pair in islice(pairwise(wanted), _MOST_PAIRS)]
    clauses += [weighed(_term(NAMES, name), _NAME_WEIGHT * weights[name]) for name in names]
    clauses += [weighed(_term(HASHES, beginning), _HASH_WEIGHT) for beginning in sorted(hashes_of(text))[:MOST_WORDS]]
    day_weight = _PASTED_DAY_WEIGHT if is_pasted else _DAY_WEIGHT
    clauses += [Query.const_score_query(_term(DAYS, day), day_weight) for day in days[:MOST_WORDS]]
    if not clauses or limit < 1:
        return Ranking([], corrected)
    musts = [(Occur.Must, _any_of(clauses))]
    if among is not None:
        musts.append((Occur.Must, Query.const_score_query(among, 0.0)))
    musts += [(Occur.MustNot, _all_words(words_of(term))) for term in excluded if words_of(term)]
    found = searcher.search(Query.boolean_query(musts), limit, count=False, weight_by_field=None if weighs_rarity else BREVITY)
    sessions = [RankedSession(searcher.doc(address)[SESSION_ID][0], score) for score, address in found.hits]
    return Ranking(sorted(sessions, key=lambda session: (-session.score, session.session_id)), corrected)


def _rarest(searcher: Searcher | None, words: list[str]) -> list[str]:
    """The words of a long text that count, in its order: those in the fewest sessions, or the longest."""
    looked_at = words if len(words) <= MOST_LOOKED_AT else words[: MOST_LOOKED_AT // 2] + words[-MOST_LOOKED_AT // 2 :]
    if searcher is None:
        chosen = sorted(looked_at, key=len, reverse=True)[:MOST_WORDS]
    else:
        frequencies = {word: _frequency(searcher, word) for word in looked_at}
        chosen = sorted((word for word in looked_at if frequencies[word]), key=frequencies.__getitem__)[:MOST_WORDS]
    return [word for word in looked_at if word in chosen]


def _length_weight(word: str) -> float:
    return 0.5 + min(len(word), 10) / 10


def _word_query(word: str, weighed: _Weighed, importance: float) -> Query:
    queries = [weighed(_term(part, word), weight * importance) for part, weight in _WEIGHTS.items()]
    queries += [weighed(_term(stems_of(part), stem_of(word)), _WEIGHTS[part] * _STEM_WEIGHT * importance) for part in SPOKEN]
    queries.append(weighed(_term(GERMAN, stem_of(word, "german")), _GERMAN_WEIGHT * importance))
    for part in _SYNONYM_PARTS:
        weight = _WEIGHTS[part] * _SYNONYM_WEIGHT * importance
        queries += [weighed(_term(stems_of(part), synonym), weight) for synonym in sorted(synonyms_of(stem_of(word)))]
    return Query.disjunction_max_query(queries, _OTHER_PARTS)


def _pair_query(pair: tuple[str, str], weighed: _Weighed, importance: float) -> Query:
    phrases = ((part, Query.phrase_query(schema(), part, list(pair), slop=_MOST_BETWEEN)) for part in SPOKEN)
    return Query.disjunction_max_query(
        [weighed(phrase, _WEIGHTS[part] * _PAIR_WEIGHT * importance) for part, phrase in phrases], _OTHER_PARTS
    )


def _corrections(searcher: Searcher, words: Iterable[str]) -> dict[str, str]:
    """The words that no session has in any form, and those near to them that sessions have. A word with synonyms is no error."""
    unknown = [word for word in words if not synonyms_of(stem_of(word)) and not _frequency(searcher, word)]
    near = {word: near_word(searcher, word) for word in unknown}
    return {word: found for word, found in near.items() if found}


def _frequency(searcher: Searcher, word: str) -> int:
    """In how many sessions a word is, at least."""
    return max(searcher.doc_freq(field, form) for field, form in _places(word))


def _places(word: str) -> list[tuple[str, str]]:
    """The fields in which a word may be, and its form there."""
    spoken = [(stems_of(part), stem_of(word)) for part in SPOKEN]
    return [*((part, word) for part in PARTS), *spoken, (GERMAN, stem_of(word, "german"))]


def _all_words(words: Iterable[str]) -> Query:
    return Query.boolean_query([(Occur.Must, _any_of([_term(part, word) for part in PARTS])) for word in words])


def _any_of(queries: Iterable[Query]) -> Query:
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def _term(field: str, word: str) -> Query:
    return Query.term_query(schema(), field, word, "freq")
