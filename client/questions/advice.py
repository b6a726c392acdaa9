"""`tracker advice`: what cost much, and what to do about it."""

from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich.text import Text

from client.options import AsJson, At
from client.output.console import Console, Indented, console
from client.output.terminal import one_line, write_json
from client.questions import cells
from client.questions.filters import Filters
from client.questions.lookup import Item, get, short_session_id
from client.questions.output import Column, table
from client.questions.period import Days, Period
from shared import quantities
from shared.quantities import counted, plural

_MOST_CHARACTERS: Final = 200
_TITLE_CHARACTERS: Final = 80
_DEFAULT_DAYS: Final = 30


def show_advice(
    chosen: Filters = Filters(),
    days: Days = Days(),
    model: Annotated[str | None, typer.Option("--model", metavar="MODEL", help="Only sessions of this model.")] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="DATE", help="Compare the work before this day with the work from it on: 2026-02-16.")
    ] = None,
    lines: Annotated[int, typer.Option("--lines", metavar="COUNT", min=1, max=100, help="Most lines of each kind.")] = 3,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Shows what cost much, and what to do about it.

    By rules from what is stored, the dearest first: pauses, failures, retries, files read again, permissions. Default: the last 30 days.
    """
    period = days.period(default_days=_DEFAULT_DAYS)
    server = at.server()
    found = get(server, "/api/advice", chosen.of(server) | period.parameters() | {"model": model, "split": split, "lines": lines})
    if as_json:
        write_json(found)
    else:
        _write(console(), period, found)


def _write(out: Console, period: Period, found: Item) -> None:
    out.print(Text(period.title(), style="bold"))
    read = f"From {counted(found['sessions'], 'session')}"
    if left_out := found["sessions_left_out"]:
        read += f", the newest; {counted(left_out, 'older one')} {plural(left_out, 'was', 'were')} not read: give a shorter range with --since and --until"
    out.print(Text(f"{read}.", style="dim"))
    if not found["kinds"]:
        out.print()
        out.print(
            "Nothing to advise: no pause outlived the cache, and no command failed again and again."
            if found["sessions"]
            else "Nothing to advise: no session in these days."
        )
    for kind in found["kinds"]:
        out.print()
        _write_kind(out, kind)
    for title, rows in (("By model, of threads with one model", found["models"]), ("Before the day, and from it on", found["split"])):
        if rows:
            out.print()
            out.print(Text(title, style="bold"))
            out.print(table(rows, _MEASURES, out.width))
            out.print(Text("Different work was done, so this proves nothing.", style="dim"))


def _write_kind(out: Console, kind: Item) -> None:
    head = Text(kind["heading"], style="bold")
    head.append(f"  {sum_of(kind)}", style="cyan")
    out.print(head)
    out.print(Indented(Text(kind["act"], style="green"), 2))
    for line in kind["lines"]:
        out.print(Indented(_head(line), 2))
        for text in _details(line):
            out.print(Indented(text, 4))
    if left_out := kind["lines_left_out"]:
        out.print(
            Indented(Text(f"and {counted(left_out, 'more line')}; --lines {len(kind['lines']) + left_out} shows all", style="dim"), 2)
        )
    out.print(Indented(Text(kind["counted"], style="dim"), 2))


def sum_of(kind: Item) -> str:
    """`about $3.20, 14 calls`"""
    amount = counted(int(kind["amount"]), kind["unit"].removesuffix("s"), kind["unit"])
    cost = kind["cost_usd"]
    return amount if cost is None else f"{'about ' if kind['is_estimated'] else ''}{cells.usd(cost)}, {amount}"


def _head(line: Item) -> Text:
    head = Text("• ")
    if line["subject"]:
        head.append(f"{_short(line['subject'])}  ", style="magenta")
    return head.append(line["sentence"])


def _details(line: Item) -> Iterator[Text]:
    if line["failed_command"]:
        yield Text(f"failed: {_short(line['failed_command'])}")
    if line["fix"] and line["fix"] != line["subject"]:
        yield Text(f"{'worked' if line['failed_command'] else 'type'}: {_short(line['fix'])}")
    for session in line["examples"]:
        cost = "" if session["cost_usd"] is None else f"  {cells.usd(session['cost_usd'])}"
        title = cells.cut(one_line(session["title"] or "Without a title"), _TITLE_CHARACTERS)
        yield Text(f"{short_session_id(session['session_id'])}  {title}{cost}", style="dim")
    more = line["sessions"] - len(line["examples"])
    if more:
        yield Text(f"and {counted(more, 'more session')}" if line["examples"] else counted(more, "session"), style="dim")


def _short(text: str) -> str:
    return cells.cut(one_line(text), _MOST_CHARACTERS)


def _share(row: Item, part: str, whole: str) -> str:
    return quantities.percent(row[part] / row[whole] if row[whole] else None)


_MEASURES: Final = (
    Column("", lambda row: row["of"], right=False, least=12),
    Column("Sessions", lambda row: cells.count(row["sessions"]), rank=3),
    Column("Cost", lambda row: cells.usd(row["cost_usd"], row["unpriced_calls"]), rank=2),
    Column("Tool calls", lambda row: cells.count(row["tool_calls"]), rank=1),
    Column("Failed", lambda row: _share(row, "failed_calls", "tool_calls")),
    Column("Edits", lambda row: cells.count(row["edits"])),
    Column("First try", lambda row: _share(row, "first_tries", "edits")),
    Column("Retries", lambda row: cells.count(row["retries"])),
    Column("An edit", lambda row: cells.usd(row["cost_per_edit_usd"])),
)
