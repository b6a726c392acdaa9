"""How an answer is written on standard output: a table for people, JSON or CSV for programs.

A table fits the terminal: it drops its least important columns, then shortens its texts. In a pipe or a file nothing is dropped or shortened.
"""

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Final

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from client.questions import cells

Row = dict[str, Any]

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Write CSV.")]

_GAP: Final = 2
_LEAST_TEXT: Final = 12
_PIPE_WIDTH: Final = 10_000


class Format(Enum):
    """For whom an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. `rank`: 0 is always shown; of the others those with the highest rank are dropped first."""

    name: str
    text: Callable[[Row], str]
    rank: int = 0
    right: bool = True
    # May be shortened down to some characters.
    shrinks: bool = False
    style: str = ""


def format_of(as_json: bool, as_csv: bool) -> Format:
    """BadParameter for both."""
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    return Format.JSON if as_json else Format.CSV if as_csv else Format.TABLE


def console() -> Console:
    """Standard output. As wide as it must be where nobody sees it at once."""
    found = Console(highlight=False)
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = _PIPE_WIDTH
    return found


def write_json(value: Any) -> None:
    """One JSON value and a line feed."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


def write_csv(rows: Iterable[Row], names: Sequence[str]) -> None:
    """A head and the rows, as RFC 4180 says but with plain line feeds."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([cells.plain(row.get(name)) for name in names] for row in rows)


def table(rows: Sequence[Row], columns: Sequence[Column], width: int, total: Row | None = None) -> Table:
    """The rows in as many columns as fit, and the total below a line."""
    texts = {column.name: [column.text(row) for row in rows] + ([column.text(total)] if total else []) for column in columns}
    widths = {name: max([cell_len(name), *map(cell_len, values)]) for name, values in texts.items()}
    kept = list(columns)

    def needed() -> int:
        return sum(min(widths[each.name], _LEAST_TEXT) if each.shrinks else widths[each.name] for each in kept) + _GAP * (len(kept) - 1)

    while needed() > width and (least := max(kept, key=lambda each: each.rank)).rank:
        kept.remove(least)
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP, 0, 0), collapse_padding=True)
    for column in kept:
        made.add_column(
            column.name,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            style=column.style,
            min_width=None if column.shrinks else widths[column.name],
        )
    for index in range(len(rows)):
        made.add_row(*(Text(texts[column.name][index]) for column in kept))
    if total:
        made.add_section()
        made.add_row(*(Text(texts[column.name][-1]) for column in kept), style="bold")
    return made
