"""Machines: parameters and answers."""

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, Field

from services.query.schemas.fields import OptionalUser, Page, Paged


class MachineList(Paged):
    user: OptionalUser = None


class ExpiringTranscript(BaseModel):
    session_id: str | None = Field(description="null for a key that can only read numbers.")
    file: str | None = Field(
        description="`<session>.jsonl`, or the path below the session's folder.", examples=["subagents/agent-a1.jsonl"]
    )
    project_path: str | None
    bytes: int
    changed_at: datetime
    deleted_after: datetime = Field(description="Claude Code deletes it in the background of a session after this time.")
    is_here: bool = Field(description="All of it is stored here, whichever machine or import brought it.")


class Machine(BaseModel):
    machine_id: str | None = Field(description="Made at random by the machine's shipper. null for a key that can only read numbers.")
    name: str | None
    user: str | None
    first_seen_at: datetime
    last_heard_at: datetime = Field(description="When it last reported, or sent a hook or a part of a transcript.")
    is_silent: bool = Field(description="Not heard of for longer than TRACKER_MACHINE_SILENT_HOURS.")
    tracker_version: str | None
    claude_version: str | None
    os: str | None
    spool_files: int = Field(description="Hooks that its shipper has not sent yet.")
    spool_bytes: int
    files_unsent: int = Field(description="Transcripts of which something is not sent yet.")
    bytes_unsent: int
    oldest_unsent_at: datetime | None
    cleanup_period_days: int | None = Field(description="After so many days without a change, Claude Code deletes a transcript.")
    last_error: str | None = Field(description="Why its shipper could not send, if it could not.")
    sessions_count: int
    expiring_count: int = Field(description="Transcripts on its disk that Claude Code will delete soon.")
    expiring_missing_count: int = Field(description="Those of them that are not here.")
    expiring: list[ExpiringTranscript] = Field(
        description="The first 50: those that are not here before others, then the first to be deleted."
    )


class MachinePage(Page):
    items: list[Machine]


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
