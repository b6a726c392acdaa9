"""An example of each body of a write, and of answers that say more than their schema, for the API's description. A test sends the bodies."""

from typing import Any, Final

Json = dict[str, Any]

_SESSION_ID: Final = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"
_EVENT_ID: Final = "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b"
_JOB_ID: Final = "018d0d60-1b2c-7a3d-9e4f-5a6b7c8d9e0f"
_SHA256: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

_CONVERSATION: Final[Json] = {
    "session_id": _SESSION_ID,
    "content": "Clean up the timer when the component unmounts",
    "role": "user",
    "timestamp": "2024-01-15T10:31:00Z",
}
_TOOL_CALL: Final[Json] = {
    "session_id": _SESSION_ID,
    "tool_name": "Bash",
    "parameters": {"command": "npm test"},
    "result": "12 passed",
    "result_status": "success",
    "execution_time_ms": 2500,
    "timestamp": "2024-01-15T10:33:00Z",
}

HOOK: Final[Json] = {
    "session_id": _SESSION_ID,
    "transcript_path": f"/home/ann/.claude/projects/-home-ann-claude-tracker/{_SESSION_ID}.jsonl",
    "cwd": "/home/ann/claude-tracker",
    "hook_event_name": "PostToolUse",
    "tool_name": "Bash",
    "tool_input": {"command": "npm test"},
    "tool_response": {"stdout": "ok", "stderr": "", "interrupted": False},
    "tool_use_id": "toolu_01Example",
    "duration_ms": 2500,
}
_OF_SIGNAL: Final = {"key": "session.id", "value": {"stringValue": _SESSION_ID}}
_LOG: Final[Json] = {
    "timeUnixNano": "1705314660000000000",
    "body": {"stringValue": "claude_code.tool_result"},
    "attributes": [
        _OF_SIGNAL,
        {"key": "event.name", "value": {"stringValue": "tool_result"}},
        {"key": "event.timestamp", "value": {"stringValue": "2024-01-15T10:31:00.000Z"}},
        {"key": "event.sequence", "value": {"intValue": 7}},
        {"key": "tool_name", "value": {"stringValue": "Bash"}},
        {"key": "tool_use_id", "value": {"stringValue": "toolu_01Example"}},
        {"key": "success", "value": {"stringValue": "true"}},
        {"key": "duration_ms", "value": {"stringValue": "2500"}},
    ],
}
_TIMES: Final[Json] = {"startTimeUnixNano": "1705314600000000000", "timeUnixNano": "1705314660000000000"}
_METRIC: Final[Json] = {
    "name": "claude_code.commit.count",
    "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": [_TIMES | {"asDouble": 1, "attributes": [_OF_SIGNAL]}]},
}
_SPAN: Final[Json] = {
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
    "name": "claude_code.tool.blocked_on_user",
    "startTimeUnixNano": "1705314600000000000",
    "endTimeUnixNano": "1705314602100000000",
    "attributes": [_OF_SIGNAL, {"key": "tool_use_id", "value": {"stringValue": "toolu_01Example"}}],
}
EXPORTS: Final[dict[str, Json]] = {
    "logs": {"resourceLogs": [{"scopeLogs": [{"logRecords": [_LOG]}]}]},
    "metrics": {"resourceMetrics": [{"scopeMetrics": [{"metrics": [_METRIC]}]}]},
    "traces": {"resourceSpans": [{"scopeSpans": [{"spans": [_SPAN]}]}]},
}
READINGS: Final[list[Json]] = [
    {
        "type": "status_line",
        "read_at": "2024-01-15T10:30:00Z",
        "machine_id": "k3Zr0vVh2mXq",
        "session_id": _SESSION_ID,
        "version": "2.1.332",
        "model": "claude-opus-4-5",
        "cost": {"total_cost_usd": 0.42, "total_duration_ms": 63000, "total_api_duration_ms": 21000},
        "context_window": {"context_window_size": 200000, "used_percentage": 12, "total_input_tokens": 24000},
        "prompt_cache": {"warm": True, "ttl": "5m", "requests": 29, "misses": 1, "last_miss_cause": {"causes": ["ttl_expired_5m"]}},
        "rate_limits": {"five_hour": {"used_percentage": 41.5, "resets_at": 1705322400}},
    },
    {
        "type": "usage_cache",
        "read_at": "2024-01-15T10:30:01Z",
        "machine_id": "k3Zr0vVh2mXq",
        "account": "9f86d081884c7d65",
        "fetched_at": "2024-01-15T10:29:30Z",
        "windows": [{"kind": "seven_day", "used_percentage": 63, "resets_at": "2024-01-19T08:00:00Z"}],
    },
    {
        "type": "rate_limit_event",
        "read_at": "2024-01-15T10:30:01Z",
        "machine_id": "k3Zr0vVh2mXq",
        "session_id": _SESSION_ID,
        "windows": [{"kind": "five_hour", "used_percentage": 42, "resets_at": "2024-01-15T13:00:00Z"}],
    },
    {
        "type": "session_file",
        "read_at": "2024-01-15T10:30:02Z",
        "machine_id": "k3Zr0vVh2mXq",
        "session_id": _SESSION_ID,
        "pid": 4242,
        "status": "busy",
        "status_updated_at": "2024-01-15T10:29:58Z",
        "is_alive": True,
    },
]
RANGE_LINES: Final = (
    f'{{"type":"user","sessionId":"{_SESSION_ID}","timestamp":"2024-01-15T10:31:00Z","message":{{"role":"user","content":"Hi"}}}}\n'
)

