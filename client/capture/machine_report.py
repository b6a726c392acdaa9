"""The shipper's report on this machine: versions, what is not sent yet, and what Claude Code will delete soon."""

import json
import platform
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from client.capture.folder import CaptureConfig, read_object
from client.capture.transcripts.sent import SentLog
from client.capture.transcripts.transcript_files import Transcript, root_of
from client.http.connection import Answer, Connection
from client.version import version

REPORT_EVERY_SECONDS: Final = 60.0
DEFAULT_CLEANUP_DAYS: Final = 30
# Transcripts that Claude Code deletes within so many days are named.
EXPIRING_DAYS: Final = 7
_MOST_EXPIRING: Final = 200
_DAY_SECONDS: Final = 86_400
_MOST_CHARACTERS: Final = 1_000


def cleanup_days(root: str) -> int:
    """After how many days without a change Claude Code deletes transcripts of this folder of projects."""
    days = read_object(Path(root).parent / "settings.json").get("cleanupPeriodDays")
    return days if isinstance(days, int) and not isinstance(days, bool) and days > 0 else DEFAULT_CLEANUP_DAYS


def aging(found: Iterable[Transcript]) -> list[Transcript]:
    """Those that Claude Code deletes soon, the next first."""
    days: dict[str, int] = {}
    until = time.time() + EXPIRING_DAYS * _DAY_SECONDS
    soon: list[tuple[float, Transcript]] = []
    for each in found:
        root = root_of(each.path) or ""
        if root not in days:
            days[root] = cleanup_days(root)
        deleted_at = each.mtime_ns / 1e9 + days[root] * _DAY_SECONDS
        if deleted_at < until:
            soon.append((deleted_at, each))
    return [each for _, each in sorted(soon, key=lambda pair: pair[0])]


def expiring(
    files: Iterable[Transcript], log: SentLog, is_left_out: Callable[[str], bool], is_due: Callable[[Transcript], bool]
) -> list[dict[str, Any]]:
    """The report on the files: those that are not sent before others, then the next to be deleted. None of a folder that is left out."""
    named: list[tuple[bool, dict[str, Any]]] = []
    for each in files:
        sent = log.get(each.path)
        if sent.cwd is not None and is_left_out(sent.cwd):
            continue
        if sent.cwd is None and not sent.is_imported:
            # It is not known yet where it belongs.
            continue
        is_sent = not is_due(each)
        deleted_at = each.mtime_ns / 1e9 + cleanup_days(root_of(each.path) or "") * _DAY_SECONDS
        told = {
            "session_id": each.session_id,
            "file": each.name,
            "bytes": each.size,
            "changed_at": iso(each.mtime_ns / 1e9),
            "deleted_after": iso(deleted_at),
            "is_sent": is_sent,
        }
        named.append((is_sent, told | ({"project_path": sent.cwd} if sent.cwd else {})))
    named.sort(key=lambda pair: pair[0])
    return [told for _, told in named[:_MOST_EXPIRING]]


def report_of(
    config: CaptureConfig,
    claude_version: str | None,
    root: str | None,
    unsent: dict[str, Any],
    named: list[dict[str, Any]],
    error: str | None,
) -> dict[str, Any]:
    """The report as the server takes it. An unknown value is left out."""
    told = {
        "name": config.machine_name,
        "user": config.user,
        "tracker_version": version(),
        "claude_version": claude_version,
        "os": f"{platform.system()} {platform.release()}".strip() or None,
        **unsent,
        "cleanup_period_days": None if root is None else cleanup_days(root),
        "expiring": named,
        "last_error": error[:_MOST_CHARACTERS] if error else None,
        "is_for_jobs": config.is_for_jobs or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def send_report(connection: Connection, machine_id: str, report: dict[str, Any]) -> Answer:
    """Raises ServerAway."""
    return connection.send("PUT", f"/api/machines/{quote(machine_id, safe='')}", json.dumps(report).encode(), "application/json")


def iso(seconds: float) -> str:
    """A time as the API writes it. Times of a broken disk are cut to what a calendar has."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), 4e9), UTC).isoformat(timespec="seconds")


def exact_iso(seconds: float) -> str:
    """The same to the millisecond."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), 4e9), UTC).isoformat(timespec="milliseconds")
