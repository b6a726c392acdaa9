"""The limits in what `claude -p --output-format stream-json` prints: the newest of each window, kept in a file until the shipper sends it.

Jobs without a terminal have no status line. Claude Code prints an event when what it knows of the limits changes.
"""

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from client.capture.folder import read_object, text_of, write_private
from client.capture.machine_report import exact_iso

_FILE: Final = "rate-limits.json"
_TYPE: Final = "rate_limit_event"
# Seconds since the epoch; what is beyond is no second.
_LATEST: Final = 4e9
_KIND: Final = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)


class RateLimitEvents:
    """`look` takes a line that was printed, `due` gives what was not sent yet. Both are of one command's folder, maybe in two processes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        self._windows: dict[str, dict[str, Any]] = {}
        self._told: dict[str, Any] = {}

    def look(self, line: bytes) -> None:
        """Keeps the limits, if the line is an event of them. OSError if they cannot be written."""
        if _TYPE.encode() not in line:
            return
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            # The same word in another program's output.
            return
        if not isinstance(event, dict) or event.get("type") != _TYPE or text_of(event, "session_id") is None:
            return
        windows = {window["kind"]: window for window in windows_of(event.get("rate_limit_info"))}
        if windows:
            self._windows |= windows
            reading = {"type": _TYPE, "session_id": event["session_id"], "read_at": exact_iso(time.time())}
            write_private(self._file, json.dumps(reading | {"windows": list(self._windows.values())}))

    def due(self) -> dict[str, Any] | None:
        """The reading, if the server does not have it."""
        newest = read_object(self._file)
        return newest if newest and newest != self._told else None

    def told(self, reading: dict[str, Any]) -> None:
        """The server has it."""
        self._told = reading


def windows_of(info: object) -> list[dict[str, Any]]:
    """The windows that an event tells of. Newer versions name all, older ones that which decided. Utilization is a fraction, its reset in seconds."""
    if not isinstance(info, dict):
        return []
    every = info.get("unifiedWindows")
    named = every if isinstance(every, dict) and every else {text_of(info, "rateLimitType"): info}
    return [
        {"kind": kind, "used_percentage": round(100 * used, 1), "resets_at": datetime.fromtimestamp(resets_at, UTC).isoformat()}
        for kind, window in named.items()
        if isinstance(kind, str) and _KIND.fullmatch(kind) and isinstance(window, dict)
        for used, resets_at in ((_used(window), window.get("resetsAt")),)
        if used is not None and isinstance(resets_at, int | float) and 0 < resets_at < _LATEST
    ]


def _used(window: dict[str, Any]) -> float | None:
    """A fraction. A window that refuses requests is full, also where no number says so."""
    used = window.get("utilization")
    if isinstance(used, int | float) and used >= 0:
        return float(used)
    return 1.0 if window.get("status") == "rejected" else None
