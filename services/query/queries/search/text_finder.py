"""Finds the newest texts that match, within a time: candidates of the index, from the newest backwards, until a page is full.

When the time is over, what was found is the beginning of the answer, and where the last look ended is where the next page begins. No search ends with a
time-out.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from psycopg.errors import QueryCanceled
from tantivy import Query

from services.query.database import Connection, rows
from services.query.queries.search.text_conditions import Conditions
from services.query.queries.search.text_scores import scores
from services.query.queries.search.text_searcher import LEAST_SCORE, TextHit, all_of, newest_counted, newest_hits, places, rows_of
from services.query.search_index.documents.row_documents import KINDS, MAX_CONTENT_CHARS, DocumentKind
from services.query.search_index.documents.text_documents import place_of, time_of
from services.query.search_index.reader import View
from shared.sql_files import SqlFile

MAX_TOTAL: Final = 10_000
# A look at a text takes a thousand times as long as one at the index: only this many are looked at just for counting.
COUNTED_TEXTS: Final = 300
# Texts that are asked of the index at a time, and read at a time. To find the candidates of a pattern again takes longer than to read many.
MOST_CANDIDATES: Final = 2_000
MOST_READ: Final = 500
# To ask for the narrow candidates may take as long as to look at so many texts: they are asked for if a page seems to need more. So many are looked at
# before that is guessed, and so many are rather looked at than not.
NARROW_TEXTS: Final = 3_000
TRIED_TEXTS: Final = 150
FEW_TEXTS: Final = 1_000
BUDGET_SECONDS: Final = 3.0
# Below this, an attempt is not worth its start.
_LEAST_MS: Final = 20
_BEFORE_ALL_TIME: Final = datetime.min.replace(tzinfo=UTC)
_TIMEOUT: Final = "SELECT set_config('statement_timeout', %(timeout)s, true)"

_SQL: Final = SqlFile(__package__, "text_finder.sql")

Content = TypeVar("Content")


class Place(Struct, frozen=True):
    """The place of a text in the list, newest first. An undated one has no time and is behind all others."""

    timestamp: datetime | None
    id: UUID

    @property
    def order(self) -> tuple[datetime, UUID]:
        """The newer place has the greater one."""
        return self.timestamp or _BEFORE_ALL_TIME, self.id


class Hit(TextHit, frozen=True):
    """A text that matches. `bytes`: about how many are shown of it."""

    session_id: str | None
    bytes: int

    @property
    def at(self) -> Place:
        """Its place in the list."""
        return Place(time_of(self.place), self.id)

    @property
    def order(self) -> tuple[datetime, UUID]:
        """That of its place."""
        return self.at.order


class Stretch(Struct, frozen=True):
    """A part of the list: behind a place, between two, both included, or both."""

    after: Place | None = None
    newest: Place | None = None
    oldest: Place | None = None

    @property
    def is_all(self) -> bool:
        return self.after is None and self.newest is None

    def query(self) -> Query | None:
        """Texts in it, and some that have the same place in the index as its ends. None for all."""
        if self.is_all and self.oldest is None:
            return None
        newest = self.after or self.newest
        return places(_place(self.oldest) if self.oldest else 0, _place(newest) if newest else None)

    def has(self, hit: TextHit) -> bool:
        order = Place(time_of(hit.place), hit.id).order
        is_before = self.newest is None or order <= self.newest.order
        return is_before and (self.oldest is None or order >= self.oldest.order) and (self.after is None or order < self.after.order)


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
        """The time that is left."""
        return max(int((self._until - time.monotonic()) * 1000), 0)


class Search(Struct, frozen=True):
    """A search in the index and the rows that a connection sees. `passing`: the filters (text_filters.py). `weights` are those of the words."""

    connection: Connection
    view: View
    conditions: Conditions
    passing: Query | None
    weights: Sequence[int]
    only_words_rank: bool = False

    @property
    def query(self) -> Query:
        """The candidates that pass."""
        return all_of(self.conditions.candidates, self.passing)

    def narrowed(self) -> "Search | None":
        """The same with the narrow candidates, if there are any."""
        narrow = self.conditions.narrow
        return None if narrow is None else replace(self, conditions=replace(self.conditions, candidates=narrow, narrow=None))


def newest(search: Search, stretch: Stretch, fetch: int, deadline: Deadline) -> Found:
    """The newest matches, `fetch` at most, and how many there are. A number that is not exact is a lower bound, never an estimate."""
    if not search.conditions.looks_at_texts:
        candidates, matches = newest_counted(search.view, search.query, fetch if stretch.is_all else 0)
        found = _walk(search, stretch, fetch, deadline, candidates if stretch.is_all else None)
        found.total, found.total_is_exact = min(matches, MAX_TOTAL), matches <= MAX_TOTAL
    elif (
        len(candidates := newest_hits(search.view, search.query, MOST_CANDIDATES if stretch.is_all else COUNTED_TEXTS + 1)) > COUNTED_TEXTS
    ):
        found = _walk(search, stretch, fetch, deadline, candidates if stretch.is_all else None)
        found.total, found.total_is_exact = len(found.hits), found.is_complete and stretch.is_all and len(found.hits) < fetch
    else:
        found = _look(search, candidates, len(candidates), deadline)
        found.total, found.total_is_exact = len(found.hits), found.is_complete
        if not found.is_complete and not stretch.is_all:
            found = _walk(search, stretch, fetch, deadline)
        found.hits = [hit for hit in found.hits if stretch.has(hit)][:fetch]
    found.total_is_exact &= search.view.is_whole
    found.hits = _scored(search, _with_whole_lengths(search.connection, found.hits))
    return found


def _walk(search: Search, stretch: Stretch, fetch: int, deadline: Deadline, first: Sequence[TextHit] | None = None) -> Found:
    """The matches of a stretch, from the newest backwards. Where few candidates match, it goes on with the narrow ones. `first`: the first candidates."""
    query, narrowed = all_of(search.query, stretch.query()), search.narrowed()
    asked, most = (MOST_CANDIDATES, MOST_READ) if search.conditions.looks_at_texts else (fetch, fetch)
    hits, looked_at, number, seen_to = list[Hit](), 0, min(fetch, most), stretch.after
    candidates = newest_hits(search.view, query, asked) if first is None else first
    while candidates:
        start = 0
        while part := candidates[start : start + number]:
            looked = _look(search, [hit for hit in part if stretch.has(hit)], fetch - len(hits), deadline)
            hits += looked.hits
            if not looked.is_complete:
                return Found(hits, is_complete=False, stopped_at=looked.stopped_at or seen_to)
            if len(hits) >= fetch:
                return Found(hits)
            start, looked_at, seen_to = start + len(part), looked_at + len(part), Place(time_of(part[-1].place), part[-1].id)
            number = min(2 * number, most)
            is_sparse = looked_at >= TRIED_TEXTS and looked_at * (fetch - len(hits)) > NARROW_TEXTS * max(len(hits), 1)
            if narrowed is not None and is_sparse and len(candidates) - start > FEW_TEXTS:
                # The index refuses parts of very many words.
                with suppress(ValueError):
                    rest = _walk(narrowed, Stretch(seen_to, stretch.newest, stretch.oldest), fetch - len(hits), deadline)
                    return replace(rest, hits=[*hits, *rest.hits])
                narrowed = None
        if len(candidates) < asked:
            break
        candidates = newest_hits(search.view, query, asked, before=candidates[-1].place)
    return Found(hits)


def _look(search: Search, candidates: Sequence[TextHit], most: int, deadline: Deadline) -> Found:
    """Those that match, as their rows are now; as many as are wanted."""
    if not search.conditions.looks_at_texts:
        told = within(search.connection, deadline.left_ms(), lambda: _told(search.connection, candidates))
        if told is None:
            return Found([], is_complete=False)
        return Found([_hit(hit, *told[hit.kind, hit.key]) for hit in candidates if (hit.kind, hit.key) in told][:most])
    read = within(search.connection, deadline.left_ms(), lambda: rows_of(search.connection, candidates))
    hits, seen_to = list[Hit](), None
    for hit in candidates if read is not None else ():
        if len(hits) == most:
            return Found(hits)
        if not deadline.left_ms():
            return Found(hits, is_complete=False, stopped_at=seen_to)
        row = read.get((hit.kind, hit.id)) if read else None
        if row is not None and search.conditions.holds(row):
            hits.append(_hit(hit, row.session_id, len(row.content.encode())))
        seen_to = Place(time_of(hit.place), hit.id)
    return Found(hits, is_complete=read is not None)


def _told(connection: Connection, hits: Sequence[TextHit]) -> dict[tuple[DocumentKind, str], tuple[str | None, int]]:
    """The session of each text and its length, by its kind and key."""
    told = dict[tuple[DocumentKind, str], tuple[str | None, int]]()
    for kind in KINDS:
        of_kind = [hit for hit in hits if hit.kind == kind]
        if kind == "file":
            found = rows_of(connection, of_kind).values()
            told |= {(kind, row.key): (row.session_id, len(row.content.encode())) for row in found}
        elif of_kind:
            of_keys = rows(connection, _SQL[kind], {"keys": [hit.key for hit in of_kind]})
            told |= {(kind, row["key"]): (row["session_id"], row["bytes"]) for row in of_keys}
    return told


def _hit(hit: TextHit, session_id: str | None, length: int) -> Hit:
    return Hit(hit.id, hit.kind, hit.key, hit.place, LEAST_SCORE, session_id, length)


def _with_whole_lengths(connection: Connection, hits: Sequence[Hit]) -> list[Hit]:
    """A document has the beginning of a long message, and a page is bounded by what it shows."""
    told = _told(connection, [hit for hit in hits if hit.bytes >= MAX_CONTENT_CHARS])
    return [replace(hit, bytes=told[hit.kind, hit.key][1]) if (hit.kind, hit.key) in told else hit for hit in hits]


def _scored(search: Search, hits: Sequence[Hit]) -> list[Hit]:
    if not search.conditions.words or not hits:
        return list(hits)
    among = None if search.conditions.looks_at_texts else search.query
    found = scores(search.view, search.conditions, search.weights, hits, among=among, only_words_rank=search.only_words_rank)
    return [replace(hit, score=found.get(hit.id, LEAST_SCORE)) for hit in hits]


def _place(place: Place) -> int:
    return place_of(place.timestamp, place.id)


def within(connection: Connection, timeout_ms: int, read: Callable[[], Content]) -> Content | None:
    """Returns what `read` gives; None if one of its statements takes longer.

    A savepoint keeps the transaction. It is rolled back, and the setting with it: the next statement has its usual time.
    """
    if timeout_ms < _LEAST_MS:
        return None
    try:
        with connection.transaction(force_rollback=True):
            rows(connection, _TIMEOUT, {"timeout": str(timeout_ms)})
            return read()
    except QueryCanceled:
        return None
