"""An example of each answer, for the API's description. A test holds each against its schema."""

from typing import Any, Final

from services.query.answers.examples.days import DAY_EXAMPLE
from services.query.answers.examples.files import FILE_HISTORY_EXAMPLE, FILES_EXAMPLE
from services.query.answers.examples.live import LIVE_SESSIONS_EXAMPLE
from services.query.answers.examples.machines import FORMATS_EXAMPLE, MACHINE_EXAMPLE
from services.query.answers.examples.operations import OPERATIONS
from services.query.answers.examples.outcome import OUTCOME_EXAMPLE
from services.query.answers.examples.quota import QUOTA_EXAMPLE
from services.query.answers.examples.reconcile import RECONCILE_REPORT_EXAMPLE, RECONCILIATION_EXAMPLE
from services.query.answers.examples.search import DOCUMENTS_EXAMPLE
from services.query.answers.examples.timeline import TIMELINE_EXAMPLE, TURNS_EXAMPLE
from services.query.answers.examples.usage_blocks import USAGE_BLOCKS_EXAMPLE

Json = dict[str, Any]

_SESSION_ID: Final = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"
_EVENT_ID: Final = "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b"

_PROJECT: Final[Json] = {
    "id": 1,
    "name": "claude-tracker",
    "label": "claude-tracker",
    "path": "/home/ann/claude-tracker",
    "group": "work",
    "archived": False,
    "repository": "github.com/ann/claude-tracker",
    "merged_into": None,
    "total_sessions": 5,
    "total_time_minutes": 240,
    "files_modified_count": 15,
    "lines_changed_count": 500,
    "last_session": "2024-01-15T10:30:00Z",
    "created_at": "2024-01-10T09:00:00Z",
    "active_minutes": 185.5,
    "messages_count": 158,
    "tool_calls_count": 412,
    "api_calls": 203,
    "unpriced_calls": 0,
    "cost_usd": 12.34,
    "visibility": None,
}
_SESSION: Final[Json] = {
    "session_id": _SESSION_ID,
    "title": "Retry failed uploads",
    "title_source": "claude",
    "own_title": False,
    "visibility": None,
    "is_starred": True,
    "tags": ["bug", "uploads"],
    "note": "The retry in upload.ts is the part to keep.",
    "parent_session_id": None,
    "project_id": 1,
    "project_name": "claude-tracker",
    "user": "ann",
    "start_time": "2024-01-15T09:45:00Z",
    "end_time": "2024-01-15T10:30:00Z",
    "duration_minutes": 45.0,
    "active_minutes": 38.5,
    "status": "ended",
    "end_reason": "explicit",
    "state": "ended",
    "state_source": "event",
    "state_since": "2024-01-15T10:30:00Z",
    "agents": [],
    "messages_count": 24,
    "user_messages": 8,
    "commands": 1,
    "files_modified_count": 3,
    "lines_added": 80,
    "lines_removed": 12,
    "tool_calls_count": 61,
    "tool_errors_count": 2,
    "input_tokens": 5400,
    "output_tokens": 12800,
    "cache_creation_tokens": 31000,
    "cache_read_tokens": 910000,
    "api_calls": 33,
    "unpriced_calls": 0,
    "model": "claude-opus-4-5-20251101",
    "git_branch": "main",
    "client_version": "2.1.0",
    "cost_usd": 1.42,
    "client_cost_usd": 1.46,
    "cache_saved_usd": 4.06,
    "source": "hook",
    "machines": [{"machine_id": "k3Zr0vVh2mXq", "name": "ann-laptop"}],
    "texts_dropped_at": None,
    "texts_dropped_before": None,
}
_MESSAGE: Final[Json] = {
    "id": _EVENT_ID,
    "session_id": _SESSION_ID,
    "project_id": 1,
    "role": "user",
    "content": "Clean up the timer when the component unmounts",
    "timestamp": "2024-01-15T09:46:00Z",
    "model": None,
    "agent_id": None,
}
EXPORT_EXAMPLE: Final[Json] = {
    "export_id": "018d0d64-5b6c-7d7e-8f80-9a0b1c2d3e4f",
    "status": "succeeded",
    "progress": 1.0,
    "selection": {},
    "created_at": "2024-01-15T10:30:00Z",
    "started_at": "2024-01-15T10:30:01Z",
    "finished_at": "2024-01-15T10:30:05Z",
    "snapshot_at": "2024-01-15T10:30:01Z",
    "sessions_done": 104,
    "sessions_total": 104,
    "rows_done": 19255,
    "bytes_done": 96927556,
    "counts": {"sessions": 104, "messages": 5213},
    "bytes": 19518969,
    "sha256": "70eb6db7fd658030a1414b5447641670d8fbc380955a32bba7cebf732faa41be",
    "expires_at": "2024-01-22T10:30:05Z",
    "errors": [],
}
_ACTIVITY: Final[Json] = {
    "id": _EVENT_ID,
    "session_id": _SESSION_ID,
    "project_id": 1,
    "file_path": "/home/ann/claude-tracker/src/timer.ts",
    "action": "modified",
    "lines_added": 12,
    "lines_removed": 3,
    "is_estimated": False,
    "timestamp": "2024-01-15T09:48:00Z",
    "agent_id": None,
    "source": "hook",
    "tool_call_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
}
_TOOL_CALL: Final[Json] = {
    "id": _EVENT_ID,
    "session_id": _SESSION_ID,
    "project_id": 1,
    "tool_name": "Bash",
    "parameters": {"command": "npm test"},
    "result_status": "error",
    "error_class": "test_failed",
    "execution_time_ms": 2500,
    "duration_source": "reported",
    "wait_ms": None,
    "timestamp": "2024-01-15T09:50:00Z",
    "agent_id": None,
    "started_agent": None,
    "decision": {"what": "accept", "source": "rule", "wait_ms": None, "told_by": "transcript"},
    "is_sandboxed": False,
    "source": "hook",
}

