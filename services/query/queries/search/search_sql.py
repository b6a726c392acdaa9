"""A parsed search as SQL: index lookups in `terms`, and looks at the text itself for what the index cannot tell (phrases, paths)."""

from collections.abc import Sequence
from math import log2
from typing import Any

from services.query.database import Connection, estimated_rows
from services.query.queries.lists.paging import Conditions
from shared.search_terms import Group, SearchQuery

_WITH_WORD = "SELECT 1 FROM messages m WHERE m.terms @@ CAST(%(word)s AS tsquery)"
# Each word by how often and early it is there, and rare ones more; then all of them by how near they are. ts_rank of several words at once
# is 0 where they are far from each other. A match never has 0, not even one of `-not` alone. Each call unpacks the vector again, which for
# two or three words is still less than a copy of it by setweight.
SCORE = """
    greatest(round((
        coalesce((SELECT sum(w.weight * ts_rank(m.terms, w.word, 1)) / %(all_weights)s
            FROM unnest(CAST(%(words)s AS tsquery[]), CAST(%(weights)s AS int[])) AS w (word, weight)), 0)
        + coalesce(ts_rank_cd(m.terms, CAST(%(together)s AS tsquery), 1), 0))::numeric, 6)::float8, 0.000001) AS score"""


class Matching:
    """Conditions on `messages m`. All text of a request goes into parameters."""

    def __init__(self, query: SearchQuery | None) -> None:
        groups = query.groups if query else ()
        indexed = [group.tsquery for group in groups if group.tsquery]
        self._parameters: dict[str, Any] = {"rank_by": " | ".join(f"({tsquery})" for tsquery in indexed) or None}
        self._words = query.words if query else ()
        self._parameters |= {"words": list(self._words), "together": query.together if query else None}
        self.weigh([1] * len(self._words))
        # One group that is not in the index, and anything may match.
        self._index_tells = bool(groups) and len(indexed) == len(groups)
        self.has_literals = any(group.literals or group.excluded for group in groups)
        self.has_several_words = any("&" in tsquery for tsquery in indexed)
        self.exact = "true"
        if self.has_literals:
            # One group's terms are asked for already; asking twice would make the planner think that fewer match.
            self.exact = " OR ".join(self._group(number, group, with_terms=len(groups) > 1) for number, group in enumerate(groups))

    def weigh(self, weights: Sequence[int]) -> None:
        """How much each word counts for the rank, in the order of the query's."""
        self._parameters |= {"weights": list(weights), "all_weights": sum(weights)}

    def rarity(self, connection: Connection) -> tuple[int, ...]:
        """A weight for each word: 10 for the most frequent, 10 more for each time that another is half as frequent, as the planner knows it."""
        if len(self._words) < 2:
            return (10,) * len(self._words)
        rows_with = [estimated_rows(connection, _WITH_WORD, {"word": word}) + 1 for word in self._words]
        return tuple(round(10 * (1 + log2(max(rows_with) / number))) for number in rows_with)

    def candidates(self, conditions: Conditions) -> Conditions:
        """Those and to match as far as the index can tell."""
        fragments = ["m.terms @@ CAST(%(rank_by)s AS tsquery)"] if self._index_tells else []
        return conditions.and_also(fragments, self._parameters)

    def _group(self, number: int, group: Group, *, with_terms: bool) -> str:
        tests = []
        if group.tsquery and with_terms:
            self._parameters[f"terms_{number}"] = group.tsquery
            tests.append(f"m.terms @@ CAST(%(terms_{number})s AS tsquery)")
        for kind, negation, texts in (("has", "", group.literals), ("not", "NOT ", group.excluded)):
            for place, literal in enumerate(texts):
                self._parameters[f"{kind}_{number}_{place}"] = literal
                # As ILIKE finds it, in less time.
                tests.append(f"{negation}strpos(lower(m.content), lower(%({kind}_{number}_{place})s)) > 0")
        return "(" + " AND ".join(tests) + ")"
