"""Examples of why two totals differ."""

from typing import Any, Final

from services.query.answers.reconcile import REASONS

_TOKENS: Final = {"input_tokens": 5400, "output_tokens": 12800, "cache_creation_tokens": 31000, "cache_read_tokens": 910000}
_MORE: Final = _TOKENS | {"cache_read_tokens": 961000}
_MODEL: Final = "claude-opus-4-5-20251101"
_SESSION_ID: Final = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"

RECONCILIATION_EXAMPLE: Final[dict[str, Any]] = {
    "session_id": _SESSION_ID,
    "cost_usd": 1.42,
    "client_cost_usd": 1.46,
    "difference_usd": 0.04,
    "sources": [
        _TOKENS
        | {
            "source": "transcript",
            "cost_usd": 1.42,
            "models": [_TOKENS | {"model": _MODEL, "cost_usd": 1.42, "api_calls": 33, "unpriced_calls": 0}],
        },
        _MORE
        | {
            "source": "cost_state",
            "cost_usd": 1.46,
            "models": [_MORE | {"model": _MODEL, "cost_usd": 1.46, "api_calls": None, "unpriced_calls": None}],
        },
    ],
    "differences": [
        {
            "reason": "compaction",
            "explanation": REASONS["compaction"],
            "is_certain": False,
            "also_possible": [],
            "model": _MODEL,
            "tokens": 51000,
            "usd": 0.04,
        }
    ],
}
RECONCILE_REPORT_EXAMPLE: Final[dict[str, Any]] = {
    "range": {"start": "2024-01-15T00:00:00Z", "end": "2024-01-16T00:00:00Z", "tz": "UTC", "is_default": False},
    "sessions": 3,
    "compared_sessions": 2,
    "cost_usd": 3.1,
    "client_cost_usd": 3.14,
    "difference_usd": 0.04,
    "not_compared_usd": 0.7,
    "reasons": [{"reason": "compaction", "explanation": REASONS["compaction"], "sessions": 1, "usd": 0.04}],
    "items": [
        {
            "session_id": _SESSION_ID,
            "title": "Retry failed uploads",
            "cost_usd": 1.42,
            "client_cost_usd": 1.46,
            "difference_usd": 0.04,
            "reasons": ["compaction"],
        }
    ],
}