_SIGNAL: Final[Json] = {
    "id": _EVENT_ID,
    "kind": "event",
    "name": "tool_decision",
    "timestamp": "2024-01-15T09:50:00Z",
    "tool_call_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
    "value": None,
    "started_at": None,
    "is_cumulative": None,
    "attributes": {"decision": "accept", "source": "user_temporary", "tool_name": "Bash"},
}
_SIGNALS: Final[Json] = {
    "signals": 95,
    "first_at": "2024-01-15T09:30:00Z",
    "last_at": "2024-01-15T10:15:00Z",
    "api_requests": 24,
    "api_cost_usd": 0.41,
    "median_ttft_ms": 820.0,
    "max_ttft_ms": 3100,
    "api_errors": 1,
    "api_retries": 1,
    "retries_exhausted": 0,
    "accepted_calls": 60,
    "rejected_calls": 1,
    "rejected_by_user": 1,
    "permission_waits": 2,
    "permission_wait_ms": 9400,
    "compactions": 0,
    "hook_runs": 5,
    "hook_ms": 140,
    "mcp_connections": 1,
    "mcp_failures": 0,
    "commits": [
        {
            "revision": "3f1c9e2ab47d5608e1f2a3b4c5d6e7f8091a2b3c",
            "branch": "main",
            "timestamp": "2024-01-15T10:10:00Z",
            "tool_call_id": "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b",
        }
    ],
    "commits_counted": 1.0,
    "pull_requests_counted": None,
    "lines_added_counted": 80.0,
    "lines_removed_counted": 12.0,
    "cost_usd_counted": 0.41,
    "active_seconds_counted": 2310.0,
}
_MEASURES: Final[Json] = {
    "sessions": 1,
    "active_sessions": 2,
    "time_minutes": 45.0,
    "active_minutes": 38.5,
    "messages": 24,
    "user_messages": 8,
    "assistant_messages": 16,
    "files_modified": 3,
    "lines_added": 80,
    "lines_removed": 12,
    "tool_calls": 61,
    "tool_errors": 2,
    "input_tokens": 5400,
    "output_tokens": 12800,
    "cache_creation_tokens": 31000,
    "cache_read_tokens": 910000,
    "api_calls": 33,
    "unpriced_calls": 0,
    "cost_usd": 1.42,
    "cache_saved_usd": 4.06,
    "uncached_input_usd": 4.73,
    "cache_unknown_calls": 0,
}
_RANGE: Final[Json] = {"start": "2024-01-15T00:00:00Z", "end": "2024-01-16T00:00:00Z", "tz": "UTC", "is_default": False}
_DAY: Final[Json] = {"start": "2024-01-15T00:00:00Z", "date": "2024-01-15"}
_TOOL: Final[Json] = {
    "tool_name": "Bash",
    "calls": 61,
    "success": 58,
    "errors": 2,
    "rejected": 1,
    "error_rate": 0.033,
    "measured_calls": 40,
    "estimated_calls": 21,
    "untimed_calls": 0,
    "waited_calls": 3,
    "waited_ms": 9300,
    "avg_wait_ms": 3100.0,
    "avg_ms": 840.2,
    "max_ms": 12000,
    "last_used": "2024-01-15T10:29:00Z",
}
_ERRORS_BY_CLASS: Final[list[Json]] = [{"error_class": "test_failed", "calls": 2}, {"error_class": "rejected", "calls": 1}]
_FAILED_CALL: Final[Json] = {
    "id": _EVENT_ID,
    "session_id": _SESSION_ID,
    "project_id": 1,
    "tool_name": "Bash",
    "result_status": "error",
    "timestamp": "2024-01-15T09:50:00Z",
    "input": "npm test",
    "error": "Exit code 1\n--- FAIL: TestTotal (0.00s)",
}
_USER_SHARE: Final[Json] = {
    "user": "ann",
    "sessions": 1,
    "active_sessions": 2,
    "messages": 24,
    "active_minutes": 38.5,
    "tool_calls": 61,
    "lines_added": 80,
    "lines_removed": 12,
    "api_calls": 33,
    "unpriced_calls": 0,
    "cost_usd": 1.42,
}
_STATS: Final[Json] = {
    "project": _PROJECT,
    "range": _RANGE | {"interval": "day"},
    "totals": _MEASURES | {"idle_gap_seconds": 300},
    "time_series": [_DAY | _MEASURES],
    "tools": [_TOOL],
    "top_files": [
        {
            "file_path": "/home/ann/claude-tracker/src/timer.ts",
            "touches": 4,
            "lines_added": 40,
            "lines_removed": 6,
            "last_touched": "2024-01-15T10:12:00Z",
        }
    ],
    "users": [_USER_SHARE],
    "heatmap": [{"weekday": 0, "hour": 9, "active_minutes": 12.5}],
}
_USAGE: Final[Json] = {
    "input_tokens": 5400,
    "output_tokens": 12800,
    "cache_creation_tokens": 31000,
    "cache_read_tokens": 910000,
    "total_tokens": 959200,
    "api_calls": 33,
    "unpriced_calls": 0,
    "cost_usd": 1.42,
    "cache_saved_usd": 4.06,
    "uncached_input_usd": 4.73,
    "cache_unknown_calls": 0,
}

