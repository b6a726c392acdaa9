"""Asks the index for texts: the newest or the best that match a query, and how many do. It knows neither rights nor what a text says: rows tell that."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from msgspec import Struct, convert
from tantivy import DocAddress, FieldType, Occur, Query, Searcher

from services.query.database import Connection
from services.query.search_index.documents.row_documents import KINDS, DocumentKind, RowDocument, row_documents
from services.query.search_index.reader import View
from services.query.search_index.words.fields import BREVITY, ID_HIGH, ID_LOW, KEY, KIND, PLACE, schema

# The score of a match without words that rank.
LEAST_SCORE: Final = 0.000001


class TextHit(Struct, frozen=True):
    """A text in the index. Greater places are newer; of equal ones the greater id is first."""

    id: UUID
    kind: DocumentKind
    key: str
    place: int
    score: float


def newest_hits(view: View, query: Query, limit: int, *, before: int | None = None) -> list[TextHit]:
    """The newest texts, `limit` or all that there are, and with the last one all of its place. Their scores say nothing."""
    if before is not None:
        query = all_of(query, places(0, before - 1)) if before > 0 else Query.empty_query()
    return newest_counted(view, query, limit)[0]


def newest_counted(view: View, query: Query, limit: int) -> tuple[list[TextHit], int]:
    """The same, and the number of all that match: to find the newest looks at all of them."""
    found, number = list[TextHit](), 0
    for searcher, asked in _parts(view, query):
        hits, matches = _newest(searcher, asked, limit)
        found, number = [*found, *hits], number + matches
    found.sort(key=lambda hit: (hit.place, hit.id), reverse=True)
    return [hit for hit in found if hit.place >= found[limit - 1].place] if len(found) > limit else found, number


def best_hits(view: View, query: Query, limit: int) -> list[TextHit]:
    """The texts of the highest scores, the newer of equal ones first. Short texts come before long ones."""
    found = list[TextHit]()
    for searcher, asked in _parts(view, query):
        hits = searcher.search(asked, limit, count=False, weight_by_field=BREVITY).hits if limit else []
        scores = [max(round(float(score), 6), LEAST_SCORE) for score, _ in hits]
        found += _hits(searcher, [address for _, address in hits], scores)
    return sorted(found, key=lambda hit: (hit.score, hit.place, hit.id), reverse=True)[:limit]


def count(view: View, query: Query) -> int:
    """The number of texts that match."""
    return sum(count_in(searcher, asked) for searcher, asked in _parts(view, query))


def rows_of(connection: Connection, hits: Sequence[TextHit]) -> dict[tuple[DocumentKind, UUID], RowDocument]:
    """The rows of texts as they are now, and as the connection may see them. One that is gone is left out."""
    keys = defaultdict[DocumentKind, list[str]](list)
    for hit in hits:
        keys[hit.kind].append(hit.key)
    return {(row.kind, row.id): row for kind, of_kind in keys.items() for row in row_documents(connection, kind, of_kind)}


def places(oldest: int, newest: int | None = None) -> Query:
    """Texts between two places, both included. It adds nothing to a score."""
    return Query.const_score_query(Query.range_query(schema(), PLACE, FieldType.Unsigned, oldest, newest), 0.0)


def all_of(*queries: Query | None) -> Query:
    """Matches what each of these queries matches; without one, everything."""
    asked = [query for query in queries if query is not None] or [Query.all_query()]
    return asked[0] if len(asked) == 1 else Query.boolean_query([(Occur.Must, query) for query in asked])


def any_of(*queries: Query) -> Query:
    """Matches what one of these queries matches. Their scores are added."""
    return queries[0] if len(queries) == 1 else Query.boolean_query([(Occur.Should, query) for query in queries])


def _parts(view: View, query: Query) -> Iterator[tuple[Searcher, Query]]:
    """Each index with the query for it. Documents whose rows changed since do not count."""
    yield view.searcher, query if view.stale is None else query.and_must_not_match(view.stale)
    if view.fresh is not None:
        yield view.fresh, query


def _newest(searcher: Searcher, query: Query, limit: int) -> tuple[Iterator[TextHit], int]:
    found = searcher.search(query, limit + 1, order_by_field=PLACE)
    hits = found.hits[:limit]
    if limit and len(found.hits) > limit and found.hits[limit][0] == (last := int(hits[-1][0])):
        of_last = all_of(query, places(last, last))
        others = searcher.search(of_last, count_in(searcher, of_last), count=False)
        hits = [*(hit for hit in hits if hit[0] != last), *((last, address) for _, address in others.hits)]
    addresses = [address for _, address in hits]
    return _hits(searcher, addresses, [0.0] * len(addresses)), found.count  # type: ignore[attr-defined]


def count_in(searcher: Searcher, query: Query) -> int:
    """The number of documents of one index that match."""
    found: int = searcher.search(query, 1).count  # type: ignore[attr-defined]
    return found


def _hits(searcher: Searcher, addresses: list[DocAddress], scores: list[float]) -> Iterator[TextHit]:
    highs, lows, kinds, at = (convert(searcher.fast_field_values(field, addresses), list[int]) for field in (ID_HIGH, ID_LOW, KIND, PLACE))
    for high, low, number, place, address, score in zip(highs, lows, kinds, at, addresses, scores, strict=True):
        text_id, kind = UUID(int=high << 64 | low), KINDS[number]
        key = searcher.doc(address)[KEY][0] if kind in ("session", "file") else str(text_id)
        yield TextHit(text_id, kind, key, place, score)
