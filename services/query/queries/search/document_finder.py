"""Finds the newest documents that match, within a time: by an index, or by a walk from the newest document backwards.

Postgres cannot tell how many match: it assumes that words are independent of each other and of time, and knows nothing of texts. So each way is
tried within a bound on the rows that it examines. The last is a walk in steps: what it has found when the time is over is the beginning of the
answer, and where it stopped is where the next page begins. No search ends with a time-out.
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
# Words occur together this many times more often than the planner expects.
TOGETHER: Final = 8
_ALL: Final = 2**31 - 2
BUDGET_SECONDS: Final = 3.0
# Below this, an attempt is not worth its start.
_LEAST_MS: Final = 20

Keys = tuple[Any, ...]


class Bounds(Struct, frozen=True):
    """Rows that an attempt may look at: a walk, if more than `by_index` are expected; the index; a walk, before the index without a bound."""

    walked_first: int
    by_index: int
    walked_then: int


FOR_A_PAGE: Final = Bounds(2_000, 15_000, 10_000)
TO_RANK: Final = Bounds(6_000, 25_000, 20_000)
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
    """The newest matches, `fetch` at most."""
    parameters = parameters | {"fetch": fetch, "looks_at_texts": conditions.looks_at_texts, "counted_texts": COUNTED_TEXTS}
    expected = _expected(connection, conditions, parameters | stretch.parameters())
    walk = _Walk(connection, conditions, parameters, stretch, fetch, deadline)
    if expected > bounds.by_index and walk.goes(bounds.walked_first):
        return _counted(walk.found, stretch, fetch, 0 if conditions.looks_at_texts else expected)
    asked = parameters | stretch.parameters()
    total, statement = 0, conditions.statement("by_index", by_text=conditions.has_trigrams)
    found = _by_words_first(connection, conditions, asked, bounds.by_index, deadline)
    if found is not None:
        return found
    if conditions.has_terms or conditions.has_trigrams:
        found, total = _by_index(connection, statement, conditions, asked, bounds.by_index, deadline.left_ms() // 2)
        if found is not None:
            return found
        reads_texts_of_words = conditions.looks_at_texts and not conditions.has_trigrams
        if walk.goes_by_index(conditions) if reads_texts_of_words else walk.goes(bounds.walked_then):
            return _counted(walk.found, stretch, fetch, total)
        timeout_ms = 0 if reads_texts_of_words else deadline.left_ms() // 2
        found, total = _by_index(connection, statement, conditions, asked, _ALL, timeout_ms)
        if found is not None:
            return found
    while not walk.goes(STEP):
        pass
    return _counted(walk.found, stretch, fetch, total)


def _by_words_first(connection: Connection, conditions: Conditions, asked: Row, most: int, deadline: Deadline) -> Found | None:
    """Words lead to the newest texts first; trigrams to all texts at once, each of which must be read. So words have the first try."""
    if not (conditions.has_terms and conditions.has_trigrams):
        return None
    timeout_ms = min(deadline.left_ms() // 2, WORDS_FIRST_MS)
    return _by_index(connection, conditions.statement("by_index"), conditions, asked, most, timeout_ms)[0]


def _expected(connection: Connection, conditions: Conditions, parameters: Row) -> int:
    if not conditions.has_terms:
        return _ALL
    return estimated_rows(connection, conditions.statement("candidates"), parameters) * (TOGETHER if conditions.has_several_words else 1)


def _counted(found: Found, stretch: Stretch, fetch: int, at_least: int) -> Found:
    is_all = len(found.rows) < fetch and stretch.is_all and found.stopped_at is None
    found.total = len(found.rows) if is_all else min(max(at_least, len(found.rows)), MAX_TOTAL)
    found.total_is_exact = is_all
    return found


def _by_index(
    connection: Connection, statement: str, conditions: Conditions, parameters: Row, most: int, timeout_ms: int
) -> tuple[Found | None, int]:
    """What the index finds, and how many rows it had; nothing if these were more than `most`, or took longer."""
    found = within(connection, timeout_ms, "on", statement, parameters | {"most": most})
    if found is None:
        return None, 0
    rows_read, total = found[0]["rows_read"], found[0]["total"]
    if rows_read > most:
        return None, 0 if conditions.looks_at_texts else min(rows_read, MAX_TOTAL)
    matches = [_without_counts(row) for row in found if row["id"] is not None]
    if total is None and len(matches) < parameters["fetch"] and parameters["after_time"] is None and parameters["newest_time"] is None:
        # All texts were looked at.
        total = len(matches)
    is_exact = total is not None and total <= MAX_TOTAL
    return Found(matches, min(total if total is not None else len(matches), MAX_TOTAL), is_exact), 0


class _Walk:
    """A walk from the newest document backwards, in steps. `found` is what it met, and where it stopped if the time was over."""

    def __init__(
        self, connection: Connection, conditions: Conditions, parameters: Row, stretch: Stretch, fetch: int, deadline: Deadline
    ) -> None:
        """Begins before the first row."""
        self._connection, self._statement, self._parameters = connection, conditions.statement("walk"), parameters
        self._position, self._fetch, self._deadline = stretch.parameters(), fetch, deadline
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
            asked = self._parameters | {"ids": [key["id"] for key in some], "fetch": self._fetch - len(self.found.rows)}
            met = within(self._connection, self._deadline.left_ms(), "on", conditions.statement("looked_at"), asked)
            if met is None:
                self.found.stopped_at = (self._position["after_time"], self._position["after_id"])
                return True
            self.found.rows += met
            if len(self.found.rows) >= self._fetch:
                return True
            self._position |= {"after_time": some[-1]["timestamp"] or "-infinity", "after_id": some[-1]["id"]}
        return keys is not None and len(keys) < KEYS

    def goes(self, most: int) -> bool:
        """Looks at so many more rows. Whether the walk is over: it has enough, there are no more rows, or no more time."""
        if most <= 0:
            return False
        asked = self._parameters | self._position | {"walked": most, "fetch": self._fetch - len(self.found.rows)}
        met = within(self._connection, self._deadline.left_ms(), "off", self._statement, asked)
        if met is None:
            self.found.stopped_at = (self._position["after_time"], self._position["after_id"])
            return True
        self.found.rows += [_without_counts(row) for row in met if row["id"] is not None]
        if len(self.found.rows) >= self._fetch or met[0]["walked"] < most:
            return True
        self._position |= {"after_time": met[0]["ended_at"] or "-infinity", "after_id": met[0]["ended_id"]}
        return False


def within(connection: Connection, timeout_ms: int, bitmaps: str, statement: str, parameters: Row) -> list[Row] | None:
    """The rows of a statement; None if it takes longer. A savepoint keeps the transaction. `bitmaps`: whether it may use them."""
    if timeout_ms < _LEAST_MS:
        return None
    try:
        with connection.transaction():
            rows(connection, sql("scans"), {"bitmaps": bitmaps, "timeout": str(timeout_ms)})
            return rows(connection, statement, parameters)
    except QueryCanceled:
        return None


def _without_counts(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("rows_read", "total", "walked", "ended_at", "ended_id")}


def keys_of(row: Row) -> Keys:
    """The sort keys of a match by time."""
    return row["timestamp"] or "-infinity", row["id"]
