"""Stands in until the reader of `follow` is merged."""

from tantivy import Index, Searcher

from services.query.database import Connection


class SessionIndex:
    """Nothing is there."""

    index: Index | None = None

    def searcher(self) -> Searcher | None:
        """What can be searched."""
        return self.index.searcher() if self.index else None

    def waiting(self, _: Connection) -> int:
        """How many sessions are not in it yet."""
        return 0