# By the name of the schema. deploy/openapi_examples.py makes those of all other answers.
BODIES: Final[dict[str, Any]] = {
    "SessionStart": {
        "project_path": "/home/ann/claude-tracker",
        "start_time": "2024-01-15T10:30:00Z",
        "user": "ann",
        "session_id": _SESSION_ID,
    },
    "SessionStarted": {"session_id": _SESSION_ID, "project_id": 1, "message": "Session started successfully"},
    "SessionEnd": {"session_id": _SESSION_ID, "end_time": "2024-01-15T11:15:00Z"},
    "SessionEnded": {
        "session_id": _SESSION_ID,
        "project_id": 1,
        "message": "Session ended successfully",
        "id": _EVENT_ID,
        "status": "queued",
    },
    "Conversation": _CONVERSATION,
    "Activity": {
        "session_id": _SESSION_ID,
        "file_path": "/home/ann/claude-tracker/src/timer.ts",
        "action": "modified",
        "lines_added": 12,
        "lines_removed": 3,
        "timestamp": "2024-01-15T10:32:00Z",
    },
    "ToolCall": _TOOL_CALL,
    "EventAccepted": {"id": _EVENT_ID, "session_id": _SESSION_ID, "status": "queued"},
    "Batch": [{"type": "conversation"} | _CONVERSATION, {"type": "tool_call"} | _TOOL_CALL],
    "BatchAccepted": {
        "accepted": 1,
        "rejected": [{"index": 1, "code": "VALIDATION_ERROR", "message": "tool_name: is required"}],
    },
    "ImportAnswer": {
        "success": True,
        "projects_imported": 2,
        "sessions_imported": 12,
        "conversations_imported": 640,
        "activities_imported": 89,
        "errors": [],
        "job_id": _JOB_ID,
        "status": "succeeded",
        "tool_calls_imported": 812,
        "sessions_updated": 0,
        "duplicates": 0,
        "skipped_records": {},
        "errors_total": 0,
    },
    "Manifest": {"files": [{"path": "projects/-home-ann-claude-tracker/session.jsonl", "size": 4, "sha256": _SHA256}]},
    "ReparseRequest": {"session_id": "8c4bd70d-dc17-4bcf-9b4d-c4bddd3fac2a"},
    "ScrubRequest": {"texts": ["wv7K-2mPq-x9Rt"], "dry_run": True},
    "ExportRequest": {"user": "ann"},
    "RetentionRule": {"what": "texts", "days": 90, "user": "ann"},
    "RetentionRequest": {"dry_run": True},
    "OwnPrice": {"model": "claude-next-*", "input": 5, "output": 25, "valid_from": "2024-01-01"},
    "RepriceRequest": {"model": "claude-next-*", "dry_run": True},
    "AllowedSession": {"session_id": "8c4bd70d-dc17-4bcf-9b4d-c4bddd3fac2a"},
    "ErasureRequest": {"what": {"user": "ann"}, "confirm": "ann", "dry_run": False},
    "LiftRequest": {"what": {"user": "ann"}},
    "NewKey": {"name": "laptop", "scopes": ["ingest", "read"], "user": "ann"},
    "KeyCreated": {
        "id": "3kTqW9bXz2Lm",
        "name": "laptop",
        "key": "cct_3kTqW9bXz2Lm_…",
        "scopes": ["ingest", "read"],
        "user": "ann",
        "users": None,
        "project_ids": None,
        "created_at": "2024-01-10T09:00:00Z",
        "message": "This is the only time that the key is shown.",
    },
    "UserChange": {"name": "ann"},
    "MachineRepositories": {
        "repositories": [
            {
                "path": "/home/ann/shop-fix",
                "common_dir": "/home/ann/shop/.git",
                "remote": "github.com/acme/shop",
                "inside": "",
                "is_main": False,
            }
        ]
    },
    "ProjectChange": {"name": "Shop", "group": "work"},
    "ProjectUndo": {},
    "PathRule": {"pattern": "/home/*/work/shop", "project_id": 1},
    "SessionMarksChange": {"is_starred": True, "add_tags": ["uploads"], "note": "The retry in upload.ts is the part to keep."},
    "View": {"name": "Costs of the shop", "address": "/usage?range=30d&project=3"},
    "MachineReport": {
        "name": "ann-laptop",
        "user": "ann",
        "tracker_version": "0.1.0",
        "claude_version": "2.1.197",
        "os": "Linux",
        "spool_files": 0,
        "spool_bytes": 0,
        "files_unsent": 1,
        "bytes_unsent": 48213,
        "oldest_unsent_at": "2024-01-15T10:29:58Z",
        "cleanup_period_days": 30,
        "expiring": [
            {
                "session_id": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11",
                "file": "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11.jsonl",
                "project_path": "/home/ann/claude-tracker",
                "bytes": 812345,
                "changed_at": "2023-12-20T10:30:00Z",
                "deleted_after": "2024-01-19T10:30:00Z",
                "is_sent": True,
            }
        ],
        "last_error": None,
    },
    "DeadLetterFilter": {"kind": "conversation"},
}
