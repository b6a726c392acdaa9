"""How matches of a search are found, which depends on how many there are.

Few: the index of terms tells all of them. Many: a walk from the newest message backwards meets enough of them soon. Which it is
Postgres cannot tell: it takes words for independent of each other and of time, and knows nothing of phrases. So each way is tried
within a bound on the rows it looks at, and whichever ends within its bound has the answer; its estimate only says what is tried
first. What no bound is wide enough for, such as a word that was frequent only years ago, is found by the index, without a bound.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from services.query.database import Connection, Row, estimated_rows, rows
from services.query.queries.lists.paging import Conditions
from services.query.queries.search.search_sql import Matching

MAX_TOTAL = 10_000
# A look at a text takes ten times as long as one at the index: no more than these are looked at only to be counted.
COUNTED_TEXTS = 300
# Words of one message meet so many times more often than the planner thinks: messages are short or long, and a long one has them all.
TOGETHER = 8
_ALL = 2**31 - 2

_ORDER = "ORDER BY m.occurred_at DESC, m.id DESC"
_KEYS, _TYPES = "m.occurred_at, m.id", ("timestamptz", "uuid")

_CANDIDATES = "SELECT 1 FROM messages m {where}"

# One row at least: the counts. The rest is empty if there were more than `most`. Texts are looked at newest first, until enough are found.
_BY_INDEX = f"""
    WITH read AS MATERIALIZED (SELECT m.id, m.occurred_at, m.role FROM messages m {{where}} LIMIT %(most)s + 1),
        found AS (SELECT m.id, m.occurred_at FROM read m {{others}}),
        counts AS MATERIALIZED (SELECT (SELECT count(*) FROM read) AS rows_read, (SELECT count(*) FROM found) AS candidates),
        newest AS (SELECT m.id, m.occurred_at FROM found m, counts {{position}} {_ORDER})
    SELECT counts.rows_read, {{total}} AS total, page.*
    FROM counts LEFT JOIN (
        SELECT {{columns}} FROM newest n JOIN messages m ON m.id = n.id WHERE {{matches}} ORDER BY n.occurred_at DESC, n.id DESC LIMIT %(fetch)s
    ) page ON true
    ORDER BY page.timestamp DESC NULLS LAST, page.id DESC
"""
_TEXTS_THAT_MATCH = """
    CASE WHEN counts.candidates <= %(counted_texts)s THEN (SELECT count(*) FROM found f JOIN messages m ON m.id = f.id WHERE {exact}) END
"""
# The bound is inside, so that no estimate of what matches decides how the walk goes.
_WALK = f"""
    SELECT {{columns}} FROM (SELECT m.* FROM messages m {{where}} {_ORDER} LIMIT %(walked)s) m {{matches}} {_ORDER} LIMIT %(fetch)s
