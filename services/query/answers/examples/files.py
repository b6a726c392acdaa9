"""Examples of files and their history."""

from typing import Any, Final

_COUNTS: Final[dict[str, Any]] = {"lines_added": 40, "lines_removed": 6}
FILES_EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {
            "file_path": "/home/ann/claude-tracker/src/timer.ts",
            "project_id": 1,
            "project_name": "claude-tracker",
            "changes": 4,
            **_COUNTS,
            "sessions": 2,
            "last_change": "2024-01-15T10:12:00Z",
        }
    ],
    "next_cursor": None,
}
FILE_HISTORY_EXAMPLE: Final[dict[str, Any]] = {
    "summary": {
        "changes": 4,
        "is_complete": True,
        "files": 1,
        "sessions": 2,
        "people": 1,
        **_COUNTS,
        "first_change": "2024-01-12T14:02:00Z",
        "last_change": "2024-01-15T10:12:00Z",
        "days": [
            {"day": "2024-01-12", "changes": 3, "lines_added": 39, "lines_removed": 5},
            {"day": "2024-01-15", "changes": 1, "lines_added": 1, "lines_removed": 1},
        ],
    },
    "items": [
        {
            "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
            "timestamp": "2024-01-15T10:12:00Z",
            "file_path": "/home/ann/claude-tracker/src/timer.ts",
            "action": "modified",
            "lines_added": 1,
            "lines_removed": 1,
            "is_estimated": False,
            "patch": "@@ -12,3 +12,3 @@\n useEffect(() => {\n-  start()\n+  return start()\n }, [])",
            "patch_left_out_lines": 0,
            "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
            "session_title": "Retry failed uploads",
            "project_id": 1,
            "project_name": "claude-tracker",
            "user": "ann",
            "machines": [{"machine_id": "k3Zr0vVh2mXq", "name": "ann-laptop"}],
            "agent_id": None,
            "tool_call_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6c",
            "prompt": {
                "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6d",
                "text": "Clean up the timer when the component unmounts",
                "left_out_characters": 0,
                "timestamp": "2024-01-15T10:10:00Z",
            },
        }
    ],
    "next_cursor": None,
}
