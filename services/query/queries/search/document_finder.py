"""Finds the newest documents that match, within a time: windows of documents, from the newest backwards, until a page is full.

Postgres cannot tell how many match: it assumes that words are independent of each other and of time, and knows nothing of texts. If few are expected,
the first window is everything. Else it has as many documents as have the matches of a page, so that the cost depends on the page and not on all matches.
Each window tells how large the next one may be. When the time is over, what was found is the beginning of the answer, and where the last window ended is
where the next page begins. No search ends with a time-out.
"""

import time
from typing import Any, Final

from msgspec import Struct
from psycopg.errors import QueryCanceled

from services.query.database import Connection, Row, estimated_rows, rows
from services.query.queries.search.document_conditions import Conditions, sql

MAX_TOTAL: Final = 10_000
# A look at a text takes ten times as long as one at the index: only this many are examined just for counting.
COUNTED_TEXTS: Final = 300
# How long matches are counted that the index tells: 10,000 take some 50 ms, more if filters drop most of what it has.
COUNT_MS: Final = 500
# Words occur together this many times more often than the planner expects.
TOGETHER: Final = 8
# If the index has so many rows at most, the first window is everything.
FEW: Final = 3_000
# Documents of a window, and rows that the index may have in one.
LEAST_WINDOW: Final = 1_000
MOST_WINDOW: Final = 300_000
WINDOW_MATCHES: Final = 5_000
# A look at a document takes as long as the index needs for so many rows that have a word, in whatever window.
INDEXED_AS_LOOKED_AT: Final = 30
# So many more matches than are missing are looked for in a window: a second one takes longer than some matches too many.
_SPARE_MATCHES: Final = 100
# A window has up to so many times as many documents as the one before.
_GROWTH: Final = 8
BUDGET_SECONDS: Final = 3.0
# Of the time that is left, what the next window should take.
_SHARE_OF_TIME: Final = 0.4
# Below this, an attempt is not worth its start.
_LEAST_MS: Final = 20
# In windows the planner is to look up both the words and the time before it reads a row.
_ROW_COST: Final = "0.01"
_ROW_COST_IN_WINDOWS: Final = "1000"
# How long the end of a window is looked for. An index has it, but not of a key that is bound to several projects.
_EDGE_MS: Final = 300
# Names of the parameters that bound a window.
_IN_WINDOW: Final = ("from_time", "from_id", "until_time", "until_id", "since_time", "since_id")

Keys = tuple[Any, ...]


class Stretch(Struct, frozen=True):
    """Where to look: behind a row, or between two rows, both included. Rows are (time, id)."""

    after: Keys | None = None
    newest: Keys | None = None
    oldest: Keys | None = None

    @property
    def is_all(self) -> bool:
        return self.after is None and self.newest is None

    def parameters(self) -> Row:
        """As the statements take it."""
        names = ("after_time", "after_id", "newest_time", "newest_id", "oldest_time", "oldest_id")
        keys = (*(self.after or (None, None)), *(self.newest or (None, None)), *(self.oldest or (None, None)))
        return dict(zip(names, keys, strict=True))


class Found(Struct):
    """Matches, newest first: {id, session_id, timestamp, bytes, score}. `total` counts all of them, a lower bound unless it is exact.

    `stopped_at`: the time was over behind this row, all before it was looked at; the rest is unknown. `rows_read`: of a window.
    """

    rows: list[Row]
    total: int = 0
    total_is_exact: bool = False
    stopped_at: Keys | None = None
    rows_read: int = 0


class Deadline:
    """Until when a search may take."""

    def __init__(self, seconds: float = BUDGET_SECONDS) -> None:
        """From now on."""
        self._until = time.monotonic() + seconds

    def left_ms(self) -> int:
        """How long is left."""
        return max(int((self._until - time.monotonic()) * 1000), 0)


def newest(connection: Connection, conditions: Conditions, parameters: Row, stretch: Stretch, fetch: int, deadline: Deadline) -> Found:
    """The newest matches, `fetch` at most, and how many there are. What is not counted is a lower bound, never an expectation."""
    parameters = parameters | {"fetch": fetch, "looks_at_texts": conditions.looks_at_texts, "counted_texts": COUNTED_TEXTS}
    found = _in_windows(connection, conditions, parameters, stretch, fetch, deadline)
    if found.total_is_exact or conditions.looks_at_texts:
        return found
    asked = parameters | {"most": MAX_TOTAL + 1}
    counted = within(connection, min(deadline.left_ms(), COUNT_MS), "on", conditions.statement("count"), asked)
    if counted is not None:
        total = counted[0]["matches"]
        found.total, found.total_is_exact = min(total, MAX_TOTAL), total <= MAX_TOTAL
    return found


