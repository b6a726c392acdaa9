"""Coloured text and tables on the terminal: rich's console, in which only rich itself can give orders to the terminal."""

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final, cast

import rich.console
from rich.console import ConsoleOptions, PagerContext, RenderableType
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
        """The text shown within it is clean when the pager gets it."""
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


@dataclass(frozen=True)
class Indented:
    """The text behind so many blanks. No line is filled up with blanks, as rich's Padding does when a long word is broken off."""

    text: Text
    columns: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        text = cast(Text, _clean(self.text))
        for line in text.wrap(console, max(1, options.max_width - self.columns)):
            yield Text(" " * self.columns).append_text(line)


def console(*, most: int | None = None) -> Console:
    """Standard output with at most this width. In a pipe or a file a table is as wide as it must be."""
    found = Console()
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = _PIPE_WIDTH
    if most is not None:
        found.width = min(found.width, most)
    return found


def paged(out: Console) -> AbstractContextManager[Any]:
    """Shows in a pager what is printed within it, if that goes to a terminal."""
    # `less` shows colours, ends at once if all fits on a page, and leaves the text on the screen.
    os.environ.setdefault("LESS", "-RFX")
    return out.pager(styles=out.color_system is not None) if out.is_terminal else nullcontext()
