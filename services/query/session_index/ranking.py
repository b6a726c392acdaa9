"""Sessions by any of the words of a search, best first: BM25 over the parts of a session."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from msgspec import Struct
from tantivy import Occur, Query, Searcher, SearchResult

from services.query.session_index.fields import PARTS, SESSION_ID, SPOKEN, schema, stem_of, stems_of, words_of
from services.query.session_index.near_words import near_word

# Of a pasted error message these many words count, the rarest.
MOST_WORDS: Final = 32
# Another form of a word tells less than the word as it was typed.
_STEM_WEIGHT: Final = 0.6


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
    wanted = list(dict.fromkeys(word for term in words for word in words_of(term)))
    corrected = _corrections(searcher, wanted) if corrects and weighs_rarity else {}
    wanted = list(dict.fromkeys(corrected.get(word, word) for word in wanted))
    if len(wanted) > MOST_WORDS:
        wanted = (
            sorted(wanted, key=lambda word: _frequency(searcher, word) or searcher.num_docs)[:MOST_WORDS]
            if weighs_rarity
            else wanted[:MOST_WORDS]
        )
    if not wanted or limit < 1:
        return Ranking([], {}, 0)
    of_words = Query.boolean_query([(Occur.Should, _word_query(word, weighs_rarity)) for word in wanted])
    clauses = [(Occur.Must, of_words)]
    if among is not None:
        clauses.append((Occur.Must, Query.const_score_query(Query.term_set_query(schema(), SESSION_ID, list(among)), 0.0)))
    clauses += [(Occur.MustNot, _all_of(words_of(term))) for term in excluded if words_of(term)]
    found = searcher.search(Query.boolean_query(clauses), limit)
    sessions = [RankedSession(searcher.doc(address)[SESSION_ID][0], score) for score, address in found.hits]
    return Ranking(sorted(sessions, key=lambda session: (-session.score, session.session_id)), corrected, _total(found))


def _corrections(searcher: Searcher, words: Iterable[str]) -> dict[str, str]:
    """The words that no session has in any form, and those near to them that sessions have."""
    unknown = [word for word in words if not _frequency(searcher, word)]
    near = {word: near_word(searcher, word) for word in unknown}
    return {word: found for word, found in near.items() if found}


def _total(found: SearchResult) -> int:
    # The stubs of tantivy 0.27 do not know it.
    return int(getattr(found, "count", 0))


def _word_query(word: str, weighs_rarity: bool) -> Query:
    fields = [(part, word, weight) for part, weight in PARTS.items()]
    fields += [(stems_of(part), stem_of(word), PARTS[part] * _STEM_WEIGHT) for part in SPOKEN]
    return Query.disjunction_max_query([_weighed(_term(*field[:2]), field[2], weighs_rarity) for field in fields], 0.3)


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
