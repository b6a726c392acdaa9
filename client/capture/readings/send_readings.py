"""Sends what Claude Code tells on this machine alone: its status lines, its cached usage, the files of its sessions."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from client.capture.folder import CaptureConfig
from client.capture.readings.rate_limit_events import RateLimitEvents
from client.capture.readings.session_files import SessionFiles
from client.capture.readings.status_lines import StatusLine, status_line_reading, status_lines
from client.capture.readings.today import Limits, Today
from client.capture.readings.usage_cache import UsageCache
from client.capture.refusals import Erased, Later, Pause, Rejected, check
from client.capture.session_folders import SessionFolders
from client.capture.transcripts.left_out import LeftOut
from client.capture.transcripts.transcript_files import claude_folder, claude_json
from client.http.connection import Connection

_EVERY_SECONDS: Final = 1.0
_MOST: Final = 1_000
# The server has no such route, or the key may send all but readings, as one that is bound to projects.
_REFUSED: Final = (403, 404, 405)


class ReadingSender:
    """`send` looks at the files of sessions, which are few, whenever it is asked, and at all else once a second.

    A reading tells a state: of two that were not sent, the older is of no use.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str], home: Path, folders: SessionFolders) -> None:
        self._folder = folder
        self._folders = folders
        self._usage = UsageCache(claude_json(environment, home))
        self._events = RateLimitEvents(folder)
        self._sessions = SessionFiles(claude_folder(environment, home) / "sessions", folder / "told-sessions.json")
        # The stamps of status lines that the server has, or that are not sent.
        self._done: dict[Path, tuple[int, int]] = {}
        self._looked_at = float("-inf")
        self._today = Today(folder)
        self._limits = Limits(folder)
        self._pause = Pause()
        # Why the server takes no readings at all. Another try is made by the next shipper, and when the settings change.
        self.refused: str | None = None
        self.problem: str | None = None

    @property
    def is_any_at_work(self) -> bool:
        """Whether a process of Claude Code works or waits, so that its end must be noticed."""
        return self.refused is None and self._sessions.is_any_at_work

    def settings_changed(self) -> None:
        """The server may be another one."""
        self.refused = None
        self._pause.end()
        self._done.clear()
        self._usage.forget()
        self._sessions.forget()

    def send(self, connection: Connection, config: CaptureConfig, left_out: LeftOut) -> int:
        """Sends what has changed. How many readings of sessions there were. Raises ServerAway."""
        if config.only_hooked:
            return self._send_of_command(connection, config)
        now = time.monotonic()
        is_all_due = now - self._looked_at >= _EVERY_SECONDS
        if is_all_due:
            self._looked_at = now
        lines = self._status_lines(left_out) if is_all_due else []
        if lines:
            self._today.refresh(config)
        sessions = self._sessions.due(left_out.has)[:_MOST]
        # The usage is of an account: it is in no folder that could be connected by itself.
        usage = self._usage.due() if is_all_due and not config.only else None
        readings = [reading for _, reading in lines] + [reading for _, reading in sessions] + ([] if usage is None else [usage])
        for reading in readings:
            self._limits.observe(reading)
        if not readings or self.refused is not None or self._pause.is_on or not self._post(connection, config, readings):
            return 0
        self._done |= {found.path: found.stamp for found, _ in lines}
        if sessions:
            self._sessions.told(sessions)
        if usage is not None:
            self._usage.told()
        return len(lines) + len(sessions)

    def _send_of_command(self, connection: Connection, config: CaptureConfig) -> int:
        """The limits that one command has printed. The other readings of its machine are not the job's."""
        reading = self._events.due()
        if reading is None or self.refused is not None or self._pause.is_on or not self._post(connection, config, [reading]):
            return 0
        self._events.told(reading)
        return 1

    def _status_lines(self, left_out: LeftOut) -> list[tuple[StatusLine, dict[str, Any]]]:
        found: list[tuple[StatusLine, dict[str, Any]]] = []
        for line in status_lines(self._folder, self._done):
            reading = None if self._folders.is_left_out(line.value, left_out) else status_line_reading(line)
            if reading is None:
                self._done[line.path] = line.stamp
            elif len(found) < _MOST:
                found.append((line, reading))
        return found

    def _post(self, connection: Connection, config: CaptureConfig, readings: list[dict[str, Any]]) -> bool:
        """Whether the server need not get them again."""
        own = {"machine_id": config.machine_id, **({"user": config.user} if config.user else {})}
        try:
            for start in range(0, len(readings), _MOST):
                body = b"".join(json.dumps({**reading, **own}).encode() + b"\n" for reading in readings[start : start + _MOST])
                answer = connection.send("POST", "/api/readings", body, "application/x-ndjson")
                if answer.status in _REFUSED:
                    self.refused = answer.message
                    return False
                rejected = check(answer).body.get("rejected") or []
                self.problem = f"A reading was rejected: {rejected[0]['message']}" if rejected else None
        except Erased:
            return True
        except Rejected as rejection:
            # The same again would be refused again. The next ones may be taken.
            self.problem = f"Readings: {rejection}"
        except Later as later:
            self._pause.begin(later)
            self.problem = f"Readings: {later}"
            return False
        self._pause.end()
        return True
