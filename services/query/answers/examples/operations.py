"""An example of each answer about operations: jobs, dead letters, keys, health."""

from typing import Any, Final

Json = dict[str, Any]

_EVENT_ID: Final = "018d0d5e-7a10-7cc2-8f5a-1c2d3e4f5a6b"
_JOB_ID: Final = "018d0d60-1b2c-7a3d-9e4f-5a6b7c8d9e0f"

_ERASURE: Final[Json] = {
    "erasure_id": "018d0d62-3d4e-7c5f-9061-7c8d9e0f1a2c",
    "kind": "user",
    "status": "succeeded",
    "dry_run": False,
    "at_stage": "done",
    "counts": {"sessions": 3, "rows": 1204, "transcript_files": 5},
    "remains": {"backups": "Backups from before hold what they held. Make a new one, and delete those."},
    "created_at": "2024-01-15T11:00:00Z",
    "started_at": "2024-01-15T11:00:01Z",
    "finished_at": "2024-01-15T11:00:19Z",
}
_JOB: Final[Json] = {
    "job_id": _JOB_ID,
    "kind": "import",
    "status": "succeeded",
    "user": "ann",
    "progress": 1.0,
    "eta_seconds": None,
    "rows_per_second": 5200.0,
    "stage": "done",
    "bytes_done": 1048576,
    "bytes_total": 1048576,
    "files_done": 12,
    "rows_done": 2400,
    "created_at": "2024-01-15T11:00:00Z",
    "started_at": "2024-01-15T11:00:01Z",
    "finished_at": "2024-01-15T11:00:03Z",
    **dict.fromkeys(("cancel_requested_at", "undoes", "undone_at")),
    "can_retry": False,
    "projects_imported": 2,
    "sessions_imported": 12,
    "sessions_updated": 0,
    "conversations_imported": 640,
    "activities_imported": 89,
    "tool_calls_imported": 812,
    "api_calls_imported": 530,
    "duplicates": 0,
    "files": [{"name": "~/.claude and ~/.claude.json on ann-laptop", "bytes": 1048576, "kind": "archive"}],
    "unknown_records": {},
    "skipped_records": {"file-history-snapshot": 31},
    "redactions": {},
    "selection": {},
    "changes": {},
    "errors": [],
    "errors_total": 0,
}
_DEAD_LETTER: Final[Json] = {
    "id": "018d0d61-2c3d-7b4e-8f50-6b7c8d9e0f1a",
    "kind": "conversation",
    "reason": "StringDataRightTruncation: value too long for type character varying(10)",
    "sqlstate": "22001",
    "status": "waiting",
    "event_id": _EVENT_ID,
    "journal_entry_id": "1705312000000-0",
    "request_id": "6f1c2a90",
    "attempts": 1,
    "replays": 0,
    "received_at": "2024-01-15T09:46:00Z",
    "first_seen_at": "2024-01-15T09:46:01Z",
    "last_seen_at": "2024-01-15T09:46:01Z",
    "replayed_at": None,
    "stored_at": None,
    "payload_bytes": 512,
}
_DEAD_LETTER_GROUP: Final[Json] = {
    "kind": "conversation",
    "reason": "StringDataRightTruncation: value too long for type character varying(10)",
    "sqlstate": "22001",
    "count": 1,
    "first_seen_at": "2024-01-15T09:46:01Z",
    "last_seen_at": "2024-01-15T09:46:01Z",
    "newest": [_DEAD_LETTER["id"]],
}
_KEY: Final[Json] = {
    "id": "3kTqW9bXz2Lm",
    "name": "laptop",
    "scopes": ["ingest", "read"],
    "user": "ann",
    "users": ["ann"],
    "project_ids": None,
    "created_at": "2024-01-10T09:00:00Z",
    "last_used_at": "2024-01-15T10:30:00Z",
    "revoked_at": None,
    "logins": 1,
}
_ACT: Final[Json] = {
    "id": 1,
    "at": "2024-01-10T09:00:00Z",
    "who": "machine",
    "key_name": None,
    "act": "key.create",
    "subject": _KEY["id"],
    "details": {"name": "laptop", "scopes": ["ingest", "read"]},
    "request_id": None,
}


def _page(item: Json) -> Json:
    return {"items": [item], "next_cursor": None}


_RETENTION_RUN: Final[Json] = {
    "run_id": "018d0d62-3d4e-7c5f-9061-7c8d9e0f1a2d",
    "status": "succeeded",
    "dry_run": False,
    "rewrite": False,
    "scheduled": True,
    "stage": None,
    "dropped": [{"what": "texts", "project_id": 1, "project_name": "claude-tracker", "sessions": 12, "rows": 2400, "bytes": 5_242_880}],
    "database_bytes_before": 104_857_600,
    "database_bytes_after": 99_614_720,
    "created_at": "2024-01-15T03:00:00Z",
    "started_at": "2024-01-15T03:00:01Z",
    "finished_at": "2024-01-15T03:00:09Z",
}

