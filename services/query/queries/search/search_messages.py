"""Search in messages: best first (the newest 500 matches by rank, then the rest by time), or newest first."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.query.cursor import Shape
from services.query.database import Connection, Row, rows
from services.query.queries.lists.events import EventFilters, by_time
from services.query.queries.lists.paging import Page, Paging, within_bytes
from services.query.queries.search.search_strategy import MAX_TOTAL, Finder, QueryConditions, sql
from services.query.queries.search.snippet import snippet
from shared.search_terms import SearchQuery

RANKED_MATCHES = 500
# For a query with phrases, this many of the newest messages with its words are examined for matches to rank.
RANKED_CANDIDATES = 1_000

# Sort keys of the last row shown, then the newest and the oldest row of the window that is ranked: it stays the same from page to
# page, so that pages fit together while rows arrive. So do the weights of the words.
_RANKED: Shape = ("float", "time", "uuid", "time", "uuid", "time", "uuid", "weights")
_BY_TIME: Shape = ("time", "uuid")


def search(connection: Connection, query: SearchQuery | None, filters: EventFilters, role: str | None, sort: str, paging: Paging) -> Row:
    """A page of matches with snippets, and the number of all matches. Without a query, everything that passes the filters matches."""
    if query is not None and not query.groups:
        return {"items": [], "next_cursor": None, "total": 0, "total_is_exact": True}
    conditions = QueryConditions(query)
    finder = Finder(connection, filters, role, conditions)
    found = (
        _best(connection, finder, conditions, paging)
        if query and sort == "best"
        else _newest(connection, finder, paging, paging.last_keys(_BY_TIME))
    )
    for item in found.items:
        item["snippet"] = snippet(item["content"], query.highlights if query else ())
        if query is None:
            item["score"] = 0.0
    total = min(max(finder.total, len(found.items)), MAX_TOTAL)
    return {"items": found.items, "next_cursor": found.next_cursor, "total": total, "total_is_exact": finder.total_is_exact}


def _newest(connection: Connection, finder: Finder, paging: Paging, after: tuple[Any, ...] | None) -> Page:
    found = finder.after(after).newest(paging.limit + 1)
    shown = within_bytes(found[: paging.limit])
    return Page(_in_full(connection, shown), paging.next_cursor(by_time(shown[-1])) if len(found) > len(shown) else None)


def _best(connection: Connection, finder: Finder, conditions: QueryConditions, paging: Paging) -> Page:
    """First the best of a window of the newest matches; after those, older matches by time."""
    after = paging.last_keys(_RANKED, _BY_TIME)
    weights = conditions.rarity(connection) if after is None or len(after) == len(_BY_TIME) else after[-1]
    conditions.weigh(weights)
    if after is not None and len(after) == len(_BY_TIME):
        return _newest(connection, finder, paging, after)
    window, oldest = _window(finder, after)
    if not window:
        return _newest(connection, finder, paging, _keys(oldest)) if oldest else Page([], None)
    ranked = sorted(window, key=_rank, reverse=True)
    if after is not None:
        ranked = [row for row in ranked if _rank(row) < (after[0], _comparable(after[1]), after[2])]
    shown = within_bytes(ranked[: paging.limit])
    return Page(_in_full(connection, shown), _next(paging, ranked, shown, window, oldest, weights))


def _window(finder: Finder, after: tuple[Any, ...] | None) -> tuple[list[Row], Row | None]:
    """The matches to rank, newest first, and where the window ends if there may be more behind it."""
    if after is not None:
        finder.between(after[3:5], after[5:7])
    most = RANKED_CANDIDATES if finder.has_literals else RANKED_MATCHES
    found = finder.newest_candidates(most)
    matches = [row for row in found if row["matches"]]
    if len(matches) > RANKED_MATCHES:
        return matches[:RANKED_MATCHES], matches[RANKED_MATCHES - 1]
    if after is not None:
        return matches, {"timestamp": None if after[5] == "-infinity" else after[5], "id": after[6]}
    # A full window: there may be more behind it.
    return matches, found[-1] if len(found) == most else None


def _next(
    paging: Paging, ranked: list[Row], shown: Sequence[Row], window: list[Row], oldest: Row | None, weights: Sequence[int]
) -> str | None:
    if len(ranked) > len(shown):
        last, ends = shown[-1], (*by_time(window[0]), *by_time(oldest or window[-1]))
        return paging.next_cursor([last["score"], *by_time(last), *ends, " ".join(map(str, weights))])
    return paging.next_cursor(by_time(oldest)) if oldest else None


def _in_full(connection: Connection, shown: Sequence[Row]) -> list[Row]:
    found = {row["id"]: row for row in rows(connection, sql("by_ids"), {"ids": [row["id"] for row in shown]})}
    return [found[row["id"]] | {"score": row["score"]} for row in shown]


def _rank(row: Row) -> tuple[float, datetime, Any]:
    return row["score"] or 0.0, _comparable(row["timestamp"]), row["id"]


def _comparable(at: datetime | str | None) -> datetime:
    return at if isinstance(at, datetime) else datetime.min.replace(tzinfo=UTC)


def _keys(row: Row) -> tuple[Any, ...]:
    return row["timestamp"] or "-infinity", row["id"]