def _in_windows(connection: Connection, conditions: Conditions, parameters: Row, stretch: Stretch, fetch: int, deadline: Deadline) -> Found:
    place, found = stretch.parameters(), Found([])
    size = _Size.estimated(connection, conditions, parameters | place)
    is_everything = size.expected <= FEW
    number = max(size.documents_of(fetch + _SPARE_MATCHES), LEAST_WINDOW)
    while (left_ms := deadline.left_ms()) >= _LEAST_MS:
        number = min(number, MOST_WINDOW)
        missing = fetch - len(found.rows)
        by_index = conditions.has_terms and (is_everything or number * INDEXED_AS_LOOKED_AT > size.expected)
        asked = parameters | place | {"fetch": missing, "skipped": number - 1, "most": WINDOW_MATCHES if by_index else number}
        window = asked | dict.fromkeys(_IN_WINDOW) | {"is_last": True} if is_everything else _window(connection, asked, left_ms)
        begun = time.monotonic()
        met = _matches(connection, conditions, window, by_index=by_index, timeout_ms=left_ms // 2) if window else None
        if window is None or met is None:
            # Too many rows at once, or too slow.
            number, is_everything = (number if is_everything else max(number // 4, 1)), False
            continue
        found.rows += met.rows
        if window["is_last"] or len(met.rows) >= missing:
            return _counted(found, met, fetch, stretch)
        place |= {"after_time": window["since_time"], "after_id": window["since_id"]}
        wanted = 3 * (fetch - len(found.rows) + _SPARE_MATCHES) * number // (2 * len(met.rows)) if met.rows else _GROWTH * number
        affordable = int(number * _SHARE_OF_TIME * deadline.left_ms() / 1000 / max(time.monotonic() - begun, 0.001))
        readable = WINDOW_MATCHES * number // max(2 * met.rows_read, 1) if by_index else wanted
        number = max(min(wanted, readable, _GROWTH * number, affordable), 1)
    found.stopped_at = (place["after_time"], place["after_id"])
    found.total = min(len(found.rows), MAX_TOTAL)
    return found


def _counted(found: Found, last: Found, fetch: int, stretch: Stretch) -> Found:
    """With its number: that of the index if one window had everything; else exact only if all documents were gone through."""
    if last.total_is_exact and len(found.rows) == len(last.rows):
        found.total, found.total_is_exact = last.total, True
    else:
        found.total = min(max(len(found.rows), last.total), MAX_TOTAL)
        found.total_is_exact = len(found.rows) < fetch and stretch.is_all and len(found.rows) <= MAX_TOTAL
    return found


class _Size(Struct, frozen=True):
    """What the planner expects: matches of the index, the same if words occur together, and documents in all."""

    expected: int
    likely: int
    documents: int

    @classmethod
    def estimated(cls, connection: Connection, conditions: Conditions, asked: Row) -> "_Size":
        """Without a word that is in the index nothing tells how many match."""
        if not conditions.has_terms:
            return cls(MOST_WINDOW, MOST_WINDOW, 0)
        documents = estimated_rows(connection, sql("all"), asked)
        expected = estimated_rows(connection, conditions.statement("candidates"), asked)
        likely = expected * (TOGETHER if conditions.has_several_words else 1)
        return cls(expected, min(likely, max(documents, expected)), documents)

    def documents_of(self, matches: int) -> int:
        """In how many documents so many matches are, twice as many to be sure."""
        return 2 * matches * self.documents // max(self.likely, 1)


def _window(connection: Connection, asked: Row, left_ms: int) -> Row | None:
    """The parameters of a search in the next documents; None if there is no time. `is_last`: there are no more."""
    edge = within(connection, min(left_ms, _EDGE_MS), "off", sql("edge"), asked)
    if edge is None:
        return None
    since = (edge[0]["timestamp"] or "-infinity", edge[0]["id"]) if edge else (asked["oldest_time"], asked["oldest_id"])
    begin = (None, None) if asked["after_time"] is not None else (asked["newest_time"], asked["newest_id"])
    return asked | dict(zip(_IN_WINDOW, (*begin, asked["after_time"], asked["after_id"], *since), strict=True)) | {"is_last": not edge}


def _matches(connection: Connection, conditions: Conditions, window: Row, *, by_index: bool, timeout_ms: int) -> Found | None:
    """The matches of a window; nothing if it had too many rows, or took longer."""
    is_bounded = any(window[name] is not None for name in _IN_WINDOW)
    row_cost = _ROW_COST_IN_WINDOWS if by_index and is_bounded else _ROW_COST
    statement = conditions.statement("matches", by_index=by_index)
    # Without the index, what was read need not match.
    asked = window if by_index else window | {"looks_at_texts": True}
    met = within(connection, timeout_ms, "on" if by_index else "off", statement, asked, row_cost)
    if met is None or met[0]["rows_read"] > window["most"]:
        return None
    total = met[0]["total"]
    matches = [{name: value for name, value in row.items() if name not in ("rows_read", "total")} for row in met if row["id"] is not None]
    if total is None and len(matches) < window["fetch"] and window["after_time"] is None and window["newest_time"] is None:
        # All texts were looked at.
        total = len(matches)
    is_exact = not is_bounded and total is not None and total <= MAX_TOTAL
    return Found(matches, min(total or len(matches), MAX_TOTAL), is_exact, rows_read=met[0]["rows_read"])


def within(
    connection: Connection, timeout_ms: int, bitmaps: str, statement: str, parameters: Row, row_cost: str = _ROW_COST
) -> list[Row] | None:
    """The rows of a statement; None if it takes longer. A savepoint keeps the transaction. `bitmaps`: whether it may use them."""
    if timeout_ms < _LEAST_MS:
        return None
    try:
        with connection.transaction():
            rows(connection, sql("scans"), {"bitmaps": bitmaps, "timeout": str(timeout_ms), "row_cost": row_cost})
            return rows(connection, statement, parameters)
    except QueryCanceled:
        return None
