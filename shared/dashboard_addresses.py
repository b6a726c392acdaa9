"""Addresses of the dashboard: the query service answers them with the page, and ingest stores them as saved views."""

import re
from typing import Final

# The pages, by the first part of their path; the browser reads the rest. PAGES in source/address/address.ts has the same names.
VIEWS: Final = (
    "overview",
    "days",
    "projects",
    "sessions",
    "search",
    "files",
    "tools",
    "usage",
    "advice",
    "compare",
    "imports",
    "health",
    "settings",
)

# A path of one page, perhaps with an id, and a query. No scheme, no host, no step up, and nothing that a browser would take out.
ADDRESS: Final = rf"/((?:{'|'.join(VIEWS)})(/(?!(?:\.|%2[eE]){{1,2}}(?:\?|$))[^/?#\\\u0000-\u0020\u007f-\u009f]+)?)?(\?[^#\\\u0000-\u0020\u007f-\u009f]*)?"
_ADDRESS: Final = re.compile(ADDRESS)
MAX_ADDRESS: Final = 2_000
MAX_VIEW_NAME: Final = 100


def is_dashboard_address(text: str) -> bool:
    """Whether it is path and query of a page of the dashboard."""
    return len(text) <= MAX_ADDRESS and _ADDRESS.fullmatch(text) is not None
