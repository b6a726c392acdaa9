"""Whether a query service finds all that is stored, as its own answers say."""

from typing import Any, Final

# Any search tells it.
SEARCH: Final = "/api/search?q=searchable&limit=1"


def is_searchable(answer: dict[str, Any]) -> bool:
    """True if nothing waits to be indexed, neither texts nor sessions."""
    ranked = answer["ranked"]
    return bool(answer["is_complete"] and answer["pending_documents"] == 0 and ranked["is_ready"] and ranked["waiting_sessions"] == 0)