"""
# A LIMIT makes the whole table look cheap to read, and a walk is in the order of an index, never a sort.
_SCANS = "SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', %(bitmaps)s, true)"


class Bounds(Struct, frozen=True):
    """Rows that an attempt may look at: a walk, if more than `by_index` are expected; the index; a walk after the index had more."""

    walked_first: int
    by_index: int
    walked_then: int


# A row of the walk takes 1 µs, one that the index found 5 µs, since it may be anywhere.
FOR_A_PAGE = Bounds(10_000, 6_000, 50_000)
TO_RANK = Bounds(40_000, 15_000, 75_000)


class Finder:
    """One search: within its conditions and its position in the list, the newest matches; and how many match in all.

    `total` is a lower bound unless `total_is_exact`; an expectation where the walk was enough and nothing was counted.
    """

    def __init__(self, connection: Connection, filters: Conditions, others: Conditions, matching: Matching) -> None:
        """`filters` are those that an index in the order of time serves; rows that `others` drop count as looked at."""
        self._connection, self._matching, self._filters, self._others = connection, matching, filters, others
        self._position = Conditions()
        self.has_literals = matching.has_literals
        self.total, self.total_is_exact = 0, False

    def after(self, keys: tuple[Any, ...] | None) -> "Finder":
        """Only what is older than the row with these sort keys."""
        self._position = Conditions()
        self._position.add_after(keys, _KEYS, _TYPES)
        return self

    def between(self, newest: tuple[Any, ...], oldest: tuple[Any, ...]) -> "Finder":
        """Only the window between two rows, both included."""
        self._position.add_between(newest, oldest, _KEYS, _TYPES)
        return self

    def newest(self, columns: str, fetch: int) -> list[Row]:
        """Matches, newest first."""
        found = self._find(columns, self._matching.exact, fetch, FOR_A_PAGE)
        return self._all_counted(found, fetch, len(found))

    def newest_candidates(self, columns: str, fetch: int) -> list[Row]:
        """What matches as far as the index can tell, newest first, with a column `matches`."""
        found = self._find(f"{columns}, ({self._matching.exact}) AS matches", "true", fetch, TO_RANK)
        return self._all_counted(found, fetch, sum(row["matches"] for row in found))

    def _all_counted(self, found: list[Row], fetch: int, matches: int) -> list[Row]:
        if len(found) < fetch and not self._position.fragments:
            self.total, self.total_is_exact = matches, True
        return found

    def _find(self, columns: str, matches: str, fetch: int, bounds: Bounds) -> list[Row]:
        return next(found for found in self._attempts(columns, matches, fetch, bounds) if found is not None)

    def _attempts(self, columns: str, matches: str, fetch: int, bounds: Bounds) -> Iterator[list[Row] | None]:
        """None of one that reached its bound before it had enough."""
        candidates = self._matching.candidates(self._filters.and_also(self._others.fragments, self._others.parameters))
        expected = estimated_rows(self._connection, _CANDIDATES.format(where=candidates.where()), candidates.parameters)
        if expected * (TOGETHER if self._matching.has_several_words else 1) > bounds.by_index:
            self.total = 0 if self.has_literals else min(expected, MAX_TOTAL)
            yield self._walk(columns, matches, fetch, bounds.walked_first)
        # Of many texts to look at, those that the index tells are the fewest.
        if not self.has_literals:
            yield self._by_index(columns, matches, fetch, bounds.by_index)
            yield self._walk(columns, matches, fetch, bounds.walked_then)
        yield self._by_index(columns, matches, fetch, _ALL)

    def _by_index(self, columns: str, matches: str, fetch: int, most: int) -> list[Row] | None:
        candidates = self._matching.candidates(self._filters)
        position = Conditions("counts.rows_read <= %(most)s").and_also(self._position.fragments, self._position.parameters)
        total = _TEXTS_THAT_MATCH.format(exact=self._matching.exact) if self.has_literals else "counts.candidates"
        where = {"where": candidates.where(), "others": self._others.where(), "position": position.where()}
        parameters = candidates.parameters | self._others.parameters | position.parameters | {"most": most, "fetch": fetch}
        if self.has_literals:
            parameters["counted_texts"] = COUNTED_TEXTS
        rows(self._connection, _SCANS, {"bitmaps": "on"})
        found = rows(self._connection, _BY_INDEX.format(total=total, columns=columns, matches=matches, **where), parameters)
        self._count(found[0]["rows_read"], found[0]["total"], most)
        if found[0]["rows_read"] > most:
            return None
        return [_without_counts(row) for row in found if row["id"] is not None]

    def _count(self, rows_read: int, matches: int | None, most: int) -> None:
        self.total = 0 if matches is None else min(matches, most, MAX_TOTAL)
        self.total_is_exact = matches is not None and rows_read <= most and matches <= MAX_TOTAL

    def _walk(self, columns: str, matches: str, fetch: int, walked: int) -> list[Row] | None:
        within = self._filters.and_also(self._position.fragments, self._position.parameters)
        wanted = self._matching.candidates(self._others).and_also([matches], {})
        rows(self._connection, _SCANS, {"bitmaps": "off"})
        sql = _WALK.format(columns=columns, where=within.where(), matches=wanted.where())
        found = rows(self._connection, sql, within.parameters | wanted.parameters | {"walked": walked, "fetch": fetch})
        return found if len(found) == fetch else None


def _without_counts(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("rows_read", "total")}
