"""An example of open sessions."""

from typing import Any, Final

LIVE_SESSIONS_EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {
            "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
            "title": "Retry failed uploads",
            "title_source": "claude",
            "project_id": 1,
            "project_name": "claude-tracker",
            "user": "ann",
            "machine_id": "m-4f2a",
            "state": "working",
            "state_source": "hook",
            "tool_name": "Bash",
            "tool_input": "pytest -q tests/test_uploads.py",
            "error": None,
            "files": [{"file_path": "/home/ann/claude-tracker/uploads.py", "lines_added": 42, "lines_removed": 7}],
            "agents": [
                {
                    "agent_id": "a1b2c3d4e5f60718",
                    "agent_type": "Explore",
                    "description": "Find every timer",
                    "state": "working",
                    "state_source": "transcript",
                    "since": "2024-01-15T10:29:57Z",
                    "tool_name": "Grep",
                    "is_background": True,
                }
            ],
            "since": "2024-01-15T10:29:58Z",
            "start_time": "2024-01-15T09:45:00Z",
            "last_event_at": "2024-01-15T10:29:58Z",
            "last_prompt": "Run the tests again",
            "model": "claude-opus-4-5-20251101",
            "tool_calls_count": 42,
            "tokens": 812345,
            "cost_usd": 1.87,
        }
    ],
    "last_event_id": "1705314598123-0",
}
