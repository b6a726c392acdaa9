"""Finds the newest documents that match, within a time: windows of documents, from the newest backwards, until a page is full.

Postgres cannot tell how many match: it assumes that words are independent of each other and of time, and knows nothing of texts. If few are expected,
the first window is everything. Else it has as many documents as have the matches of a page, so that the cost depends on the page and not on all matches.
Each window tells how large the next one may be. When the time is over, what was found is the beginning of the answer, and where the last window ended is
where the next page begins. No search ends with a time-out.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import UUID

from msgspec import Struct, convert
from msgspec.structs import replace
from psycopg.errors import QueryCanceled

from services.query.cursor import UNDATED
from services.query.database import Connection, Row, estimated_rows, fetch, one_row, rows, structs
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
_BEFORE_ALL_TIME: Final = datetime.min.replace(tzinfo=UTC)

Content = TypeVar("Content")


class Place(Struct, frozen=True):
    """Where a document is in the list, newest first. An undated one has no time and is behind all others."""

    timestamp: datetime | None
    id: UUID

    @property
    def order(self) -> tuple[datetime, UUID]:
        """The newer place has the greater one."""
        return _order(self.timestamp, self.id)


class Scored(Struct, frozen=True):
    """A document that matches, and how well."""

    id: UUID
    score: float


class Hit(Scored, frozen=True):
    """The same with its place. `bytes`: of its text."""

    session_id: str | None
    timestamp: datetime | None
    bytes: int

    @property
    def place(self) -> Place:
        return Place(self.timestamp, self.id)

    @property
    def order(self) -> tuple[datetime, UUID]:
        """That of its place."""
        return _order(self.timestamp, self.id)


def _order(timestamp: datetime | None, document_id: UUID) -> tuple[datetime, UUID]:
    return timestamp or _BEFORE_ALL_TIME, document_id


class Stretch(Struct, frozen=True):
    """Where to look: behind a place, or between two, both included."""

    after: Place | None = None
    newest: Place | None = None
    oldest: Place | None = None

    @property
    def is_all(self) -> bool:
        return self.after is None and self.newest is None


class Found(Struct):
    """Matches, newest first. `total` counts all of them, a lower bound unless it is exact.

    Unless it `is_complete`, the time was over: all before `stopped_at` was looked at, or nothing, and the rest is unknown.
    """

    hits: list[Hit]
    total: int = 0
    total_is_exact: bool = False
    is_complete: bool = True
    stopped_at: Place | None = None


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
    parameters = parameters | {"looks_at_texts": conditions.looks_at_texts, "counted_texts": COUNTED_TEXTS}
    found = _in_windows(connection, conditions, parameters, stretch, fetch, deadline)
    if found.total_is_exact or conditions.looks_at_texts:
        return found
    total = within(connection, min(deadline.left_ms(), COUNT_MS), lambda: _count(connection, conditions, parameters))
    if total is not None:
        found.total, found.total_is_exact = min(total, MAX_TOTAL), total <= MAX_TOTAL
    return found


def _count(connection: Connection, conditions: Conditions, parameters: Row) -> int:
    counted: int = one_row(connection, conditions.statement("count"), parameters | {"most": MAX_TOTAL + 1})["matches"]
    return counted


def _in_windows(connection: Connection, conditions: Conditions, parameters: Row, stretch: Stretch, fetch: int, deadline: Deadline) -> Found:
    left, found = stretch, Found([])
    size = _Size.estimated(connection, conditions, parameters)
    is_everything = size.expected <= FEW
    number = max(size.documents_of(fetch + _SPARE_MATCHES), LEAST_WINDOW)
    while (left_ms := deadline.left_ms()) >= _LEAST_MS:
        number = min(number, MOST_WINDOW)
        missing = fetch - len(found.hits)
        by_index = conditions.has_terms and (is_everything or number * INDEXED_AS_LOOKED_AT > size.expected)
        asked = parameters | _of_places(after=left.after, newest=left.newest, oldest=left.oldest)
        window = _Window() if is_everything else _window(connection, conditions, asked | {"skipped": number - 1}, left, left_ms)
        begun = time.monotonic()
        asked |= {"fetch": missing, "most": WINDOW_MATCHES if by_index else number}
        met = _matches(connection, conditions, asked, left, window, by_index=by_index, timeout_ms=left_ms // 2) if window else None
        if window is None or met is None:
            # Too many rows at once, or too slow.
            number, is_everything = (number if is_everything else max(number // 4, 1)), False
            continue
        found.hits += met.hits
        if window.is_last or len(met.hits) >= missing:
            return _counted(found, met, fetch, stretch)
        left = replace(left, after=window.since)
        wanted = 3 * (fetch - len(found.hits) + _SPARE_MATCHES) * number // (2 * len(met.hits)) if met.hits else _GROWTH * number
        affordable = int(number * _SHARE_OF_TIME * deadline.left_ms() / 1000 / max(time.monotonic() - begun, 0.001))
        readable = WINDOW_MATCHES * number // max(2 * met.rows_read, 1) if by_index else wanted
        number = max(min(wanted, readable, _GROWTH * number, affordable), 1)
    found.is_complete, found.stopped_at = False, left.after
    found.total = min(len(found.hits), MAX_TOTAL)
    return found


def _counted(found: Found, last: "_Met", fetch: int, stretch: Stretch) -> Found:
    """With its number: that of the index if one window had everything; else exact only if all documents were gone through."""
    if last.total_is_exact and len(found.hits) == len(last.hits):
        found.total, found.total_is_exact = last.total, True
    else:
        found.total = min(max(len(found.hits), last.total), MAX_TOTAL)
        found.total_is_exact = len(found.hits) < fetch and stretch.is_all and len(found.hits) <= MAX_TOTAL
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
        documents = estimated_rows(connection, conditions.statement("candidates", by_index=False), asked)
        expected = estimated_rows(connection, conditions.statement("candidates"), asked)
        likely = expected * (TOGETHER if conditions.has_several_words else 1)
        return cls(expected, min(likely, max(documents, expected)), documents)

    def documents_of(self, matches: int) -> int:
        """In how many documents so many matches are, twice as many to be sure."""
        return 2 * matches * self.documents // max(self.likely, 1)


class _Window(Struct, frozen=True):
    """The next documents: up to `begin`, behind `after`, down to `since`. No bound where it is None. `is_last`: there are no more."""

    begin: Place | None = None
    after: Place | None = None
    since: Place | None = None
    is_last: bool = True

    @property
    def is_bounded(self) -> bool:
        return self.begin is not None or self.after is not None or self.since is not None


class _Counts(Struct, frozen=True):
    """Of a window: rows that were read, and matches if they are known."""

    rows_read: int
    total: int | None


class _Met(Struct, frozen=True):
    """The matches of a window, and rows that were read for them."""

    hits: list[Hit]
    total: int
    total_is_exact: bool
    rows_read: int


def _window(connection: Connection, conditions: Conditions, asked: Row, left: Stretch, left_ms: int) -> _Window | None:
    """The next documents, but for %(skipped)s the last of which is their end; None if there is no time."""
    edge = within(connection, min(left_ms, _EDGE_MS), lambda: fetch(connection, Place, conditions.statement("edge"), asked), bitmaps=False)
    if edge is None:
        return None
    begin = left.newest if left.after is None else None
    return _Window(begin, left.after, edge[0] if edge else left.oldest, is_last=not edge)


def _matches(
    connection: Connection, conditions: Conditions, asked: Row, left: Stretch, window: _Window, *, by_index: bool, timeout_ms: int
) -> _Met | None:
    """The matches of a window; nothing if it had too many rows, or took longer."""
    row_cost = _ROW_COST_IN_WINDOWS if by_index and window.is_bounded else _ROW_COST
    statement = conditions.statement("matches", by_index=by_index)
    bounded = asked | _of_places(**{"from": window.begin}, until=window.after, since=window.since)
    # Without the index, what was read need not match.
    parameters = bounded if by_index else bounded | {"looks_at_texts": True}
    found = within(connection, timeout_ms, lambda: rows(connection, statement, parameters), bitmaps=by_index, row_cost=row_cost)
    if found is None:
        return None
    counts = convert(found[0], _Counts)
    if counts.rows_read > asked["most"]:
        return None
    hits = structs(Hit, (row for row in found if row["id"] is not None))
    # All texts were looked at.
    has_all = len(hits) < asked["fetch"] and left.is_all
    total = len(hits) if counts.total is None and has_all else counts.total
    is_exact = not window.is_bounded and total is not None and total <= MAX_TOTAL
    return _Met(hits, min(total or len(hits), MAX_TOTAL), is_exact, counts.rows_read)


def _of_places(**places: Place | None) -> Row:
    """As the statements take them: `after` gives after_time and after_id."""
    found: Row = {}
    for name, place in places.items():
        found[f"{name}_time"] = None if place is None else place.timestamp or UNDATED
        found[f"{name}_id"] = None if place is None else place.id
    return found


def within(
    connection: Connection, timeout_ms: int, read: Callable[[], Content], *, bitmaps: bool = True, row_cost: str = _ROW_COST
) -> Content | None:
    """What `read` gives; None if it takes longer. `bitmaps`: whether its statement may use them.

    A savepoint keeps the transaction. It is rolled back, and the settings with it: the next statement has its usual time.
    """
    if timeout_ms < _LEAST_MS:
        return None
    try:
        with connection.transaction(force_rollback=True):
            set_scans(connection, timeout_ms, bitmaps=bitmaps, row_cost=row_cost)
            return read()
    except QueryCanceled:
        return None


def set_scans(connection: Connection, timeout_ms: int, *, bitmaps: bool = True, row_cost: str = _ROW_COST) -> None:
    """How the next statements of the transaction are planned, and how long each may take."""
    rows(connection, sql("scans"), {"bitmaps": "on" if bitmaps else "off", "timeout": str(timeout_ms), "row_cost": row_cost})
