"""Chooses how to find the matches of a search, by their number. The statements are in search.sql.

Few: the index of terms finds all of them. Many: a walk from the newest message backwards soon meets enough of them. Postgres
cannot tell which case holds: it assumes that words are independent of each other and of time, and knows nothing of phrases. So each way is
tried within a bound on the rows that it examines, and the first that ends within its bound gives the answer. The estimate only decides
which is tried first. If no bound is wide enough, as for a word that was frequent only years ago, the index is used without a bound.

The terms of messages have accents. So the index of everything, which has none, is asked first for the newest matches, and what only it knows is a match
too. It may be seconds behind; what it does not have yet is found as it is written.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from math import log2
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from services.query.database import Connection, Row, estimated_rows, rows
from services.query.queries.lists.events import EventFilters
from services.query.queries.search import document_conditions
from services.query.queries.search.document_conditions import empty_filters
from services.query.queries.search.document_finder import Deadline, Found, Stretch
from services.query.queries.search.document_finder import newest as newest_documents
from shared.search_terms import Group, SearchQuery
from shared.sql_files import statement

MAX_TOTAL: Final = 10_000
# A look at a text takes ten times as long as one at the index: only this many are examined just for counting.
COUNTED_TEXTS: Final = 300
# Words occur together this many times more often than the planner expects: messages are short or long, and a long one has them all.
TOGETHER: Final = 8
_ALL: Final = 2**31 - 2
# How long matches are looked for that only differ in accents.
ACCENTS_SECONDS: Final = 1.0
_FILTERS_OF_BOTH: Final = ("session_id", "project_id", "start", "end", "role", "machine", "branch")

sql = partial(statement, __package__, "search.sql")


class Bounds(Struct, frozen=True):
    """Rows that an attempt may look at: a walk, if more than `by_index` are expected; the index; a walk after the index had more."""

    walked_first: int
    by_index: int
    walked_then: int


# A row of the walk takes 1 µs, one that the index found 5 µs, since it may be anywhere.
FOR_A_PAGE: Final = Bounds(10_000, 6_000, 50_000)
TO_RANK: Final = Bounds(40_000, 15_000, 75_000)


class QueryConditions:
    """A parsed query as SQL: its parameters, and `matches`, a condition on the text for what the index cannot tell.

    All text of a request is in the parameters. Without a query everything matches.
    """

    def __init__(self, query: SearchQuery | None) -> None:
        groups = query.groups if query else ()
        indexed = [group.tsquery for group in groups if group.tsquery]
        self._words = query.words if query else ()
        self.has_literals = any(group.literals or group.excluded for group in groups)
        self.has_several_words = any("&" in tsquery for tsquery in indexed)
        self.parameters: Row = {
            "is_list": query is None,
            # One group that is not in the index, and anything may match.
            "terms": " | ".join(f"({tsquery})" for tsquery in indexed) if groups and len(indexed) == len(groups) else None,
            "words": list(self._words),
            "together": query.together if query else None,
            "has_literals": self.has_literals,
            "without_accents": None,
        }
        self.weigh([1] * len(self._words))
        self.matches = "true"
        # None: no index tells what matches.
        self.documents = document_conditions.of_messages(query) if query and self.parameters["terms"] else None
        if self.has_literals:
            # One group's terms are asked for already; asking twice would make the planner think that fewer match.
            groups_sql = [self._group(number, group, with_terms=len(groups) > 1) for number, group in enumerate(groups)]
            self.matches = f"((%(without_accents)s::uuid[] IS NOT NULL AND m.id = ANY (%(without_accents)s)) OR {' OR '.join(groups_sql)})"

    def weigh(self, weights: Sequence[int]) -> None:
        """How much each word counts for the rank, in the order of the query's."""
        self.parameters |= {"weights": list(weights), "all_weights": sum(weights)}

    def rarity(self, connection: Connection) -> tuple[int, ...]:
        """A weight for each word: 10 for the most frequent, 10 more for each time that another is half as frequent, as the planner knows it."""
        if len(self._words) < 2:
            return (10,) * len(self._words)
        rows_with = [estimated_rows(connection, sql("with_word"), {"word": word}) + 1 for word in self._words]
        return tuple(round(10 * (1 + log2(max(rows_with) / number))) for number in rows_with)

    def statement(self, name: str) -> str:
        """A statement of search.sql, filled."""
        return sql(name).replace("{matches}", self.matches)

    def _group(self, number: int, group: Group, *, with_terms: bool) -> str:
        tests = []
        if group.tsquery and with_terms:
            self.parameters[f"terms_{number}"] = group.tsquery
            tests.append(f"m.terms @@ %(terms_{number})s::tsquery")
        for kind, negation, texts in (("has", "", group.literals), ("not", "NOT ", group.excluded)):
            for place, literal in enumerate(texts):
                self.parameters[f"{kind}_{number}_{place}"] = literal
                # As ILIKE finds it, in less time.
                tests.append(f"{negation}strpos(lower(m.content), lower(%({kind}_{number}_{place})s)) > 0")
        return "(" + " AND ".join(tests) + ")"


