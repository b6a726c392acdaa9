"""Which transcripts are looked at, and when: those of sessions that go on all the time, all others now and then."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from client.capture.machine_report import aging
from client.capture.transcripts.sent import SentLog
from client.capture.transcripts.transcript_files import Transcript, look_at, named_by, of_subagents, root_of, scan

# A session that goes on without a hook or a line for so long is found by the scan.
_WATCHED_SECONDS: Final = 300.0
# More sessions at once than anybody has; the scan finds what the others grow by.
_MOST_WATCHED: Final = 64
_SUBAGENTS_EVERY_SECONDS: Final = 1.0
SCAN_EVERY_SECONDS: Final = 60.0
# A scan that takes long comes less often.
_SCAN_PART: Final = 500.0


class Watched:
    """`is_due` says whether a file, as it was found, has something to send."""

    def __init__(self, roots: Iterable[str], log: SentLog) -> None:
        self._roots = set(roots) | {root for path in log.files if (root := root_of(path))}
        # Sessions that go on: their file without `.jsonl`, and when they last changed.
        self._sessions: dict[str, float] = {}
        self._agents: dict[str, list[str]] = {}
        self._agents_at = 0.0
        self._next_scan = 0.0
        # Found by a scan, to be sent; the newest last.
        self.backlog: list[Transcript] = []
        # Those that Claude Code deletes soon, as the last scan found them.
        self.aging: list[Transcript] = []

    def on_hook(self, payload: dict[str, Any]) -> None:
        """Looks at what a hook names from now on."""
        for path in named_by(payload):
            self.touch(path)
            if root := root_of(path):
                self._roots.add(root)

    def touch(self, path: str) -> None:
        """Looks at the session of this file all the time, for a while."""
        head, found, _ = path.replace(os.sep, "/").partition("/subagents/")
        session = head if found else path.removesuffix(".jsonl")
        # The one that changed last is the last of the dict.
        self._sessions.pop(session, None)
        self._sessions[session] = time.monotonic()
        if len(self._sessions) > _MOST_WATCHED:
            del self._sessions[next(iter(self._sessions))]

    def changed(self, is_due: Callable[[Transcript], bool]) -> list[Transcript]:
        """The transcripts of sessions that go on, if there is something to send."""
        now = time.monotonic()
        self._sessions = {session: at for session, at in self._sessions.items() if now - at < _WATCHED_SECONDS}
        if now - self._agents_at >= _SUBAGENTS_EVERY_SECONDS:
            self._agents_at = now
            self._agents = {session: [agent.path for agent in of_subagents(session)] for session in self._sessions}
        paths = [path for session in self._sessions for path in (f"{session}.jsonl", *self._agents.get(session, ()))]
        due = [found for path in paths if (found := look_at(path)) and is_due(found)]
        for found in due:
            self.touch(found.path)
        return due

    def scan_if_due(self, is_due: Callable[[Transcript], bool], *, is_asked: bool) -> bool:
        """Looks at all files of all folders, now and then. Whether it did."""
        began = time.monotonic()
        if began < self._next_scan and not is_asked:
            return False
        self.backlog.clear()
        self.aging = aging(self._found(is_due))
        self.backlog.sort(key=lambda found: found.mtime_ns)
        now = time.monotonic()
        self._next_scan = now + max(SCAN_EVERY_SECONDS, (now - began) * _SCAN_PART)
        return True

    def _found(self, is_due: Callable[[Transcript], bool]) -> Iterator[Transcript]:
        """All that there are; what is due goes into the backlog."""
        for root in sorted(self._roots):
            for found in scan(root):
                if is_due(found):
                    self.backlog.append(found)
                yield found
