"""Texts of others are read on the terminal, never obeyed: the streams, JSON and CSV, and rich's console."""

import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import typer
from rich.console import Console as RichConsole
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from client.output import terminal
from client.output.console import Console, Indented
from client.questions.output import write_csv

OSC = "\x1b]0;title\x07"
UNSAFE = [
    chr(each) for each in (*range(9), *range(11, 32), *range(127, 160), 0x61C, 0x200E, 0x200F, 0x2028, 0x2029, *range(0x202A, 0x202F))
]
UNSAFE += [chr(each) for each in (*range(0x2066, 0x206A), 0xD800, 0xDFFF)]


class Screen(io.TextIOWrapper):
    """A stream in memory that is or is not a terminal."""

    def __init__(self, *, is_terminal: bool = True) -> None:
        super().__init__(io.BytesIO(), "utf-8", write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    @property
    def shown(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


@contextmanager
def guarded(screen: Screen) -> Iterator[Screen]:
    """Standard output and standard error are this stream, and guarded. pytest sets its own before each test, so no fixture could."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm-256color")
        patch.delenv("NO_COLOR", raising=False)
        patch.delenv("COLUMNS", raising=False)
        # Without a terminal for input no pager is started.
        patch.setattr(sys, "stdin", io.StringIO())
        patch.setattr(sys, "stdout", screen)
        patch.setattr(sys, "stderr", screen)
        terminal.guard()
        yield screen


@pytest.mark.parametrize("character", UNSAFE, ids=[f"U+{ord(each):04X}" for each in UNSAFE])
def test_a_character_that_a_terminal_obeys_becomes_a_sign_of_the_same_width(character: str) -> None:
    assert terminal.cleaned(f"a{character}b") == "a\ufffdb"


@pytest.mark.parametrize("text", ["line\n\tline", "café 日本語 👩‍👩‍👧 – “x” שלום"])
def test_what_people_write_stays(text: str) -> None:
    assert terminal.cleaned(text) == text


def test_a_text_on_one_line_has_no_line_feeds_and_no_orders() -> None:
    assert terminal.one_line(f"a\n\tb{OSC}c") == "a b ]0;title c"


def test_all_ways_of_printing_are_guarded() -> None:
    with guarded(Screen()) as screen:
        print(OSC)
        sys.stdout.write(OSC)
        sys.stdout.writelines([OSC])
        typer.echo(OSC)
        typer.echo(OSC, err=True)
        typer.secho(OSC)
        RichConsole().print(OSC)
        RichConsole(stderr=True).print(Text(OSC))

        # Rich colours the number, as Typer does in its help.
        shown = re.sub(r"\x1b\[[0-9;]*m", "", screen.shown)
        assert "\x1b" not in shown
        assert shown.count("]0;title") == 8


def test_a_guarded_stream_takes_no_bytes() -> None:
    with guarded(Screen()):
        assert not hasattr(sys.stdout, "buffer")
        assert (sys.stdout.isatty(), sys.stdout.encoding) == (True, "utf-8")


def test_a_guard_is_put_once_around_a_stream() -> None:
    with guarded(Screen()):
        before = sys.stdout
        terminal.guard()
        assert sys.stdout is before


def test_colours_of_rich_stay_and_those_of_others_do_not() -> None:
    with guarded(Screen()) as screen:
        table = Table()
        table.add_column("x\x9b31m")
        table.add_row(Text("\x1b[8mhidden\x1b[0m", style="red"))
        console = Console()

        console.print(table)
        console.print(Panel("\x1b[31mred"), style="bold")
        console.print("[red]no markup[/red] :smile: [link=file:///etc/passwd]x[/link]")
        console.print(Text("link", style="link file:///etc/passwd"))

        assert "\x1b[31m" in screen.shown.split("hidden")[0]
        assert "\x1b[8m" not in screen.shown
        assert "\ufffd[8mhidden" in screen.shown
        assert "\ufffd[31mred" in screen.shown
        assert "[red]no markup[/red] :smile:" in screen.shown
        assert "\x1b]8" not in screen.shown


def test_a_pager_gets_clean_text_and_its_colours() -> None:
    with guarded(Screen()) as screen:
        console = Console()

        with console.pager(styles=True):
            console.print(Text(OSC, style="red"))

        # Rich itself leaves the bell out.
        assert screen.shown == "\x1b[31m\ufffd]0;title\x1b[0m\n"
        assert not hasattr(sys.stdout, "buffer")


def test_json_is_the_same_value_on_a_terminal_and_as_it_is_in_a_pipe() -> None:
    with guarded(Screen()) as screen:
        value = {"title": f"é{OSC}\u202e\x7f\x85\ud800"}
        terminal.write_json(value)
        assert json.loads(screen.shown) == value
        assert "é" in screen.shown
        assert terminal.cleaned(screen.shown) == screen.shown


def test_json_and_csv_are_unchanged_in_a_pipe() -> None:
    with guarded(Screen(is_terminal=False)) as screen:
        terminal.write_json({"title": "\u202e\x7f"})
        write_csv([{"title": f"{OSC}\u202e"}], ["title"])
        assert screen.shown == f'{{"title": "\u202e\x7f"}}\ntitle\n{OSC}\u202e\n'


def test_csv_is_clean_on_a_terminal() -> None:
    with guarded(Screen()) as screen:
        write_csv([{"title": f"a{OSC}"}], ["title"])
        assert screen.shown == "title\na\ufffd]0;title\ufffd\n"


def test_a_long_word_that_is_broken_off_fills_no_line_with_blanks() -> None:
    out = Console(width=40)
    with out.capture() as captured:
        out.print(Indented(Text(f"› {'x' * 60}\n\x1b"), 14))

    assert (
        captured.get()
        == f"{' ' * 14}› \n{' ' * 14}{'x' * 26}\n{' ' * 14}{'x' * 26}\n{' ' * 14}{'x' * 8}\n{' ' * 14}{terminal.SHOWN_INSTEAD}\n"
    )