class Finder:
    """One search: within its filters and its position in the list, the newest matches; and how many match in all.

    `total` is a lower bound unless `total_is_exact`; an expectation where the walk was enough and nothing was counted.
    """

    def __init__(self, connection: Connection, filters: EventFilters, role: str | None, conditions: QueryConditions) -> None:
        """An index in the order of time serves the filters. Rows of another role count as looked at."""
        self._connection, self._conditions = connection, conditions
        self._filters = asdict(filters) | {"role": role}
        self._without_accents: Found | None = None
        self._after: tuple[Any, ...] | None = None
        self._window: tuple[Any, ...] | None = None
        self.has_literals = conditions.has_literals
        self.total, self.total_is_exact = 0, False

    def after(self, keys: tuple[Any, ...] | None) -> "Finder":
        """Only what is older than the row with these sort keys."""
        self._after, self._window = keys, None
        return self

    def between(self, newest: tuple[Any, ...], oldest: tuple[Any, ...]) -> "Finder":
        """Only the window between two rows, both included."""
        self._window = (*newest, *oldest)
        return self

    def newest(self, fetch: int) -> list[Row]:
        """Matches, newest first: {id, timestamp, bytes, score, matches}."""
        found = self._find(fetch, FOR_A_PAGE, only_matches=True)
        return self._all_counted(found, fetch, len(found))

    def newest_candidates(self, fetch: int) -> list[Row]:
        """The same for what matches as far as the index can tell; `matches` says whether it does."""
        found = self._find(fetch, TO_RANK, only_matches=False)
        return self._all_counted(found, fetch, sum(row["matches"] for row in found))

    def _all_counted(self, found: list[Row], fetch: int, matches: int) -> list[Row]:
        if len(found) < fetch and self._after is None and self._window is None:
            is_all = self._without_accents is None or self._without_accents.stopped_at is None
            self.total, self.total_is_exact = matches, is_all
        return found

    def _find(self, fetch: int, bounds: Bounds, *, only_matches: bool) -> list[Row]:
        parameters = self._filters | self._conditions.parameters | self._position() | {"fetch": fetch, "only_matches": only_matches}
        parameters |= self._matches_without_accents(fetch, parameters)
        found = next(found for found in self._attempts(parameters, bounds) if found is not None)
        if self._without_accents is not None:
            self.total = max(self.total, self._without_accents.total)
            self.total_is_exact = self.total_is_exact and self._without_accents.total_is_exact
        return found

    def _matches_without_accents(self, fetch: int, parameters: Row) -> Row:
        """The ids of the newest messages that match only as the index of everything reads them, and the query: `cafe` as `café`.

        `messages.terms` has the words with their accents. Most queries have no such match, and are then asked as if there were no accents.
        """
        documents = self._conditions.documents
        if documents is None:
            return {}
        filters = empty_filters() | {name: self._filters[name] for name in _FILTERS_OF_BOTH} | {"kinds": ["message"]}
        filters["users"] = None if self._filters["user"] is None else [self._filters["user"]]
        stretch = Stretch(after=self._after) if self._window is None else Stretch(newest=self._window[:2], oldest=self._window[2:])
        # Rolled back, and with it the settings of that search.
        with self._connection.transaction(force_rollback=True):
            self._without_accents = newest_documents(
                self._connection, documents, filters | documents.weighed([]), stretch, fetch, Deadline(ACCENTS_SECONDS)
            )
        ids = [row["id"] for row in self._without_accents.rows]
        others = rows(self._connection, sql("without_terms"), {"ids": ids, "terms": parameters["terms"]}) if ids else []
        return {"without_accents": [row["id"] for row in others] or None}

    def _position(self) -> Row:
        names = ("after_time", "after_id", "newest_time", "newest_id", "oldest_time", "oldest_id")
        return dict(zip(names, (*(self._after or (None,) * 2), *(self._window or (None,) * 4)), strict=True))

    def _attempts(self, parameters: Row, bounds: Bounds) -> Iterator[list[Row] | None]:
        """Matches of one attempt after the other; None if it reached its bound before it had enough."""
        expected = estimated_rows(self._connection, sql("candidates"), parameters)
        if expected * (TOGETHER if self._conditions.has_several_words else 1) > bounds.by_index:
            self.total = 0 if self.has_literals else min(expected, MAX_TOTAL)
            yield self._walk(parameters, bounds.walked_first)
        # Of many texts to look at, those that the index finds are the fewest.
        if not self.has_literals:
            yield self._by_index(parameters, bounds.by_index)
            yield self._walk(parameters, bounds.walked_then)
        yield self._by_index(parameters, _ALL)

    def _by_index(self, parameters: Row, most: int) -> list[Row] | None:
        rows(self._connection, sql("scans"), {"bitmaps": "on"})
        found = rows(self._connection, self._conditions.statement("by_index"), parameters | {"most": most, "counted_texts": COUNTED_TEXTS})
        rows_read, matches = found[0]["rows_read"], found[0]["total"]
        self.total = 0 if matches is None else min(matches, most, MAX_TOTAL)
        self.total_is_exact = matches is not None and rows_read <= most and matches <= MAX_TOTAL
        if rows_read > most:
            return None
        return [_without_counts(row) for row in found if row["id"] is not None]

    def _walk(self, parameters: Row, walked: int) -> list[Row] | None:
        rows(self._connection, sql("scans"), {"bitmaps": "off"})
        found = rows(self._connection, self._conditions.statement("walk"), parameters | {"walked": walked})
        return found if len(found) == parameters["fetch"] else None


def _without_counts(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in ("rows_read", "total")}
