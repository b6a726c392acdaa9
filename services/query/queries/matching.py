"""A parsed search as SQL: index lookups in `terms`, and looks at the text itself for what the index cannot tell (phrases, paths)."""

from services.query.queries.paging import Conditions
from shared.search_terms import Group, SearchQuery


class Matching:
    """Conditions on `messages m`. All text of a request goes into parameters."""

    def __init__(self, query: SearchQuery | None) -> None:
        groups = query.groups if query else ()
        indexed = [group.tsquery for group in groups if group.tsquery]
        self._parameters: dict[str, str | None] = {"rank_by": " | ".join(f"({tsquery})" for tsquery in indexed) or None}
        # One group that is not in the index, and anything may match.
        self._index_tells = bool(groups) and len(indexed) == len(groups)
        self.has_literals = any(group.literals or group.excluded for group in groups)
        self.has_several_words = any("&" in tsquery for tsquery in indexed)
        self.exact = "true"
        if self.has_literals:
            # One group's terms are asked for already; asking twice would make the planner think that fewer match.
            self.exact = " OR ".join(self._group(number, group, with_terms=len(groups) > 1) for number, group in enumerate(groups))

    def candidates(self, conditions: Conditions) -> Conditions:
        """Those and to match as far as the index can tell."""
        fragments = ["m.terms @@ CAST(:rank_by AS tsquery)"] if self._index_tells else []
        return conditions.and_also(fragments, self._parameters)

    def _group(self, number: int, group: Group, *, with_terms: bool) -> str:
        tests = []
        if group.tsquery and with_terms:
            self._parameters[f"terms_{number}"] = group.tsquery
            tests.append(f"m.terms @@ CAST(:terms_{number} AS tsquery)")
        for kind, negation, texts in (("has", "", group.literals), ("not", "NOT ", group.excluded)):
            for place, literal in enumerate(texts):
                self._parameters[f"{kind}_{number}_{place}"] = literal
                # As ILIKE finds it, in less time.
                tests.append(f"{negation}strpos(lower(m.content), lower(:{kind}_{number}_{place})) > 0")
        return "(" + " AND ".join(tests) + ")"
