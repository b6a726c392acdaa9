"""An example of blocks of usage."""

from typing import Any, Final

from services.query.answers.usage_blocks import NOT_THE_LIMITS

USAGE_BLOCKS_EXAMPLE: Final[dict[str, Any]] = {
    "about": NOT_THE_LIMITS,
    "items": [
        {
            "start": "2024-01-15T09:00:00Z",
            "end": "2024-01-15T14:00:00Z",
            "last_at": "2024-01-15T10:29:41Z",
            "is_active": True,
            "gap_hours": 11,
            "sessions": 2,
            "models": ["claude-opus-4-5-20251101"],
            "dropped_calls": 0,
            "active_minutes": 75.0,
            "input_tokens": 1200,
            "output_tokens": 24500,
            "cache_creation_tokens": 98000,
            "cache_read_tokens": 1510000,
            "total_tokens": 1633700,
            "api_calls": 41,
            "unpriced_calls": 0,
            "cost_usd": 2.3,
            "burn_rate": {"tokens_per_hour": 1306960.0, "cost_usd_per_hour": 1.84},
        }
    ],
    "next_cursor": None,
}
