"""How matches of a search are found, which depends on how many there are.

Few: the index of terms tells all of them; they are counted, and the newest taken. Many: a walk from the newest message backwards
meets enough of them soon. Postgres cannot choose by itself: it does not know how rare a rare word is, so few are tried first.
"""

from typing import Any

from sqlalchemy import Connection, text

from services.query.queries.matching import Matching
from services.query.queries.paging import Conditions, Row, estimated_rows, rows

MAX_TOTAL = 10_000
# Estimated to be more, few are not even tried. To rank needs so many of the newest that the walk takes longer than all of these.
SURELY_MANY = 15_000

_ORDER = "ORDER BY m.occurred_at DESC, m.id DESC"
_KEYS, _TYPES = "m.occurred_at, m.id", ("timestamptz", "uuid")

_CANDIDATES = "SELECT {columns} FROM messages m {where}"

# One row at least: the counts. The rest is empty if there were more than `most`.
_FEW = f"""
    WITH found AS MATERIALIZED (SELECT m.id, m.occurred_at, ({{exact}}) AS matches FROM messages m {{where}} LIMIT :most + 1),
        counts AS (SELECT count(*) AS candidates, count(*) FILTER (WHERE matches) AS total FROM found),
        newest AS (SELECT m.id FROM found m, counts {{position}} {_ORDER} LIMIT :fetch)
    SELECT counts.candidates, counts.total, {{columns}}
    FROM counts LEFT JOIN (newest n JOIN messages m ON m.id = n.id) ON true
    {_ORDER}
"""
# For the rest of the transaction: an index in the order of time is walked, however few matches the planner expects of a phrase.
_WALK = text("SET LOCAL enable_bitmapscan = off")
_MANY = f"{_CANDIDATES} {_ORDER} LIMIT :fetch"


class Finder:
    """One search: within its conditions and its position in the list, the newest matches; and how many match in all."""

    def __init__(self, connection: Connection, conditions: Conditions, matching: Matching) -> None:
        self._connection, self._matching = connection, matching
        self._candidates = matching.restrict_to_candidates(conditions)
        self._position = Conditions()
        self.total, self.total_is_exact = MAX_TOTAL, False

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
        few = self._few(columns, fetch, MAX_TOTAL)
        return self._many(self._matching.restrict(self._candidates), columns, fetch) if few is None else few

    def newest_candidates(self, columns: str, fetch: int, fetch_candidates: int) -> list[Row]:
        """The same with a column `matches`; where the text must be looked at and candidates are many, only so many of them are."""
        literals = self._matching.has_literals
        few = self._few(f"{columns}, true AS matches", fetch, MAX_TOTAL if literals else SURELY_MANY)
        if few is not None:
            return few
        return self._many(self._candidates, f"{columns}, ({self._matching.exact}) AS matches", fetch_candidates if literals else fetch)

    def _few(self, columns: str, fetch: int, most: int) -> list[Row] | None:
        """None if there are more than `most` candidates."""
        where = self._candidates.where()
        if estimated_rows(self._connection, _CANDIDATES.format(columns="1", where=where), self._candidates.parameters) > SURELY_MANY:
            return None
        position = Conditions("m.matches", "counts.candidates <= :most").and_also(self._position.fragments, self._position.parameters)
        sql = _FEW.format(exact=self._matching.exact, where=where, position=position.where(), columns=columns)
        found = rows(self._connection, sql, self._candidates.parameters | position.parameters | {"most": most, "fetch": fetch})
        self.total = min(found[0]["total"], MAX_TOTAL)
        self.total_is_exact = found[0]["candidates"] <= min(most, MAX_TOTAL)
        if found[0]["candidates"] > most:
            return None
        return [_without_counts(row) for row in found if row["id"] is not None]

    def _many(self, conditions: Conditions, columns: str, fetch: int) -> list[Row]:
        within = conditions.and_also(self._position.fragments, self._position.parameters)
        sql = _MANY.format(columns=columns, where=within.where())
        self._connection.execute(_WALK)
        return rows(self._connection, sql, within.parameters | {"fetch": fetch})


def _without_counts(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("candidates", "total")}
