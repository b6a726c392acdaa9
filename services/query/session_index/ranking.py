"""Sessions by any of the words of a search, best first: BM25 over the parts of a session."""

from collections.abc import Collection, Iterable, Sequence
from itertools import islice, pairwise
from typing import Final

from msgspec import Struct
from tantivy import Occur, Query, Searcher, SearchResult

from services.query.session_index.fields import (
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
from services.query.session_index.near_words import near_word
from services.query.session_index.prepared_text import dates_in, hashes_of
from services.query.session_index.stop_words import is_stop_word

# Of a pasted error message these many words count, the rarest.
MOST_WORDS: Final = 32

# How much a word tells of a session by where it is: what was said of it most, what came of calls least.
WEIGHTS: Final = {"title": 2.0, "prompts": 2.0, "answers": 1.5, "files": 1.5, "commands": 1.0, "errors": 1.0, "results": 0.5}
# Another form of a word tells less than the word as it was typed.
STEM_WEIGHT: Final = 0.7
GERMAN_WEIGHT: Final = 1.5
NAME_WEIGHT: Final = 2.0
HASH_WEIGHT: Final = 10.0
DAY_WEIGHT: Final = 12.0
# What a word counts in the parts where it is not best.
OTHERS: Final = 0.3
# Two words of the question side by side.
PAIR_WEIGHT: Final = 1.0
MOST_PAIRS: Final = 8


class RankedSession(Struct, frozen=True):
    """A session that was found."""

    session_id: str
    score: float


class Ranking(Struct, frozen=True):
    """Sessions, best first; words that no session has, and what was searched instead; how many sessions have any of the words."""

    sessions: list[RankedSession]
    corrected: dict[str, str]
    total: int


def rank(
    searcher: Searcher,
    words: Sequence[str],
    excluded: Sequence[str],
    *,
    limit: int,
    among: Collection[str] | None,
    weighs_rarity: bool,
    corrects: bool,
) -> Ranking:
    """The best sessions that have any of the words, and none of those excluded.

    `among`: only these sessions count. Without `weighs_rarity` a score depends on the session's own texts alone, and nothing is corrected.
    """
    days, text = dates_in(" ".join(words))
    wanted = list(dict.fromkeys(words_of(text)))
    wanted = [word for word in wanted if not is_stop_word(word)] or ([] if days else wanted)
    corrected = _corrections(searcher, wanted) if corrects and weighs_rarity else {}
    wanted = list(dict.fromkeys(corrected.get(word, word) for word in wanted))
    if len(wanted) > MOST_WORDS:
        wanted = _rarest(searcher, wanted) if weighs_rarity else wanted[:MOST_WORDS]
    clauses = [_word_query(word, weighs_rarity) for word in wanted]
    clauses += [_weighed(_term(NAMES, name), NAME_WEIGHT, weighs_rarity) for name in dict.fromkeys(names_of(text)[:MOST_WORDS])]
    clauses += [_weighed(_term(HASHES, name), HASH_WEIGHT, weighs_rarity) for name in sorted(hashes_of(text))[:MOST_WORDS]]
    clauses += [Query.const_score_query(_term(DAYS, day), DAY_WEIGHT) for day in days[:MOST_WORDS]]
    if weighs_rarity and PAIR_WEIGHT:
        clauses += _pair_queries(wanted)
    if not clauses or limit < 1:
        return Ranking([], corrected, 0)
    musts = [(Occur.Must, Query.boolean_query([(Occur.Should, clause) for clause in clauses]))]
    if among is not None:
        musts.append((Occur.Must, Query.const_score_query(Query.term_set_query(schema(), SESSION_ID, list(among)), 0.0)))
    musts += [(Occur.MustNot, _all_of(words_of(term))) for term in excluded if words_of(term)]
    found = searcher.search(Query.boolean_query(musts), limit)
    sessions = [RankedSession(searcher.doc(address)[SESSION_ID][0], score) for score, address in found.hits]
    return Ranking(sorted(sessions, key=lambda session: (-session.score, session.session_id)), corrected, _total(found))


def _corrections(searcher: Searcher, words: Iterable[str]) -> dict[str, str]:
    """The words that no session has in any form, and those near to them that sessions have."""
    unknown = [word for word in words if not _frequency(searcher, word)]
    near = {word: near_word(searcher, word) for word in unknown}
    return {word: found for word, found in near.items() if found}


def _rarest(searcher: Searcher, words: Iterable[str]) -> list[str]:
    frequencies = {word: _frequency(searcher, word) for word in words}
    return sorted((word for word in frequencies if frequencies[word]), key=frequencies.__getitem__)[:MOST_WORDS]


def _total(found: SearchResult) -> int:
    # The stubs of tantivy 0.27 do not know it.
    return int(getattr(found, "count", 0))


def _word_query(word: str, weighs_rarity: bool) -> Query:
    queries = [_weighed(_term(part, word), weight, weighs_rarity) for part, weight in WEIGHTS.items()]
    queries += [_weighed(_term(stems_of(part), stem_of(word)), WEIGHTS[part] * STEM_WEIGHT, weighs_rarity) for part in SPOKEN]
    queries.append(_weighed(_term(GERMAN, stem_of(word, "german")), GERMAN_WEIGHT, weighs_rarity))
    return Query.disjunction_max_query(queries, OTHERS)


def _pair_queries(words: Sequence[str]) -> list[Query]:
    return [
        Query.boost_query(Query.phrase_query(schema(), part, list(pair), slop=2), WEIGHTS[part] * PAIR_WEIGHT)
        for pair in islice(pairwise(words), MOST_PAIRS)
        for part in SPOKEN
    ]


def _weighed(query: Query, weight: float, weighs_rarity: bool) -> Query:
    return Query.boost_query(query, weight) if weighs_rarity else Query.const_score_query(query, weight)


def _term(field: str, word: str) -> Query:
    return Query.term_query(schema(), field, word, "freq")


def _all_of(words: Iterable[str]) -> Query:
    return Query.boolean_query([(Occur.Must, Query.boolean_query([(Occur.Should, _term(part, word)) for part in PARTS])) for word in words])


def _frequency(searcher: Searcher, word: str) -> int:
    """In how many sessions a word is, at least."""
    return max(
        *(searcher.doc_freq(part, word) for part in PARTS),
        *(searcher.doc_freq(stems_of(part), stem_of(word)) for part in SPOKEN),
    )
