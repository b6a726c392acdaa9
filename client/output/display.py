"""Progress on standard error: bars on a terminal, a line every few seconds elsewhere, or nothing."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

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

from client.output.console import Console

LINE_SECONDS: Final = 5.0
SHARE_TOTAL: Final = 10_000


class Phase:
    """The progress of one phase, in bytes. This one shows nothing."""

    def at(self, done_bytes: int, more: str = "") -> None:
        """Sets the progress, and a text beside it."""

    def end(self, more: str = "") -> None:
        """The phase has ended, completed or not."""


class Quiet:
    """Shows neither progress nor notes."""

    @contextmanager
    def phase(self, name: str, total_bytes: int) -> Iterator[Phase]:  # noqa: ARG002  not shown
        """Starts a phase with a known number of bytes."""
        yield Phase()

    @contextmanager
    def share(self, name: str) -> Iterator[Phase]:  # noqa: ARG002  not shown
        """Starts a phase with only a known share; SHARE_TOTAL is the whole."""
        yield Phase()

    def note(self, text: str) -> None:
        """A message for a person that is not an error."""


class _Lines(Phase):
    def __init__(self, display: "Plain", name: str, total_bytes: int, *, in_bytes: bool = True) -> None:
        self._display, self._name, self._total_bytes = display, name, total_bytes
        self._of = f" of {decimal(total_bytes)}" if in_bytes else ""
        self._written_at = time.monotonic()
        self._done_bytes = 0

    def at(self, done_bytes: int, more: str = "") -> None:
        self._done_bytes = done_bytes
        if time.monotonic() - self._written_at >= LINE_SECONDS:
            self._written_at = time.monotonic()
            self._write(more)

    def end(self, more: str = "") -> None:
        self._write(more)

    def _write(self, more: str) -> None:
        percent = 100 * self._done_bytes // self._total_bytes if self._total_bytes else 100
        text = f"{self._name}: {percent}%{self._of}"
        self._display.note(f"{text}, {more}" if more else text)


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
        with _progress(self._console, in_bytes=True) as progress:
            yield _Bar(progress, progress.add_task(f"{escape(name):<8}", total=total_bytes, more=""))

    @contextmanager
    def share(self, name: str) -> Iterator[Phase]:
        with _progress(self._console, in_bytes=False) as progress:
            yield _Bar(progress, progress.add_task(f"{escape(name):<8}", total=SHARE_TOTAL, more=""))

    def note(self, text: str) -> None:
        self._console.print(text)


def _progress(console: Console, *, in_bytes: bool) -> Progress:
    """Bars that, with about 15 characters of text, fit into a terminal of 80 columns."""
    rates = (DownloadColumn(), TransferSpeedColumn()) if in_bytes else ()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        TaskProgressColumn(),
        *rates,
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[more]}"),
        console=console,
    )


def display_for(*, is_quiet: bool) -> Quiet:
    """Bars if standard error is a terminal, else lines."""
    console = Console(is_error=True)
    if is_quiet:
        return Quiet()
    return Bars(console) if console.is_terminal else Plain()