_REPRICE: Final[Json] = {
    "reprice_id": "018d0d62-3d4e-7c5f-9061-7c8d9e0f1a2e",
    "status": "succeeded",
    "dry_run": True,
    "from_at": "2024-01-01T00:00:00Z",
    "to_at": None,
    "model": "claude-next-*",
    "calls": 120,
    "changed_calls": 120,
    "old_usd": 0.0,
    "new_usd": 3.42,
    "models": [
        {
            "model": "claude-next-1",
            "calls": 120,
            "changed_calls": 120,
            "changed_sessions": 4,
            "old_usd": 0.0,
            "new_usd": 3.42,
            "newly_priced": 120,
            "no_longer_priced": 0,
            "unpriced_calls": 0,
            "dropped_calls": 0,
            "dropped_usd": 0.0,
        }
    ],
    "created_at": "2024-01-15T12:00:00Z",
    "started_at": "2024-01-15T12:00:01Z",
    "finished_at": "2024-01-15T12:00:04Z",
}

OPERATIONS: Final[dict[str, Json]] = {
    "Prices": {
        "items": [
            {
                "id": "018d0d62-3d4e-7c5f-9061-7c8d9e0f1a2f",
                "source": "api",
                "version": "own price claude-next-* from 2024-01-01 (api)",
                "model": "claude-next-*",
                "tier": "standard",
                "valid_from": "2024-01-01",
                "above_input_tokens": 0,
                "input": 5.0,
                "output": 25.0,
                "cache_write_5m": 6.25,
                "cache_write_1h": 10.0,
                "cache_read": 0.5,
                "web_search": 10.0,
                "is_overridden": False,
                "changed_at": "2024-01-15T12:00:00Z",
            }
        ]
    },
    "Reprice": _REPRICE,
    "RepricePage": _page(_REPRICE),
    "RetentionRun": _RETENTION_RUN,
    "Retention": {
        "settings": [{"what": "texts", "days": None}],
        "rules": [
            {
                "id": "018d0d62-3d4e-7c5f-9061-7c8d9e0f1a2c",
                "what": "texts",
                "days": 90,
                "project_id": None,
                "project_name": None,
                "user": "ann",
                "key_id": None,
                "changed_at": "2024-01-14T12:00:00Z",
            }
        ],
        "last_run": _RETENTION_RUN,
        "last_dry_run": None,
    },
    "ImportJob": _JOB,
    "JobPage": _page(_JOB),
    "Scrub": {
        "scrub_id": "018d0d62-3d4e-7c5f-9061-7c8d9e0f1a2b",
        "status": "succeeded",
        "dry_run": True,
        "rows_scanned": 2400,
        "rows_changed": 3,
        "changed_in": {"messages": 2, "transcripts": 1},
        "redactions": {"aws_access_key": 3},
        "texts": 0,
        "keep_out": False,
        "long_locks": {"public.messages": 34},
        "remains": {},
        "created_at": "2024-01-15T12:00:00Z",
        "started_at": "2024-01-15T12:00:01Z",
        "finished_at": "2024-01-15T12:00:04Z",
    },
    "DeadLetterPage": _page(_DEAD_LETTER) | {"groups": [_DEAD_LETTER_GROUP], "total": 1},
    "ShownDeadLetter": _DEAD_LETTER | {"payload": '{"session_id":"s","content":"…","role":"user"}', "payload_is_cut": False},
    "KeyPage": _page(_KEY),
    "Me": {
        "access": "keys",
        "key": {
            "key_id": _KEY["id"],
            "name": "laptop",
            "scopes": ["ingest", "read"],
            "user": "ann",
            "users": ["ann"],
            "project_ids": None,
            "expires_at": None,
        },
        "version": "0.1.0",
        "timezone": "Europe/Berlin",
        "sessions": "private",
        "idle_gap_minutes": 5.0,
        "machine_silent_hours": 72,
        "ready_lag_seconds": 60,
        "canary_max_age_seconds": 60.0,
        "tool_results": "on",
        "flower": "/flower/",
    },
    "AuditPage": _page(_ACT),
    "Erasure": _ERASURE,
    "ErasurePage": _page(_ERASURE),
    "Health": {"status": "alive"},
    "Readiness": {"status": "ready", "journal_entries": 0, "journal_oldest_seconds": 0.0},
    "Canary": {"id": _EVENT_ID, "sent_at": "2024-01-15T10:30:00Z", "stored_at": "2024-01-15T10:30:00.120000Z"},
    "Accounting": {
        "accepted": 1200,
        "persisted": 1180,
        "duplicate": 19,
        "dead": 1,
        "left_out": 0,
        "pending": 0,
        "drift": 0,
        "alarms": 0,
        "former_epochs": 0,
        "canary_age_seconds": 4.2,
        "search_pending": 0,
        "search_oldest_seconds": 0.0,
        "damaged_transcripts": [
            {
                "session_id": "8c4bd70d-dc17-4bcf-9b4d-c4bddd3fac2a",
                "file": "8c4bd70d-dc17-4bcf-9b4d-c4bddd3fac2a.jsonl",
                "machine": "",
                "reason": "damaged",
                "found_at": "2026-02-14T09:30:00Z",
            }
        ],
        "unpriced_models": [{"model": "claude-next-1", "api_calls": 12}],
    },
}
