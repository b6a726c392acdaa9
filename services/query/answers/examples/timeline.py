"""The examples of a timeline and of turns."""

from typing import Any, Final

from services.query.answers.examples.outcome import PARTS_EXAMPLE, REBUILD_EXAMPLE

_USAGE: Final[dict[str, Any]] = {
    "input_tokens": 5400,
    "output_tokens": 12800,
    "cache_creation_tokens": 31000,
    "cache_read_tokens": 910000,
    "total_tokens": 959200,
    "api_calls": 33,
    "unpriced_calls": 0,
    "cost_usd": 1.42,
}
_CHANGE: Final[dict[str, Any]] = {
    "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6d",
    "file_path": "/home/ann/shop/src/timer.ts",
    "action": "modified",
    "lines_added": 1,
    "lines_removed": 1,
    "is_estimated": False,
    "tool_call_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6c",
    "patch": "@@ -4 +4 @@\n-setInterval(tick)\n+const timer = setInterval(tick)\n",
    "patch_left_out_lines": 0,
    "source": "transcript",
}
TIMELINE_EXAMPLE: Final[dict[str, Any]] = {
    "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
    "agent_id": None,
    "totals": {
        "items": 3,
        "turns": 1,
        "tool_calls": 1,
        "first_time": "2024-01-15T09:46:00Z",
        "last_time": "2024-01-15T09:46:09Z",
    }
    | _USAGE,
    "items": [
        {
            "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
            "kind": "message",
            "timestamp": "2024-01-15T09:46:00Z",
            "agent_id": None,
            "offset": 0,
            "turn": 1,
            "cost_usd_so_far": None,
            "tokens_so_far": 0,
            "role": "user",
            "content": "Clean up the timer when the component unmounts",
            "model": None,
            "source": "transcript",
        },
        {
            "id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6c",
            "kind": "tool_call",
            "timestamp": "2024-01-15T09:46:09Z",
            "agent_id": None,
            "offset": 1,
            "turn": 1,
            "cost_usd_so_far": 0.04,
            "tokens_so_far": 28100,
            "tool_name": "Edit",
            "parameters": {"file_path": "/home/ann/shop/src/timer.ts"},
            "result_status": "success",
            "error_class": None,
            "execution_time_ms": 35,
            "duration_source": "reported",
            "wait_ms": 2100,
            "decision": {"what": "accept", "source": "user_temporary", "wait_ms": 2100, "told_by": "telemetry"},
            "is_sandboxed": False,
            "result": {"text": "The file has been updated.", "left_out_characters": 0, "cut_at_character": None, "media": []},
            "changes": [_CHANGE],
            "subagent": None,
            "source": "transcript",
        },
        {
            "id": "idle_gap-1705311969000000",
            "kind": "idle_gap",
            "timestamp": "2024-01-15T09:46:09Z",
            "agent_id": None,
            "offset": 2,
            "turn": 1,
            "cost_usd_so_far": 0.04,
            "tokens_so_far": 28100,
            "until": "2024-01-15T10:30:00Z",
            "seconds": 2631.0,
        },
    ],
    "next_cursor": None,
    "previous_cursor": None,
}

TURNS_EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {
            "number": 1,
            "first_item_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
            "prompt": "Clean up the timer when the component unmounts",
            "prompt_is_cut": False,
            "start_time": "2024-01-15T09:46:00Z",
            "end_time": "2024-01-15T09:46:09Z",
            "active_seconds": 9.0,
            "messages": 2,
            "tool_calls": 1,
            "tool_errors": 0,
            "tools": [{"tool_name": "Edit", "calls": 1, "errors": 0}],
            "files": [{"file_path": "/home/ann/shop/src/timer.ts", "touches": 1, "lines_added": 1, "lines_removed": 1}],
            "files_left_out": 0,
            "lines_added": 1,
            "lines_removed": 1,
            "models": ["claude-opus-4-5-20251101"],
            "efforts": ["high"],
            "thinking_ms": 8200,
            "subagents": [],
            "cost_parts": PARTS_EXAMPLE,
            "context_tokens": 28100,
            "rebuilds": [REBUILD_EXAMPLE],
        }
        | _USAGE
    ],
    "next_cursor": None,
}
