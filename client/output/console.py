"""Coloured text and tables on the terminal: rich's console, in which only rich itself can give orders to the terminal."""

import os
from collections.abc import Iterable
from typing import Any, Final

import rich.console
from rich.console import ConsoleOptions, PagerContext, RenderableType
from rich.padding import Padding
from rich.pager import Pager
from rich.segment import Segment
from rich.text import Text

from client.output import terminal

_PIPE_WIDTH: Final = 10_000


class Console(rich.console.Console):  # noqa: TID251
    """Every text is cleaned where it is laid out, and again where it is written. Nothing in it is markup, an emoji or a link."""

    def __init__(self, *, is_error: bool = False, **options: Any) -> None:
        super().__init__(file=terminal.unguarded(is_error=is_error), markup=False, emoji=False, highlight=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The parts of what is shown. Those that rich makes to move the cursor are `control`; all others are texts."""
        for segment in super().render(_clean(renderable), options):
            text, style, control = segment
            if control:
                yield segment
            else:
                yield Segment(terminal.cleaned(text), style.update_link(None) if style is not None and style.link else style)

    def pager(self, pager: Pager | None = None, styles: bool = False, links: bool = False) -> PagerContext:
        """What is shown within it is clean when the pager gets it."""
        return super().pager(pager or _CleanPager(), styles, links)


class _CleanPager(Pager):
    def show(self, content: str) -> None:
        # Only a pager needs it; the import would cost every command some milliseconds.
        import pydoc  # noqa: PLC0415

        with terminal.without_guard():
            pydoc.pager(content)


def _clean(renderable: RenderableType) -> RenderableType:
    """Before it is laid out, so that it is as wide as it seems."""
    if isinstance(renderable, Text) and (plain := terminal.cleaned(renderable.plain)) != renderable.plain:
        renderable = renderable.copy()
        renderable.plain = plain
    return renderable


def indented(text: Text, columns: int) -> Padding:
    """The text behind so many blanks. No blanks follow it: a pipe is very wide."""
    return Padding(text, (0, 0, 0, columns), expand=False)


def console(*, most: int | None = None) -> Console:
    """Standard output with at most this width. In a pipe or a file a table is as wide as it must be."""
    found = Console()
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = _PIPE_WIDTH
    if most is not None:
        found.width = min(found.width, most)
    return found
