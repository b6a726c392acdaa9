"""An example of a machine."""

from typing import Any, Final

MACHINE_EXAMPLE: Final[dict[str, Any]] = {
    "machine_id": "k3Zr0vVh2mXq",
    "name": "ann-laptop",
    "user": "ann",
    "first_seen_at": "2024-01-10T09:00:00Z",
    "last_heard_at": "2024-01-15T10:30:00Z",
    "is_silent": False,
    "tracker_version": "0.1.0",
    "claude_version": "2.1.197",
    "os": "Linux",
    "spool_files": 0,
    "spool_bytes": 0,
    "files_unsent": 1,
    "bytes_unsent": 48213,
    "oldest_unsent_at": "2024-01-15T10:29:58Z",
    "cleanup_period_days": 30,
    "last_error": None,
    "sessions_count": 5,
    "expiring_count": 1,
    "expiring_missing_count": 0,
    "expiring": [
        {
            "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
            "file": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11.jsonl",
            "project_path": "/home/ann/claude-tracker",
            "bytes": 812345,
            "changed_at": "2023-12-20T10:30:00Z",
            "deleted_after": "2024-01-19T10:30:00Z",
            "is_here": True,
        }
    ],
}

FORMATS_EXAMPLE: Final[dict[str, Any]] = {
    "versions": [
        {
            "version": "2.1.332",
            "unread": [
                {
                    "kind": "record",
                    "name": "hologram",
                    "count": 12,
                    "first_seen_at": "2024-01-15T10:30:00Z",
                    "last_seen_at": "2024-01-15T11:45:00Z",
                }
            ],
        }
    ]
}
