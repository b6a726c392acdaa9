"""What a person sees while it runs, on standard error: bars on a terminal, a line now and then elsewhere, or nothing."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

LINE_SECONDS: Final = 5.0
SHARE_TOTAL: Final = 10_000
# Together with some 15 characters of text they fit into a terminal of 80.
_COLUMNS: Final = (
    TextColumn("{task.description}"),
    BarColumn(bar_width=12),
    TaskProgressColumn(),
    DownloadColumn(),
    TransferSpeedColumn(),
    TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    TextColumn("{task.fields[more]}"),
)


class Phase:
    """A part of the work, measured in bytes. This one shows nothing."""

    def at(self, done_bytes: int, more: str = "") -> None:
        """How far it is; what else is to be said."""

    def end(self, more: str = "") -> None:
        """It is over, not always done."""


class Quiet:
    """Shows no progress, and notes only if they matter to somebody who asked for silence."""

    @contextmanager
    def phase(self, name: str, total_bytes: int) -> Iterator[Phase]:  # noqa: ARG002  a part that is not shown
        """Begins a part of the work."""
        yield Phase()

    @contextmanager
    def share(self, name: str) -> Iterator[Phase]:  # noqa: ARG002  a part that is not shown
        """Begins a part of the work of which only the share is known: its bytes are of SHARE_TOTAL."""
        yield Phase()

    def note(self, text: str) -> None:
        """Something that a person should know, and that is no error."""


class _Lines(Phase):
    def __init__(self, display: "Plain", name: str, total_bytes: int, *, in_bytes: bool = True) -> None:
        self._display, self._name, self._total_bytes = display, name, total_bytes
        self._of = f" of {decimal(total_bytes)}" if in_bytes else ""
        self._said = time.monotonic()
        self._done_bytes = 0

    def at(self, done_bytes: int, more: str = "") -> None:
        self._done_bytes = done_bytes
        if time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            self._say(more)

    def end(self, more: str = "") -> None:
        self._say(more)

    def _say(self, more: str) -> None:
        percent = 100 * self._done_bytes // self._total_bytes if self._total_bytes else 100
        said = f"{self._name}: {percent}%{self._of}"
        self._display.note(f"{said}, {more}" if more else said)


class Plain(Quiet):
    """For logs and pipes."""

    @contextmanager
    def phase(self, name: str, total_bytes: int) -> Iterator[Phase]:
        yield _Lines(self, name, total_bytes)

    @contextmanager
    def share(self, name: str) -> Iterator[Phase]:
        yield _Lines(self, name, SHARE_TOTAL, in_bytes=False)

    def note(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


class _Bar(Phase):
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def at(self, done_bytes: int, more: str = "") -> None:
        self._progress.update(self._task, completed=done_bytes)
        self.end(more)

    def end(self, more: str = "") -> None:
        if more:
            self._progress.update(self._task, more=escape(more))


class Bars(Quiet):
    """For people."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def phase(self, name: str, total_bytes: int) -> Iterator[Phase]:
        with Progress(*_COLUMNS, console=self._console) as progress:
            yield _Bar(progress, progress.add_task(f"{escape(name):<8}", total=total_bytes, more=""))

    @contextmanager
    def share(self, name: str) -> Iterator[Phase]:
        columns = [column for column in _COLUMNS if not isinstance(column, DownloadColumn | TransferSpeedColumn)]
        with Progress(*columns, console=self._console) as progress:
            yield _Bar(progress, progress.add_task(f"{escape(name):<8}", total=SHARE_TOTAL, more=""))

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)


def display_for(*, is_quiet: bool) -> Quiet:
    """By what standard error is."""
    console = Console(stderr=True)
    if is_quiet:
        return Quiet()
    return Bars(console) if console.is_terminal else Plain()
