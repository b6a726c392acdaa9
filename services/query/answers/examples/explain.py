"""An example of what made a number."""

from typing import Any, Final

EXPLANATION_EXAMPLE: Final[dict[str, Any]] = {
    "measure": "tool_errors",
    "label": "Failed calls",
    "definition": "Tool calls that failed or timed out. Those that were refused are not among them.",
    "rule": "A tool call counts once, when it began, by its id. Whether a hook, a transcript or a client told it makes no difference.",
    "range": {"start": "2024-01-15T00:00:00Z", "end": "2024-01-16T00:00:00Z", "tz": "UTC", "is_default": False},
    "value": 3.0,
    "rows": 3,
    "sources": [{"rows_of": "tool_calls", "source": "transcript", "rows": 3, "value": 3.0}],
    "dropped": 0.0,
    "lists": [{"address": "/api/tool-calls?status=error&start_date=2024-01-15&end_date=2024-01-15", "shows": "the calls that failed"}],
}
