"""Keeps sending what grows. A look costs a walk over folders; only a file that changed is read, and only once it is quiet, or every minute."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from client.errors import Failure, Refused
from client.history.claude_files import Found, LocalFile, find
from client.history.importing import Importer, Result

QUIET_SECONDS: Final = 2.0
LONGEST_WAIT_SECONDS: Final = 60.0
# Of no key, and of one that may not import: no waiting mends that.
_KEY_REFUSED: Final = (401, 403)


@dataclass(slots=True)
class Watch:
    """What was dealt with, and when. Times are of time.time(), as those of files are."""

    _done: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _done_at: dict[Path, float] = field(default_factory=dict)

    def due(self, files: Sequence[LocalFile], now: float) -> list[LocalFile]:
        """Those that changed and are quiet, or that have been changing for long."""
        return [file for file in files if self._done.get(file.path) != (file.size, file.mtime_ns) and self._is_time(file, now)]

    def _is_time(self, file: LocalFile, now: float) -> bool:
        quiet_for = now - file.mtime_ns / 1e9
        # A time in the future is a clock that was set, not a file that is being written for years.
        return not 0 <= quiet_for < QUIET_SECONDS or now - self._done_at.get(file.path, 0.0) >= LONGEST_WAIT_SECONDS

    def dealt_with(self, files: Sequence[LocalFile], now: float) -> None:
        """Nothing more to do for them until they change; not even for one that could not be read."""
        for file in files:
            self._done[file.path] = (file.size, file.mtime_ns)
            self._done_at[file.path] = now


def watch(importer: Importer, paths: Sequence[Path], *, every_seconds: float, on_result: Callable[[Result], None]) -> None:
    """Until Ctrl-C, or until the server refuses the key. A server that is away is waited for."""
    state = Watch()
    last_failure = ""
    while True:
        found = find([path for path in paths if path.exists()])
        now = time.time()
        if files := state.due(found.files, now):
            try:
                result = _import(importer, Found(files))
                state.dealt_with(files, now)
                if result.jobs or result.problems:
                    on_result(result)
                last_failure = ""
            except Failure as failure:
                if isinstance(failure, Refused) and failure.status in _KEY_REFUSED:
                    raise
                if str(failure) != last_failure:
                    last_failure = str(failure)
                    importer.display.note(f"{failure} Trying again every {every_seconds:g} s.")
        time.sleep(every_seconds)


def _import(importer: Importer, found: Found) -> Result:
    plan = importer.plan(found)
    return importer.send(plan)
