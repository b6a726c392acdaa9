"""The example of what came of a session."""

from typing import Any, Final

PARTS_EXAMPLE: Final[dict[str, Any]] = {
    "input_usd": 0.03,
    "cache_write_usd": 0.19,
    "cache_read_usd": 0.46,
    "output_usd": 0.74,
    "unknown_usd": 0.0,
}
REBUILD_EXAMPLE: Final[dict[str, Any]] = {
    "timestamp": "2024-01-15T09:46:05Z",
    "agent_id": None,
    "turn": 1,
    "rewritten_tokens": 26400,
    "cost_usd": 0.17,
    "cause": "pause",
    "pause_seconds": 1260.5,
    "cache_seconds": 300,
}
OUTCOME_EXAMPLE: Final[dict[str, Any]] = {
    "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
    "ask": {
        "item_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
        "timestamp": "2024-01-15T09:46:00Z",
        "text": "Clean up the timer when the component unmounts",
        "is_cut": False,
    },
    "answer": {
        "item_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6e",
        "timestamp": "2024-01-15T10:11:30Z",
        "text": "The timer is cleared when the component unmounts, and a test holds it to that.",
        "is_cut": True,
    },
    "commits": [{"timestamp": "2024-01-15T10:11:02Z", "subject": "Clear the timer on unmount", "hash": "1a2b3c4"}],
    "pull_requests": [{"timestamp": "2024-01-15T10:11:20Z", "url": "https://github.com/ann/shop/pull/7"}],
    "tests": [
        {
            "command": "npx vitest run src/timer.test.ts",
            "runs": 2,
            "failed_runs": 1,
            "last_at": "2024-01-15T10:10:40Z",
            "last_item_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a70",
            "last_agent_id": None,
            "last_result": "passed",
            "passed": 12,
            "failed": 0,
        }
    ],
    "tests_left_out": 0,
    "files": [
        {
            "file_path": "/home/ann/shop/src/timer.ts",
            "lines_added": 7,
            "lines_removed": 1,
            "changes": 2,
            "last_item_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6c",
            "last_agent_id": None,
        }
    ],
    "files_left_out": 0,
    "failures": [
        {
            "tool_name": "Bash",
            "error_class": "test_failed",
            "calls": 1,
            "last_item_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6f",
            "last_agent_id": None,
        }
    ],
    "failures_left_out": 0,
    "cost": {
        "api_calls": 33,
        "unpriced_calls": 0,
        "cost_usd": 1.42,
        "parts": PARTS_EXAMPLE,
        "models": [{"model": "claude-sonnet-4-5", "api_calls": 33, "unpriced_calls": 0, "cost_usd": 1.42, "parts": PARTS_EXAMPLE}],
        "subagents_usd": 0.21,
        "subagents": [{"agent_id": "a1b2c3", "prompt": "Find every timer", "api_calls": 4, "unpriced_calls": 0, "cost_usd": 0.21}],
        "subagents_left_out": 0,
        "most_context_tokens": 48200,
        "rebuilds": [REBUILD_EXAMPLE],
        "rebuilds_left_out": 0,
        "client_cache": {
            "read_at": "2024-01-15T10:30:00Z",
            "warm": True,
            "caching_observed": True,
            "ttl": "5m",
            "expires_at": "2024-01-15T10:34:41Z",
            "requests": 29,
            "misses": 1,
            "expected_rebuilds": 0,
            "hit_ratio": 0.93,
            "cache_write_tokens": 61200,
            "miss_recache_tokens": 22000,
            "last_miss_at": "2024-01-15T10:02:11Z",
            "last_miss_causes": ["ttl_expired_5m"],
            "recache_tokens_if_cold": 48200,
        },
        "rebuilds_usd": 0.17,
    },
    "days": [
        {
            "date": "2024-01-15",
            "first_item_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
            "active_minutes": 21.5,
            "asks": 3,
            "tool_calls": 41,
            "cost_usd": 1.42,
        }
    ],
    "days_left_out": 0,
}
