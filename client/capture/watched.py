"""Which transcripts are looked at, and when: those of sessions that go on all the time, all others now and then."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from client.capture.machine_report import aging
from client.capture.transcripts.sent import SentLog
from client.capture.transcripts.transcript_files import Transcript, look_at, named_by, of_subagents, root_of, scan
from shared.sessions.session_state import QUIET_SECONDS

# A session that goes on without a hook or a line for so long is found by the scan.
_WATCHED_SECONDS: Final = 300.0
# A turn that goes on is looked at longer: when a person stops it, no hook tells, only a line. As long as the server takes it for working.
_TURN_SECONDS: Final = float(QUIET_SECONDS)
# Hooks of a turn, and those after which none goes on. The others say nothing of it.
_GOES_ON: Final = ("UserPromptSubmit", "PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch")
_IS_OVER: Final = ("Stop", "StopFailure", "SessionEnd")
# More sessions at once than anybody has; the scan finds what the others grow by.
_MOST_WATCHED: Final = 64
_SUBAGENTS_EVERY_SECONDS: Final = 0.5
SCAN_EVERY_SECONDS: Final = 60.0
# A scan that takes long comes less often.
_SCAN_PART: Final = 500.0


class Watched:
    """`is_due` says whether a file, as it was found, has something to send."""

    def __init__(self, roots: Iterable[str], log: SentLog) -> None:
        self._roots = set(roots) | {root for path in log.files if (root := root_of(path))}
        # Sessions that go on: their file without `.jsonl`, and when they last changed.
        self._sessions: dict[str, float] = {}
        # Those of them in which a turn goes on, as far as hooks tell.
        self._in_turn: set[str] = set()
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
        own, event = payload.get("transcript_path"), payload.get("hook_event_name")
        if isinstance(own, str) and event in _GOES_ON:
            self._in_turn.add(_session_of(own))
        elif isinstance(own, str) and event in _IS_OVER and not payload.get("background_tasks"):
            self._in_turn.discard(_session_of(own))

    @property
    def is_in_turn(self) -> bool:
        """Whether a turn goes on in any session that is looked at."""
        return not self._in_turn.isdisjoint(self._sessions)

    def touch(self, path: str) -> None:
        """Looks at the session of this file all the time, for a while."""
        session = _session_of(path)
        # The one that changed last is the last of the dict.
        self._sessions.pop(session, None)
        self._sessions[session] = time.monotonic()
        if len(self._sessions) > _MOST_WATCHED:
            del self._sessions[next(iter(self._sessions))]

    def changed(self, is_due: Callable[[Transcript], bool]) -> list[Transcript]:
        """The transcripts of sessions that go on, if there is something to send."""
        now = time.monotonic()
        self._sessions = {session: at for session, at in self._sessions.items() if now - at < self._watched_seconds(session)}
        self._in_turn &= self._sessions.keys()
        if now - self._agents_at >= _SUBAGENTS_EVERY_SECONDS:
            self._agents_at = now
            self._agents = {session: [agent.path for agent in of_subagents(session)] for session in self._sessions}
        paths = [path for session in self._sessions for path in (f"{session}.jsonl", *self._agents.get(session, ()))]
        due = [found for path in paths if (found := look_at(path)) and is_due(found)]
        for found in due:
            self.touch(found.path)
        return due

    def _watched_seconds(self, session: str) -> float:
        return _TURN_SECONDS if session in self._in_turn else _WATCHED_SECONDS

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


def _session_of(path: str) -> str:
    """The session's file without `.jsonl`, also of a subagent's file."""
    head, found, _ = path.replace(os.sep, "/").partition("/subagents/")
    return head if found else path.removesuffix(".jsonl")
