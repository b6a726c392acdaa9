"""An example of why a row was left out."""

from typing import Any, Final

DUPLICATES_EXAMPLE: Final[dict[str, Any]] = {
    "id": "toolu_01A2b3C4",
    "rows": [
        {
            "table": "tool_calls",
            "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
            "key": "the id of the call, `toolu_…`",
            "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
            "timestamp": "2024-01-15T09:50:00Z",
            "source": "transcript",
            "brought_by": [{"kind": "import", "job_id": "0b9e7f5a-4f0c-4c39-9d0e-0c7f6c1d2a31"}],
            "claims": [
                {"session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11", "counts": True},
                {"session_id": "5d0c8a3b-1f7e-4d29-9a55-64b7f1f0c9aa", "counts": False},
            ],
            "explanation": "The files of 2 sessions have it, as forks and copies do. It counts once, for the session that had it first: "
            "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11.",
        }
    ],
    "refused_events": 0,
}
