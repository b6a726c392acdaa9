"""An example of a search."""

from typing import Any

DOCUMENTS_EXAMPLE: dict[str, Any] = {
    "items": [
        {
            "kind": "tool_call",
            "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
            "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
            "session_title": "Retry failed uploads",
            "session_title_source": "claude",
            "project_id": 1,
            "project_name": "claude-tracker",
            "user": "ann",
            "timestamp": "2024-01-15T10:21:00Z",
            "role": None,
            "tool_name": "Bash",
            "is_error": True,
            "agent_id": None,
            "path": None,
            "matched_in": ["result"],
            "snippet": "1 failed: test_<mark>retry</mark> of the <mark>upload</mark>",
            "timeline_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
            "score": 0.31,
        }
    ],
    "next_cursor": None,
    "total": 1,
    "total_is_exact": True,
    "is_complete": True,
    "incomplete_because": None,
    "corrected": {"retyr": "retry"},
    "forms": {"upload": ["uploads", "uploaded"]},
    "across": None,
    "nearest": [],
    "hints": [],
    "interpreted": {
        "mode": "words",
        "alternatives": [
            [{"text": "retry", "kind": "word", "is_excluded": False}, {"text": "upload", "kind": "word", "is_excluded": False}]
        ],
        "filters": {"is": "error"},
    },
    "pending_documents": 0,
}
