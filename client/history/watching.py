"""Sends files again as they grow. Each round lists the folders; a changed file is read once it is quiet, or every minute."""

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
# No valid key, or a key that may not import: waiting does not help.
_KEY_REFUSED: Final = (401, 403)


@dataclass(slots=True)
class Watch:
    """Which versions of files were handled, and when. Times are those of time.time(), as file times are."""

    _handled: dict[Path, tuple[int, int]] = field(default_factory=dict)
    _handled_at: dict[Path, float] = field(default_factory=dict)

    def due(self, files: Sequence[LocalFile], now: float) -> list[LocalFile]:
        """The files that changed and are quiet, or that have kept changing for a minute."""
        return [file for file in files if self._handled.get(file.path) != (file.size, file.mtime_ns) and self._is_time(file, now)]

    def _is_time(self, file: LocalFile, now: float) -> bool:
        quiet_for = now - file.mtime_ns / 1e9
        # A time in the future means that the clock was set; the file counts as quiet.
        return not 0 <= quiet_for < QUIET_SECONDS or now - self._handled_at.get(file.path, 0.0) >= LONGEST_WAIT_SECONDS

    def mark_handled(self, files: Sequence[LocalFile], now: float) -> None:
        """Marks the files as handled until they change, also those that could not be read."""
        for file in files:
            self._handled[file.path] = (file.size, file.mtime_ns)
            self._handled_at[file.path] = now


def watch(importer: Importer, paths: Sequence[Path], *, every_seconds: float, on_result: Callable[[Result], None]) -> None:
    """Runs until Ctrl-C, or until the server refuses the key. Waits for a server that is away."""
    state = Watch()
    last_failure = ""
    while True:
        found = find([path for path in paths if path.exists()])
        now = time.time()
        if files := state.due(found.files, now):
            try:
                result = _import(importer, Found(files))
                state.mark_handled(files, now)
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
