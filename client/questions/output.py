"""How an answer is written on standard output: a table for people, JSON or CSV for programs.

A table fits the terminal: it drops its least important columns, then shortens its texts. In a pipe or a file nothing is dropped or shortened.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from types import SimpleNamespace
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from client.options import AsJson
from client.output.terminal import cleaned, write_data
from client.questions import cells
from shared import quantities

Row = dict[str, Any]

# Two of padding, one of the box.
_GAP: Final = 3
_LEAST_TEXT: Final = 12
_SPACES: Final = str.maketrans("\n\t", "  ")


class Format(Enum):
    """The form of an answer: for people, or for programs."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `rank`: 0 is always shown; the columns with the highest rank are dropped first.

    A `text` of None is shown as a dash: a key without the scope `read` gets null for each text that it may not see.
    """

    name: str
    text: Callable[[Row], str | None]
    rank: int = 0
    right: bool = True
    # Other columns are dropped before this text is shortened below this many characters; None: it is never shortened.
    least: int | None = None
    # Shortened in the middle, because the end tells values apart.
    keeps_end: bool = False
    style: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """The form that a person or a program asks for."""

    as_json: AsJson = False
    as_csv: Annotated[bool, typer.Option("--csv", help="Write the result as CSV.")] = False

    @property
    def format(self) -> Format:
        """BadParameter for both."""
        if self.as_json and self.as_csv:
            raise typer.BadParameter("--json and --csv exclude each other")
        return Format.JSON if self.as_json else Format.CSV if self.as_csv else Format.TABLE


def write_csv(rows: Iterable[Row], names: Sequence[str]) -> None:
    """A head and the rows, in the form of RFC 4180 but with plain line feeds."""
    writer = csv.writer(SimpleNamespace(write=write_data), lineterminator="\n")
    writer.writerow(names)
    writer.writerows([cells.plain(row.get(name)) for name in names] for row in rows)


def table(rows: Sequence[Row], columns: Sequence[Column], width: int, total: Row | None = None) -> Table:
    """The rows in as many columns as fit, and the total below a line."""
    shown = [*rows, total] if total else rows
    texts = {column: [quantities.UNKNOWN if (text := column.text(row)) is None else _shown(text) for row in shown] for column in columns}
    widths = {column: max([cell_len(column.name), *map(cell_len, values)]) for column, values in texts.items()}
    kept = list(columns)

    def needed() -> int:
        least_widths = (widths[each] if each.least is None else min(widths[each], max(each.least, cell_len(each.name))) for each in kept)
        return sum(least_widths) + _GAP * (len(kept) - 1)

    while needed() > width and (last := max(kept, key=lambda each: each.rank)).rank:
        kept.remove(last)
    _shorten(kept, widths, width)
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0), collapse_padding=True)
    for column in kept:
        made.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            style=column.style,
            width=widths[column],
        )
    for index in range(len(rows)):
        made.add_row(*(_cell(texts[column][index], column, widths[column]) for column in kept))
    if total:
        made.add_section()
        made.add_row(*(Text(texts[column][-1]) for column in kept), style="bold")
    return made


def _shown(text: str) -> str:
    """In a cell, where a line feed would begin a row."""
    return cleaned(text.translate(_SPACES))


def _shorten(kept: Sequence[Column], widths: dict[Column, int], width: int) -> None:
    """Shortens the widest text, one character at a time, until the row fits."""
    excess = sum(widths[column] for column in kept) + _GAP * (len(kept) - 1) - width
    while excess > 0:
        can_shrink = [
            each for each in kept if each.least is not None and widths[each] > max(min(each.least, _LEAST_TEXT), cell_len(each.name))
        ]
        if not can_shrink:
            return
        widths[max(can_shrink, key=lambda column: widths[column])] -= 1
        excess -= 1


def _cell(text: str, column: Column, width: int) -> Text:
    """The text, cut in its middle if the column keeps the end; rich cuts the others at the end."""
    if not column.keeps_end or cell_len(text) <= width:
        return Text(text)
    start = (width - 1) // 3
    return Text(f"{text[:start]}…{text[len(text) - (width - 1 - start) :]}")
