"""The scores of texts that match: rare words, together, and where they stand count."""

from collections.abc import Sequence
from math import log2
from typing import Final
from uuid import UUID

from tantivy import Occur, Query

from services.query.queries.search.text_conditions import Conditions, Word
from services.query.queries.search.text_filters import labelled, of_kinds
from services.query.queries.search.text_searcher import TextHit, all_of, best_hits, count, places
from services.query.search_index.documents.text_documents import any_of as texts_of
from services.query.search_index.reader import View
from services.query.search_index.words.fields import NAME_PARTS, WORDS, schema
from services.query.search_index.words.text_words import is_overlong

# So many words are weighed by rarity. Each of more tells little, and to know each would take long.
MOST_WEIGHED: Final = 32
# Neighbours of a query are near to each other in a text, with so many words between them, for so much more score; at most so many neighbours.
_NEAR: Final = ((2, 0.3), (12, 0.2))
_MOST_PAIRS: Final = 8
# Words that begin so, to know about how many texts have one.
_MOST_FORMS: Final = 1_000
# So many times as many texts are scored, rather than that each is looked for.
_MOST_BESIDE: Final = 4
# A title, a prompt, an answer, a file: so much more than what a tool was given and gave back.
_TITLE, _PROMPT, _ANSWER, _FILE = 1.0, 0.5, 0.3, 0.3


def rarity(view: View, words: Sequence[Word], *, is_bound: bool) -> tuple[int, ...]:
    """A weight for each word: 10 for the most frequent, 10 more for each time that another is half as frequent.

    To a key that is bound all words weigh the same, since others' texts are counted too, and so do many of a pasted text.
    """
    if is_bound or not 2 <= len(words) <= MOST_WEIGHED:
        return (10,) * len(words)
    found_in = [_found_in(view, word) for word in words]
    return tuple(round(10 * (1 + log2((max(found_in) + 1) / (number + 1)))) for number in found_in)


def _found_in(view: View, word: Word) -> int:
    """About how many texts have a word. The index knows that of its words, without a look at texts."""
    if is_overlong(word.text):
        return count(view, word.query())
    places = [(searcher, field) for searcher in (view.searcher, view.fresh) if searcher is not None for field in (WORDS, NAME_PARTS)]
    if word.is_beginning:
        return sum(number for searcher, field in places for _, number in searcher.terms_with_prefix(field, word.text, limit=_MOST_FORMS))
    return sum(searcher.doc_freq(field, word.text) for searcher, field in places)


def scores(
    view: View,
    conditions: Conditions,
    weights: Sequence[int],
    hits: Sequence[TextHit],
    *,
    among: Query | None,
    only_words_rank: bool = False,
) -> dict[UUID, float]:
    """The score of each of these: rare words, together; a title before a prompt before an answer before what a tool was given and gave back.

    `among`: a query that all of them match, if that is soon told.
    """
    total = max(sum(weights), 1)
    clauses = [Query.const_score_query(word.query(), weight / total) for word, weight in zip(conditions.words, weights, strict=True)]
    pairs = [pair for pair in conditions.neighbours if len(set(pair)) == 2 and not any(map(is_overlong, pair))][:_MOST_PAIRS]
    for slop, score in _NEAR:
        clauses += [Query.const_score_query(Query.phrase_query(schema(), WORDS, [*pair], slop), score / len(pairs)) for pair in pairs]
    clauses += [Query.const_score_query(query, score) for query, score in _of_kinds()] if not only_words_rank else []

    def scored(these: Query, most: int) -> dict[UUID, float]:
        asked = Query.boolean_query([(Occur.Must, Query.const_score_query(these, 0.0)), *((Occur.Should, clause) for clause in clauses)])
        return {hit.id: hit.score for hit in best_hits(view, asked, most)}

    if among is not None:
        # To look for 500 ids takes seven times as long as for their time.
        at = [hit.place for hit in hits]
        found = scored(all_of(among, places(min(at), max(at))), _MOST_BESIDE * len(hits))
        if all(hit.id in found for hit in hits):
            return found
    return scored(texts_of((hit.kind, hit.id) for hit in hits), len(hits))


def _of_kinds() -> list[tuple[Query, float]]:
    prompts, answers = labelled("role", ["user"]), labelled("role", ["assistant"])
    return [(of_kinds("session"), _TITLE), (prompts, _PROMPT), (answers, _ANSWER), (of_kinds("file"), _FILE)]
