"""`tracker ship`: sends what hooks put into the spool and what transcripts grow by, until it is quiet. One runs for each person and machine."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from client.capture.folder import CaptureConfig, read_config, read_object, text_of, write_private
from client.capture.hooks.send_hooks import HookSender
from client.capture.hooks.spool import Spool
from client.capture.machine_report import REPORT_EVERY_SECONDS, expiring, iso, report_of, send_report
from client.capture.readings.send_readings import ReadingSender
from client.capture.refusals import Later, Pause
from client.capture.repositories import Repositories
from client.capture.session_folders import SessionFolders
from client.capture.transcripts.imported import take_imported
from client.capture.transcripts.left_out import LeftOut
from client.capture.transcripts.send_transcripts import TranscriptSender
from client.capture.transcripts.sent import Sent, SentLog
from client.capture.transcripts.transcript_files import Transcript, default_root
from client.capture.watched import Watched
from client.http.connection import Connection, ServerAway

QUIET_SECONDS: Final = 60.0
# A file by which another process asks to look at everything now.
SCAN_REQUEST: Final = "scan-now"
# How often the spool and the sessions that go on are looked at: while something happens, after some seconds, and after half a minute.
_POLLS: Final = ((5.0, 0.2), (30.0, 0.5), (float("inf"), 1.0))
# After so many ranges of one file, the spool is looked at again.
_MOST_RANGES: Final = 8
_WATCHED_FOR_SECONDS: Final = 300.0
_STATUS_EVERY_SECONDS: Final = 5.0
# Between two looks at the spool while nothing can be sent: only its bounds matter.
_SPOOL_EVERY_SECONDS: Final = 5.0
_LONGEST_ANSWER: Final = 1024**2
_GONE: Final = 410


@dataclass(slots=True)
class Unsent:
    """The amount that is still to be sent."""

    spool_files: int = 0
    spool_bytes: int = 0
    files: int = 0
    bytes: int = 0
    # Seconds since the epoch, of the oldest of all.
    oldest_at: float | None = None


class Shipper:
    """The knowledge of the one process. `tick` looks once at everything, and sends."""

    def __init__(self, folder: Path, environment: Mapping[str, str], home: Path) -> None:
        self.folder = folder
        self._environment = environment
        self._config_file = folder / "config.json"
        self._load()
        self.log = SentLog(folder)
        self.spool = Spool(folder)
        self.root = default_root(environment, home)
        self.watched = Watched([self.root], self.log)
        self.transcripts = TranscriptSender(self.log)
        self.transcripts.claude_version = text_of(read_object(folder / "status.json"), "claude_version")
        folders = SessionFolders(self.log)
        self.hooks = HookSender(self.spool, folders, self.watched.on_hook)
        self.readings = ReadingSender(folder, environment, home, folders)
        self.repositories = Repositories()
        self.pause = Pause()
        self.last_error: str | None = None
        self.is_key_refused = False
        # `tracker ship --once` waits for this process to have looked at everything.
        self._is_asked = False
        self._has_more_hooks = False
        self.busy_at = time.monotonic()
        self.sent_at: float | None = None
        self._status: dict[str, Any] = {}
        self._status_at = 0.0
        self._spool_at = 0.0
        self._report_at = 0.0
        self._report_problem: str | None = None

    def _load(self) -> None:
        """Reads the settings, at the start and when they change."""
        self._config_changed_at = _mtime(self._config_file)
        self.config: CaptureConfig = read_config(self.folder, self._environment)
        self.left_out = LeftOut(self.config.left_out, self.config.only)
        headers = {"X-Tracker-Machine": self.config.machine_id}
        self.connection = Connection(self.config.url, self.config.token, headers, most_bytes=_LONGEST_ANSWER)

    def tick(self) -> None:
        """Sends what there is. A server that is away, or that refuses, begins a pause."""
        if _mtime(self._config_file) != self._config_changed_at:
            self.connection.close()
            self._load()
            self.pause.end()
            self.readings.settings_changed()
        if self.pause.is_on:
            self._watch_spool()
            return
        try:
            self._send_hooks()
            self._send_changed()
            self._send_backlog()
            if self.readings.send(self.connection, self.config, self.left_out):
                self.busy_at = time.monotonic()
                self._succeeded()
            self._report_if_due()
        except Later as later:
            self._failed(later)
        except ServerAway as away:
            self._failed(Later(f"No answer from {self.config.url} ({away})"))

    def _send_hooks(self) -> None:
        waiting = self.spool.waiting()
        self._has_more_hooks = False
        if not waiting:
            return
        self.busy_at = time.monotonic()
        done = self.hooks.send(self.connection, waiting, self.config.user, self.left_out)
        if done:
            self._succeeded()
            self._has_more_hooks = len(waiting) > done

    def _send_changed(self) -> None:
        for found in self.watched.changed(self._is_due):
            self._send_file(found)

    def _send_backlog(self) -> None:
        request = self.folder / SCAN_REQUEST
        if is_asked := request.exists():
            request.unlink(missing_ok=True)
            self._is_asked = True
            self._report_at = 0.0
        if self.config.only_hooked:
            return
        for path, size, mtime_ns in take_imported(self.folder):
            if not self.log.get(path).offset:
                self.log.put(path, Sent(size=size, mtime_ns=mtime_ns, is_imported=True))
        self.watched.scan_if_due(self._is_due, is_asked=is_asked)
        backlog = self.watched.backlog
        if not backlog:
            return
        found = backlog[-1]
        if abs(time.time() - found.mtime_ns / 1e9) < _WATCHED_FOR_SECONDS:
            self.watched.touch(found.path)
        if self._send_file(found):
            backlog.pop()

    def _send_file(self, found: Transcript) -> bool:
        before = self.log.get(found.path)
        is_done = self.transcripts.send(self.connection, found, self.config.user, self.left_out, most_ranges=_MOST_RANGES)
        if self.log.get(found.path).offset != before.offset:
            self.busy_at = time.monotonic()
            self._succeeded()
        return is_done

    def _report_if_due(self) -> None:
        now = time.monotonic()
        if not self._report_at or now - self._report_at >= REPORT_EVERY_SECONDS:
            self.report()

    def report(self) -> None:
        """Tells the server about this machine. Raises ServerAway. A server that does not take it still takes everything else."""
        self._report_at = time.monotonic()
        if self.config.only_hooked:
            # A file on the disk is not the job's. A machine's own shipper knows more of it, its name too.
            if self.config.is_for_jobs:
                self._send_report(report_of(self.config, self.transcripts.claude_version, None, {}, [], None))
            return
        unsent = self.unsent()
        told: dict[str, Any] = {
            "spool_files": unsent.spool_files,
            "spool_bytes": unsent.spool_bytes,
            "files_unsent": unsent.files,
            "bytes_unsent": unsent.bytes,
            "oldest_unsent_at": None if unsent.oldest_at is None else iso(unsent.oldest_at),
        }
        named = expiring(self.watched.aging, self.log, self.left_out.has, self._is_due)
        self._send_report(report_of(self.config, self.transcripts.claude_version, self.root, told, named, self.error))
        self._tell_repositories()

    def _tell_repositories(self) -> None:
        """Which folders of sessions are one project, so far as git knows. The newest sessions' first. None of a folder that is left out."""
        newest = sorted(self.log.files.values(), key=lambda sent: -sent.mtime_ns)
        folders = dict.fromkeys(sent.cwd for sent in newest if sent.cwd is not None)
        self.repositories.look_at(folder for folder in folders if not self.left_out.has(folder))
        self.repositories.tell(self.connection, self.config.machine_id)

    def _send_report(self, report: dict[str, Any]) -> None:
        answer = send_report(self.connection, self.config.machine_id, report)
        # A person who was erased has no machines.
        self._report_problem = None if answer.status < 300 or answer.status == _GONE else f"The report of this machine: {answer.message}"

    def _is_due(self, found: Transcript) -> bool:
        return self.transcripts.is_due(found, self.left_out)

    def _succeeded(self) -> None:
        self.pause.end()
        self.sent_at = time.time()
        self.last_error = None
        self.is_key_refused = False

    def _failed(self, later: Later) -> None:
        self.pause.begin(later)
        self.last_error = str(later)
        self.is_key_refused = later.is_key_refused

    def _watch_spool(self) -> None:
        now = time.monotonic()
        if now - self._spool_at >= _SPOOL_EVERY_SECONDS:
            self._spool_at = now
            self.spool.waiting()

    @property
    def is_awaited(self) -> bool:
        """Whether something will come that no hook need tell: a turn goes on, or a client works whose end only its process shows."""
        return self.watched.is_in_turn or self.readings.is_any_at_work

    @property
    def is_all_sent(self) -> bool:
        """Whether the server has everything, as far as it is known."""
        return not (self.watched.backlog or self.spool.waiting() or self.watched.changed(self._is_due))

    def unsent(self) -> Unsent:
        """Counts it, without sending."""
        waiting = self.spool.waiting()
        files = {found.path: found for found in (*self.watched.backlog, *self.watched.changed(self._is_due))}
        times = [found.mtime_ns for found in files.values()] + [each.mtime_ns for each in waiting[:1]]
        return Unsent(
            spool_files=len(waiting),
            spool_bytes=sum(each.size for each in waiting),
            files=len(files),
            bytes=sum(max(0, found.size - self.log.get(path).offset) for path, found in files.items()),
            oldest_at=min(times) / 1e9 if times else None,
        )

    def write_status(self, *, is_forced: bool = False) -> None:
        """Writes what a person, `tracker doctor` and `tracker ship --once` want to know, if it has changed."""
        now = time.monotonic()
        is_news = self._is_asked or self.error != self._status.get("last_error")
        if not (is_forced or is_news or now - self._status_at >= _STATUS_EVERY_SECONDS):
            return
        self._status_at = now
        unsent, is_all_sent = self.unsent(), self.is_all_sent
        if is_all_sent:
            self._is_asked = False
        status = {
            "pid": os.getpid(),
            "url": self.config.url,
            "is_all_sent": is_all_sent,
            "spool_files": unsent.spool_files,
            "spool_bytes": unsent.spool_bytes,
            "files_unsent": unsent.files,
            "bytes_unsent": unsent.bytes,
            "hooks_dropped": self.hooks.dropped,
            "files_rejected": len(self.transcripts.rejected),
            "hooks_erased": self.hooks.erased,
            "files_erased": len(self.transcripts.erased),
            "is_key_refused": self.is_key_refused,
            "readings_refused": self.readings.refused,
            "claude_version": self.transcripts.claude_version,
            "last_error": self.error,
            "sent_at": self.sent_at,
        }
        if status != self._status or is_forced or is_news:
            self._status = status
            self._write("status.json", json.dumps(status | {"at": time.time()}))

    def _write(self, name: str, content: str) -> None:
        try:
            write_private(self.folder / name, content)
        except OSError as error:
            # A full disk must not keep it from sending, which makes room.
            self.last_error = f"{self.folder / name}: {error.strerror or error}"

    @property
    def error(self) -> str | None:
        """The reason for which something is not sent."""
        return (
            self.last_error
            or self.log.problem
            or next(iter(self.transcripts.rejected.values()), None)
            or self._report_problem
            or self.readings.problem
        )

    def poll_seconds(self) -> float:
        """How long to wait until the next look."""
        if (self.watched.backlog or self._has_more_hooks) and not self.pause.is_on:
            return 0.0
        quiet = time.monotonic() - self.busy_at
        return next(seconds for until, seconds in _POLLS if quiet < until)


def _mtime(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
