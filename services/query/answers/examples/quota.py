"""An example of quota."""

from typing import Any, Final

QUOTA_EXAMPLE: Final[dict[str, Any]] = {
    "windows": [
        {
            "account": "9f86d081884c7d65",
            "users": ["ann"],
            "kind": "five_hour",
            "used_percentage": 41.5,
            "resets_at": "2024-01-15T13:00:00Z",
            "read_at": "2024-01-15T10:30:00Z",
            "source": "status_line",
            "machine_id": "k3Zr0vVh2mXq",
            "key_id": "Vb7Wq2Lk",
            "freshness": "current",
            "window_seconds": 18000,
            "elapsed_percentage": 50.0,
            "pace": 0.83,
            "forecast": {
                "percent_per_active_hour": {"likely": 19.0, "low": 14.2, "high": 23.8},
                "active_share": 0.82,
                "at_reset": {"likely": 80.5, "low": 70.6, "high": 90.3},
                "full_at": None,
                "full_at_earliest": None,
            },
            "no_forecast": None,
            "series": [
                {"at": "2024-01-15T08:05:00Z", "used_percentage": 2.0},
                {"at": "2024-01-15T09:10:00Z", "used_percentage": 18.5},
                {"at": "2024-01-15T10:30:00Z", "used_percentage": 41.5},
            ],
        }
    ],
    "need": None,
    "decided_by": None,
    "left_percentage": None,
}