_TOTALS_OF_USER: Final[Json] = {"sessions": 5, "active_minutes": 185.5, "messages_count": 158, "tool_calls_count": 412, "cost_usd": 12.34}


def _page(item: Json) -> Json:
    return {"items": [item], "next_cursor": None}


_CHANGE: Final[Json] = {"measure": "cost_usd", "value": 4.5, "before": 1.0, "difference": 3.5}
# By the name of the answer's schema; a bare array shows its item.
ANSWERS: Final[dict[str, Json]] = {
    "Project": _PROJECT,
    "ProjectRules": {
        "items": [
            {
                "id": 3,
                "pattern": "/home/*/work/claude-tracker",
                "project_id": 1,
                "project_name": "claude-tracker",
                "merged": 2,
                "created_at": "2024-01-12T08:00:00Z",
            }
        ]
    },
    "ProjectDetails": _PROJECT
    | {
        "part_of": None,
        "kept_apart": False,
        "parts": [
            {
                "id": 2,
                "name": "claude-tracker-fix",
                "path": "/home/ann/claude-tracker-fix",
                "part_of": 1,
                "merged_by": "worktree",
                "because": "Both are worktrees of /home/ann/claude-tracker/.git.",
                "merged_at": "2024-01-12T08:00:00Z",
                "is_moving": False,
                "failure": None,
            }
        ],
        "changes": [{"at": "2024-01-11T09:00:00Z", "who": "open", "what": ["group"], "undone_at": None}],
    },
    "Session": _SESSION,
    "TranscriptFiles": {
        "items": [
            {
                "file": f"{_SESSION_ID}.jsonl",
                "machine": "m7Qk2xVb",
                "generation": 0,
                "user": "ann",
                "bytes": 482_113,
                "changed_at": "2024-01-15T10:30:00Z",
                "is_newest": True,
            }
        ]
    },
    "Day": DAY_EXAMPLE,
    "FilePage": FILES_EXAMPLE,
    "FileHistoryPage": FILE_HISTORY_EXAMPLE,
    "TagPage": _page({"tag": "uploads", "sessions": 4}),
    "Export": EXPORT_EXAMPLE,
    "Exports": {"items": [EXPORT_EXAMPLE]},
    "SavedViewPage": _page(
        {
            "id": "0b9e7f5a-4f0c-4c39-9d0e-0c7f6c1d2a31",
            "name": "Costs of the shop",
            "address": "/usage?range=30d&project=3",
            "created_by": "laptop",
            "created_at": "2024-01-15T10:30:00Z",
        }
    ),
    "UserPage": _page({"name": "ann", "first_seen": "2024-01-10T09:00:00Z", "last_seen": "2024-01-15T10:30:00Z"} | _TOTALS_OF_USER),
    "SessionPage": _page(_SESSION),
    "Quota": QUOTA_EXAMPLE,
    "MachinePage": _page(MACHINE_EXAMPLE),
    "Formats": FORMATS_EXAMPLE,
    "MessagePage": _page(_MESSAGE),
    "SearchPage": _page(
        _MESSAGE
        | {
            "session_title": "Retry failed uploads",
            "project_name": "claude-tracker",
            "user": "ann",
            "snippet": "<mark>Clean</mark> up the timer when the component unmounts",
            "score": 0.61,
        }
    )
    | {"total": 1, "total_is_exact": True, "is_complete": True, "incomplete_because": None, "pending_documents": 0},
    "ActivityPage": _page(_ACTIVITY),
    "ToolCallPage": _page(_TOOL_CALL),
    "ToolCallDetails": _TOOL_CALL
    | {
        "result": {"text": "1 failed, 11 passed", "left_out_characters": 0, "cut_at_character": None, "media": []},
        "changes": [],
        "telemetry": {
            "commit": None,
            "branch": None,
        },
    },
    "SignalPage": _page(_SIGNAL) | {"summary": _SIGNALS},
    "DocumentPage": DOCUMENTS_EXAMPLE,
    "SessionOutcome": OUTCOME_EXAMPLE,
    "Reconciliation": RECONCILIATION_EXAMPLE,
    "ReconcileReport": RECONCILE_REPORT_EXAMPLE,
    "Timeline": TIMELINE_EXAMPLE,
    "TurnPage": TURNS_EXAMPLE,
    "LiveSessions": LIVE_SESSIONS_EXAMPLE,
    "Stats": _STATS,
    "ToolStats": {
        "range": _RANGE | {"interval": "day"},
        "total_calls": 61,
        "errors_by_class": _ERRORS_BY_CLASS,
        "tools": [
            _TOOL | {"p50_ms": 210.0, "p95_ms": 3900.0, "p99_ms": 9800.0, "cancelled": 0, "pending": 0, "errors_by_class": _ERRORS_BY_CLASS}
        ],
        "percentiles_of": "intervals",
        "time_series": [_DAY | {"calls": 61, "errors": 2, "p50_ms": 210.0, "p95_ms": 3900.0, "p99_ms": 9800.0, "timed_calls": 54}],
    },
    "ToolErrors": {
        "range": _RANGE | {"interval": "day"},
        "failed_calls": 3,
        "classes": [
            _ERRORS_BY_CLASS[0]
            | {
                "share": 0.6667,
                "tools": [{"tool_name": "Bash", "calls": 2}],
                "last_seen": "2024-01-15T09:50:00Z",
                "examples": [_FAILED_CALL],
                "calls_over_time": [2],
            }
        ],
        "time_series": [_DAY | {"calls": 3}],
    },
    "UsageReport": {
        "range": _RANGE,
        "group_by": "day",
        "items": [{"day": "2024-01-15"} | _USAGE],
        "totals": _USAGE,
        "dropped_sessions": 0,
        "price_versions": ["genai-prices 0.2.3"],
    },
    "UsageBlockPage": USAGE_BLOCKS_EXAMPLE,
    "Comparison": {
        "range": _RANGE,
        "range_before": _RANGE | {"start": "2024-01-14T00:00:00Z", "end": "2024-01-15T00:00:00Z"},
        "group_by": "project",
        "dropped_sessions": 0,
        "dropped_sessions_before": 0,
        "totals": [_CHANGE],
        "items": [{"project_id": 1, "project_name": "claude-tracker"} | _CHANGE],
    },
    **OPERATIONS,
}
