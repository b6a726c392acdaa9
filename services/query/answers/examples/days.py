"""An example of a day."""

from typing import Any, Final

_SHARE: Final[dict[str, Any]] = {
    "active_minutes": 38.5,
    "user_messages": 6,
    "commands": 0,
    "messages": 24,
    "tool_calls": 61,
    "tool_errors": 2,
    "files_modified": 3,
    "lines_added": 80,
    "lines_removed": 12,
    "input_tokens": 5400,
    "output_tokens": 12800,
    "cache_creation_tokens": 31000,
    "cache_read_tokens": 910000,
    "api_calls": 33,
    "unpriced_calls": 0,
    "cost_usd": 1.42,
}
_SUMS: Final[dict[str, Any]] = _SHARE | {
    "sessions": 1,
    "active_sessions": 1,
    "total_tokens": 959200,
    "cache_saved_usd": 4.06,
    "uncached_input_usd": 4.73,
    "cache_unknown_calls": 0,
}
DAY_EXAMPLE: Final[dict[str, Any]] = {
    "date": "2024-01-15",
    "range": {"start": "2024-01-15T00:00:00Z", "end": "2024-01-16T00:00:00Z", "tz": "UTC", "is_default": False},
    "totals": _SUMS,
    "projects": [{"project_id": 1, "project_name": "claude-tracker"} | _SUMS],
    "sessions": [
        {
            "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
            "title": "Retry failed uploads",
            "title_source": "claude",
            "project_id": 1,
            "project_name": "claude-tracker",
            "user": "ann",
            "model": "claude-opus-4-5-20251101",
            "git_branch": "main",
            "start_time": "2024-01-15T09:45:00Z",
            "began_before": False,
            "goes_on": False,
            "first_at": "2024-01-15T09:45:00Z",
            "last_at": "2024-01-15T10:30:00Z",
            "share": _SHARE,
            "asks": [
                {
                    "message_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
                    "timestamp": "2024-01-15T09:45:00Z",
                    "text": "Retry an upload that failed, three times at most",
                }
            ],
            "files": [{"file_path": "/home/ann/claude-tracker/src/upload.ts", "lines_added": 68, "lines_removed": 9}],
            "failures": [{"tool_name": "Bash", "error_class": "test_failed", "calls": 2}],
            "commits": [{"timestamp": "2024-01-15T10:21:00Z", "subject": "Retry failed uploads", "hash": "1a2b3c4"}],
            "pull_requests": [{"timestamp": "2024-01-15T10:24:00Z", "url": "https://github.com/ann/claude-tracker/pull/12"}],
        }
    ],
    "sessions_left_out": 0,
    "standup": "Mon 15 Jan 2024: 39 min with Claude Code (UTC)\n\nclaude-tracker (39 min)\n"
    "- Retry failed uploads (3 files +80 −12; 1 commit; 1 pull request; 39 min)\n  - commit 1a2b3c4 Retry failed uploads\n"
    "  - https://github.com/ann/claude-tracker/pull/12",
}
