"""The report of a machine's shipper. Ingest takes it from shippers, and the worker from exports of other trackers."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from shared.events.messages import EARLIEST, LATEST, Count, Identifier, Name, Path, SessionId, Time
from shared.events.project_paths import path_or_none

# The most transcripts of a report: those that are deleted first.
MAX_EXPIRING: Final = 200


class ReportedTranscript(Struct, kw_only=True, omit_defaults=True):
    """A transcript that Claude Code will delete soon. `file`: `<session>.jsonl`, or its path below the session's folder."""

    session_id: SessionId
    file: Annotated[str, Meta(min_length=1, max_length=300)]
    bytes: Count
    changed_at: Time
    deleted_after: Time
    project_path: Path | None = None
    is_sent: bool = False


class MachineReport(Struct, kw_only=True, omit_defaults=True):
    """A shipper's versions, its backlog, and the transcripts on its machine that Claude Code will delete soon."""

    name: Identifier
    user: Identifier | None = None
    tracker_version: Name | None = None
    claude_version: Name | None = None
    os: Name | None = None
    spool_files: Count = 0
    spool_bytes: Count = 0
    oldest_unsent_at: Time | None = None
    files_unsent: Count = 0
    bytes_unsent: Count = 0
    cleanup_period_days: Count | None = None
    expiring: Annotated[list[ReportedTranscript], Meta(max_length=MAX_EXPIRING)] = []
    last_error: Annotated[str, Meta(max_length=1000)] | None = None
    # Heard of only while a job runs (`tracker capture`), so its silence means nothing.
    is_for_jobs: bool = False


def complete(reported: MachineReport) -> None:
    """Completes times, and normalizes paths, in place; a path that is not one is left out."""
    reported.oldest_unsent_at = None if reported.oldest_unsent_at is None else _utc(reported.oldest_unsent_at)
    for each in reported.expiring:
        each.changed_at, each.deleted_after = _utc(each.changed_at), _utc(each.deleted_after)
        each.project_path = path_or_none(each.project_path)


def stored(reported: MachineReport) -> dict[str, Any]:
    """The report as JSON. Name and user have columns of their own."""
    content: dict[str, Any] = msgspec.to_builtins(reported)
    return {name: value for name, value in content.items() if name not in ("name", "user")}


def _utc(time: datetime) -> datetime:
    """A time of a machine's disk, which may be anything, as one that Postgres can compare."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return min(max(aware, EARLIEST), LATEST).astimezone(UTC)
