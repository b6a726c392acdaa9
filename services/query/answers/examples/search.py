"""An example of a search."""

from typing import Any

_RANKED: dict[str, Any] = {
    "session_id": "5d0c1b7e-2f7a-4c39-9a55-8e1f0a2b3c4d",
    "session_title": "Uploads give up too early",
    "session_title_source": "claude",
    "project_id": 1,
    "project_name": "claude-tracker",
    "user": "ann",
}
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
    "ranked": {
        "sessions": [
            {
                **_RANKED,
                "timestamp": "2024-01-12T16:40:00Z",
                "score": 7.42,
                "items": [
                    {
                        "kind": "message",
                        "id": "018cfe10-5b20-7a11-9c3d-4e5f60718293",
                        **_RANKED,
                        "timestamp": "2024-01-12T16:02:00Z",
                        "role": "user",
                        "tool_name": None,
                        "is_error": False,
                        "agent_id": None,
                        "path": None,
                        "matched_in": ["message"],
                        "snippet": "an <mark>upload</mark> should be tried again when the network is away",
                        "timeline_id": "018cfe10-5b20-7a11-9c3d-4e5f60718293",
                        "score": 0.08,
                    }
                ],
            }
        ],
        "corrected": {},
        "waiting_sessions": 0,
        "is_ready": True,
    },
    "hints": [],
    "interpreted": {
        "mode": "words",
        "alternatives": [
            [
                {"text": "retry", "kind": "word", "is_excluded": False, "start": 0, "end": 5},
                {"text": "upload", "kind": "word", "is_excluded": False, "start": 6, "end": 12},
            ]
        ],
        "filters": {"is": "error"},
        "typed": [{"name": "is", "value": "error", "is_excluded": False, "start": 13, "end": 21}],
    },
    "pending_documents": 0,
}
