"""Finds the newest documents that match, within a time: by an index, or by a walk from the newest document backwards.

Postgres cannot tell how many match: it assumes that words are independent of each other and of time, and knows nothing of texts. So each way is
tried within a bound on the rows that it examines. What many documents have is looked for by the index within windows of the newest documents, so that
the cost depends on the page and not on all matches. The last is a walk in steps: what it has found when the time is over is the beginning of the
answer, and where it stopped is where the next page begins. No search ends with a time-out.
"""

import time
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

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
_ALL: Final = 2**31 - 2
BUDGET_SECONDS: Final = 3.0
# Below this, an attempt is not worth its start.
_LEAST_MS: Final = 20

Keys = tuple[Any, ...]


class Bounds(Struct, frozen=True):
    """Rows that an attempt may look at: a walk, if so few are enough; the index, in all its rows; the index, within windows."""

    walked_first: int
    by_index: int
    windowed: int


# A row of a walk takes 15 µs or more, since its terms or its text are read. A row that the index finds takes 2 to 5 µs, a row of a window 0.2 µs.
FOR_A_PAGE: Final = Bounds(2_000, 3_000, 300_000)
TO_RANK: Final = Bounds(6_000, 5_000, 300_000)
# A row of a walk takes as long as the index needs for so many rows that have a word, in whatever window.
INDEXED_AS_WALKED: Final = 30
# The first walk, if nothing tells how many match.
_FIRST_TEXTS: Final = 300
# Documents of a window, and matches that one may have.
LEAST_WINDOW: Final = 1_000
MOST_WINDOW: Final = 300_000
WINDOW_MATCHES: Final = 5_000
# So many more matches than are missing are looked for in a window: a second one takes longer than some matches too many.
_SPARE_MATCHES: Final = 100
_SPARE_TEXTS: Final = 10
# In windows the planner is to look up both the text and the time before it reads a row. It takes texts for as cheap as numbers.
_ROW_COST: Final = "0.01"
_TEXT_COST: Final = "1000"
# How long the end of a window is looked for. An index has it, but not of a key that is bound to several projects.
_EDGE_MS: Final = 300
_LEAST_ID: Final = UUID(int=0)
_INSTANT: Final = timedelta(microseconds=1)
# How long texts are looked at that have the words, before the index of trigrams is asked.
WORDS_FIRST_MS: Final = 150
# Of the last walk, each step.
STEP: Final = 20_000
# Texts that have the words: how many are known, and how many are read at a time.
KEYS: Final = 100_000
TEXTS: Final = 1_000


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

    `stopped_at`: the time was over behind this row, all before it was looked at; the rest is unknown.
    """

    rows: list[Row]
    total: int = 0
    total_is_exact: bool = False
    stopped_at: Keys | None = None


class Deadline:
    """Until when a search may take."""

    def __init__(self, seconds: float = BUDGET_SECONDS) -> None:
        """From now on."""
        self._until = time.monotonic() + seconds

    def left_ms(self) -> int:
        """How long is left."""
        return max(int((self._until - time.monotonic()) * 1000), 0)


def newest(
    connection: Connection, conditions: Conditions, parameters: Row, stretch: Stretch, fetch: int, bounds: Bounds, deadline: Deadline
) -> Found:
    """The newest matches, `fetch` at most, and how many there are. What is not counted is a lower bound, never an expectation."""
    parameters = parameters | {"fetch": fetch, "looks_at_texts": conditions.looks_at_texts, "counted_texts": COUNTED_TEXTS}
    found = _newest(connection, conditions, parameters, stretch, fetch, bounds, deadline)
    if found.total_is_exact or conditions.looks_at_texts:
        return found
    asked = parameters | {"most": MAX_TOTAL + 1}
    counted = within(connection, min(deadline.left_ms(), COUNT_MS), "on", conditions.statement("count"), asked)
    if counted is not None:
        total = counted[0]["matches"]
        found.total, found.total_is_exact = min(total, MAX_TOTAL), total <= MAX_TOTAL
    return found


def _newest(
    connection: Connection, conditions: Conditions, parameters: Row, stretch: Stretch, fetch: int, bounds: Bounds, deadline: Deadline
) -> Found:
    asked = parameters | stretch.parameters()
    size = _Size.estimated(connection, conditions, asked)
    walk = _Walk(connection, conditions, parameters, stretch, fetch, deadline)
    found = None
    if size.expected > bounds.by_index:
        if walk.goes(_first_steps(size, fetch, bounds.walked_first)) or walk.goes_by_windows(conditions, size, bounds.windowed):
            return _met(walk, stretch)
    else:
        found = _by_few(connection, conditions, asked, bounds.by_index, deadline)
        if found is None and walk.goes_by_windows(conditions, size, bounds.windowed):
            return _met(walk, stretch)
    if found is None and conditions.looks_at_texts and not conditions.has_trigrams:
        if conditions.has_terms and walk.goes_by_index(conditions):
            return _met(walk, stretch)
    elif found is None:
        found = _by_index(connection, conditions, asked, _ALL, deadline.left_ms() // 2)[0]
    return found or _last_steps(walk, conditions, size, stretch)


def _last_steps(walk: "_Walk", conditions: Conditions, size: "_Size", stretch: Stretch) -> Found:
    is_over = not conditions.has_terms and walk.goes_by_windows(conditions, size, _ALL)
    while not is_over:
        is_over = walk.goes(STEP)
    return _met(walk, stretch)


class _Size(Struct, frozen=True):
    """What the planner expects: matches of the index, the same if words occur together, and documents in all."""

    expected: int
    likely: int
    documents: int

    @classmethod
    def estimated(cls, connection: Connection, conditions: Conditions, asked: Row) -> "_Size":
        """Without a word that is in the index nothing tells how many match."""
        if not conditions.has_terms:
            return cls(_ALL, _ALL, _ALL)
        documents = estimated_rows(connection, sql("all"), asked)
        expected = estimated_rows(connection, conditions.statement("candidates"), asked)
        likely = expected * (TOGETHER if conditions.has_several_words else 1)
        return cls(expected, min(likely, max(documents, expected)), documents)

    def documents_of(self, matches: int) -> int:
        """In how many documents so many matches are, twice as many to be sure."""
        return 2 * matches * self.documents // max(self.likely, 1)


def _first_steps(size: _Size, fetch: int, most: int) -> int:
    """The rows of the first walk; none if they would not be enough, or the index is faster."""
    if size.documents == _ALL:
        return min(most, _FIRST_TEXTS)
    rows_to_read = size.documents_of(fetch)
    return most if rows_to_read <= most and rows_to_read // 2 * INDEXED_AS_WALKED <= size.expected else 0


def _by_few(connection: Connection, conditions: Conditions, asked: Row, most: int, deadline: Deadline) -> Found | None:
    """Words lead to the newest texts first; trigrams to all texts at once, each of which must be read. So words have the first try."""
    if conditions.has_trigrams:
        timeout_ms = min(deadline.left_ms() // 2, WORDS_FIRST_MS)
        found, _ = _by_index(connection, conditions, asked, most, timeout_ms, by_text=False)
        if found is not None:
            return found
    return _by_index(connection, conditions, asked, most, deadline.left_ms() // 2)[0]


def _met(walk: "_Walk", stretch: Stretch) -> Found:
    """What a walk has found, with its number; that is exact if it has gone through all documents."""
    found = walk.found
    found.total = min(len(found.rows), MAX_TOTAL)
    found.total_is_exact = len(found.rows) < walk.fetch and stretch.is_all and found.stopped_at is None
    return found


def _by_index(
    connection: Connection, conditions: Conditions, parameters: Row, most: int, timeout_ms: int, *, by_text: bool = True
) -> tuple[Found | None, int]:
    """What the index finds, and how many rows it had; nothing if these were more than `most`, or took longer."""
    if not (conditions.has_terms or conditions.has_trigrams):
        return None, 0
    row_cost = _TEXT_COST if "by_windows" in parameters or (by_text and conditions.has_trigrams) else _ROW_COST
    statement = conditions.statement("by_index", by_text=by_text)
    found = within(connection, timeout_ms, "on", statement, parameters | {"most": most}, row_cost)
    if found is None:
        return None, 0
    rows_read, total = found[0]["rows_read"], found[0]["total"]
    if rows_read > most:
        return None, min(rows_read, MAX_TOTAL)
    matches = [_without_counts(row) for row in found if row["id"] is not None]
    if total is None and len(matches) < parameters["fetch"] and parameters["after_time"] is None and parameters["newest_time"] is None:
        # All texts were looked at.
        total = len(matches)
    is_exact = total is not None and total <= MAX_TOTAL
    return Found(matches, min(total if total is not None else len(matches), MAX_TOTAL), is_exact), rows_read


class _Walk:
    """A walk from the newest document backwards, in steps. `found` is what it met, and where it stopped if the time was over."""

    def __init__(
        self, connection: Connection, conditions: Conditions, parameters: Row, stretch: Stretch, fetch: int, deadline: Deadline
    ) -> None:
        """Begins before the first row."""
        self._connection, self._statement, self._parameters = connection, conditions.statement("walk"), parameters
        self._position, self.fetch, self._deadline = stretch.parameters(), fetch, deadline
        self.found = Found([])

    def goes_by_index(self, conditions: Conditions) -> bool:
        """Looks at the texts that the index finds. Whether it is over, as of `goes`: what was read before the time was over is not lost."""
        keys = within(
            self._connection,
            self._deadline.left_ms() // 2,
            "on",
            conditions.statement("keys"),
            self._parameters | self._position | {"most": KEYS},
        )
        for at in range(0, len(keys or ()), TEXTS):
            some = (keys or [])[at : at + TEXTS]
            asked = self._parameters | {"ids": [key["id"] for key in some], "fetch": self._missing}
            met = within(self._connection, self._deadline.left_ms(), "on", conditions.statement("looked_at"), asked)
            if met is None:
                self.found.stopped_at = (self._position["after_time"], self._position["after_id"])
                return True
            self.found.rows += met
            if self._missing <= 0:
                return True
            self._position |= {"after_time": some[-1]["timestamp"] or "-infinity", "after_id": some[-1]["id"]}
        return keys is not None and len(keys) < KEYS

    @property
    def _missing(self) -> int:
        return self.fetch - len(self.found.rows)

    def goes_by_windows(self, conditions: Conditions, size: _Size, most: int) -> bool:
        """Asks the index for matches among the newest documents, then among those behind them. Whether the walk is over, as of `goes`.

        A window has as many documents as have a page's matches, as far as those before it tell.
        """
        # Further matches cost little, but not if texts are read for them before it is known which are the newest.
        spare = _SPARE_MATCHES if conditions.has_terms else _SPARE_TEXTS
        looked_at, texts, number = 0, 0, max(size.documents_of(self._missing + spare), LEAST_WINDOW)
        while looked_at < most and texts <= WINDOW_MATCHES and number > 0 and self._position["after_time"] != "-infinity":
            number = min(number, most - looked_at, MOST_WINDOW)
            window = self._window(number)
            if window is None:
                return False
            found, rows_read = _by_index(
                self._connection, conditions, window, WINDOW_MATCHES, self._deadline.left_ms() // 2, by_text=not conditions.has_terms
            )
            if found is None:
                # Too many at once, or too slow.
                number = number // 4 if rows_read or number > LEAST_WINDOW else 0
                continue
            self.found.rows += found.rows
            if window["since"] is None or self._missing <= 0:
                return True
            self._position |= {"after_time": window["since"], "after_id": _LEAST_ID}
            looked_at += number
            texts += rows_read if conditions.looks_at_texts else 0
            wanted = 3 * (self._missing + spare) * number // (2 * len(found.rows)) if found.rows else 8 * number
            number = min(wanted, 8 * number, WINDOW_MATCHES * number // max(2 * rows_read, 1))
        return False

    def _window(self, number: int) -> Row | None:
        """The parameters of a search in the next documents; None if there is no time. `since` is None if they are the last."""
        asked = self._parameters | self._position | {"fetch": self._missing, "skipped": number, "by_windows": True}
        edge = within(self._connection, min(self._deadline.left_ms(), _EDGE_MS), "off", sql("edge"), asked)
        if edge is None:
            return None
        since = edge[0]["timestamp"] if edge else None
        return asked | _narrowed(asked, since) | {"since": since}

    def goes(self, most: int) -> bool:
        """Looks at so many more rows. Whether the walk is over: it has enough, there are no more rows, or no more time."""
        if most <= 0:
            return False
        asked = self._parameters | self._position | {"walked": most, "fetch": self._missing}
        met = within(self._connection, self._deadline.left_ms(), "off", self._statement, asked)
        if met is None:
            self.found.stopped_at = (self._position["after_time"], self._position["after_id"])
            return True
        self.found.rows += [_without_counts(row) for row in met if row["id"] is not None]
        if self._missing <= 0 or met[0]["walked"] < most:
            return True
        self._position |= {"after_time": met[0]["ended_at"] or "-infinity", "after_id": met[0]["ended_id"]}
        return False


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


def _without_counts(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("rows_read", "total", "walked", "ended_at", "ended_id")}


def _narrowed(asked: Row, since: datetime | None) -> Row:
    """The dates of a search and its place in the list, as a stretch of time that the index of times leads to."""
    starts = [at for at in (asked["start"], asked["oldest_time"], since) if isinstance(at, datetime)]
    ends = [at + _INSTANT for at in (asked["after_time"], asked["newest_time"]) if isinstance(at, datetime)]
    ends += [asked["end"]] if asked["end"] is not None else []
    return {"start": max(starts, default=None), "end": min(ends, default=None)}


def keys_of(row: Row) -> Keys:
    """The sort keys of a match by time."""
    return row["timestamp"] or "-infinity", row["id"]
