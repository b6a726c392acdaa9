"""The progress of the search index, as an answer tells it."""

from typing import Final

from services.query.search_index.reader import View

# So many are counted.
MOST_PENDING: Final = 10_000
NO_INDEX: Final = "There is no search index yet: it is being made, with the newest texts first. Ask again in a moment."
_NOT_CURRENT: Final = "Postgres did not say in time what was stored last, so that may be missing. Ask again in a moment."
_PARTLY: Final = "The search index is being made, with the newest texts first."


def pending(view: View | None, *, is_bound: bool) -> int:
    """Texts that cannot be found yet. How much others write is no business of a bound key."""
    return 0 if view is None or is_bound else min(view.pending, MOST_PENDING)


def lacks(view: View | None, *, is_bound: bool) -> str | None:
    """Why an answer may lack what matches; None if it has all that the index can find."""
    if view is None:
        return NO_INDEX
    if view.is_whole:
        return None if view.is_current else _NOT_CURRENT
    return _PARTLY if is_bound else f"{_PARTLY} Not in it yet: {', '.join(view.left)}."
