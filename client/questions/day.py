"""`tracker day`: what was done on a day, in order, by project, with what was asked and what came of it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from client.errors import Failure
from client.options import AsJson, At
from client.output.console import Console, Indented, console
from client.output.local_time import local_zone, today_in
from client.output.terminal import one_line, write_json
from client.phrases import command
from client.questions import cells
from client.questions.filters import Filters
from client.questions.lists import unpriced_note
from client.questions.lookup import Item, get, label_rows, short_session_id
from client.questions.outcome import failures, made
from client.questions.output import Column, table
from client.questions.period import Zone, named_day
from shared import quantities
from shared.quantities import counted, day_text

_MOST_ASKS: Final = 3
_ASK_CHARACTERS: Final = 160
_INDENT: Final = 14


def day(
    name: Annotated[
        str, typer.Argument(metavar="DAY", help="2026-02-16, today, yesterday, or the last one of a weekday: tuesday.")
    ] = "today",
    standup: Annotated[bool, typer.Option("--standup", help="Write a short text to paste, made by rules.")] = False,
    chosen: Filters = Filters(),
    tz: Zone = None,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Shows what was done on a day, in order.

    It has each session in which something happened on the day, with that day's time, cost, prompts and files, and the commits and pull requests.
    """
    if standup and as_json:
        raise typer.BadParameter("--standup and --json exclude each other; the JSON has the text, too")
    zone = local_zone(tz)
    of_day = named_day(name, today_in(zone))
    if of_day is None:
        raise typer.BadParameter(f"{name!r} is not a day; it should look like 2026-02-16, yesterday or tuesday", param_hint="DAY")
    server = at.server()
    found = get(server, f"/api/days/{of_day.isoformat()}", chosen.of(server) | {"tz": zone})
    if as_json:
        write_json(found)
    elif not standup:
        label_rows(server, [*found["projects"], *found["sessions"]])
        _write(console(), of_day, zone, found)
    elif found["standup"] is None:
        raise Failure("This key sees only numbers: --standup needs a key with the scope read.")
    else:
        console().print(Text(found["standup"]), soft_wrap=True)


def _write(out: Console, chosen: date, zone: str, found: Item) -> None:
    out.print(Text(f"{day_text(chosen)} ({zone})", style="bold"))
    if not found["sessions"] and not found["projects"]:
        out.print("Nothing happened.")
    else:
        out.print()
        out.print(_headline(found["totals"]))
        if len(found["projects"]) > 1:
            out.print()
            out.print(table(found["projects"], _PROJECT_COLUMNS, out.width))
        names = [name for name in ("project_name", "user") if len({session[name] for session in found["sessions"]}) > 1]
        for session in found["sessions"]:
            out.print()
            _write_session(out, session, zone, names)
        if left_out := found["sessions_left_out"]:
            out.print()
            out.print(f"{counted(left_out, 'more session')}; --project or --user shows fewer.")
        if note := unpriced_note(found["totals"]):
            out.print()
            out.print(Text(note, style="dim"))
    out.print()
    for line in _neighbours(chosen, zone):
        out.print(Text(line, style="dim"))


def _headline(totals: Item) -> Text:
    parts = (
        f"{quantities.minutes(totals['active_minutes'])} active",
        f"{cells.usd(totals['cost_usd'], totals['unpriced_calls'])}",
        f"{counted(totals['active_sessions'], 'session')}, {totals['sessions']:,} started",
        counted(totals["user_messages"], "prompt"),
        _files(totals),
        f"{counted(totals['tool_calls'], 'tool call')}, {totals['tool_errors']:,} failed",
    )
    return Text(" · ".join(parts), style="cyan")


_PROJECT_COLUMNS: Final = (
    Column("Project", lambda row: row["project_name"] or ("" if row["project_id"] is None else None), right=False, least=12),
    Column("Active", lambda row: quantities.minutes(row["active_minutes"])),
    Column("Sessions", lambda row: cells.count(row["active_sessions"])),
    Column("Prompts", lambda row: cells.count(row["user_messages"]), rank=2),
    Column("Files", lambda row: cells.count(row["files_modified"]), rank=3),
    Column("Lines", lambda row: cells.lines(row["lines_added"], row["lines_removed"]), rank=1),
    Column("Cost", lambda row: cells.usd(row["cost_usd"], row["unpriced_calls"])),
)


def _write_session(out: Console, session: Item, zone: str, names: list[str]) -> None:
    """`names`: the fields that tell it from others, as far as sessions differ in them."""
    head = Text(f"{_clock(session['first_at'], zone)}–{_clock(session['last_at'], zone)}".ljust(_INDENT - 1))
    head.append(" ")
    for name in names:
        if session[name]:
            head.append(f"{one_line(session[name])}  ", style="magenta")
    head.append(one_line(session["title"] or "Without a title"), style="bold")
    if session["session_id"]:
        head.append(f"  {short_session_id(session['session_id'])}", style="dim")
    out.print(head, overflow="fold")
    for line in (Text(" · ".join(_numbers(session, zone)), style="cyan"), *_asks(session), *_outcomes(session)):
        out.print(Indented(line, _INDENT))


def _numbers(session: Item, zone: str) -> Iterator[str]:
    share = session["share"]
    yield quantities.minutes(share["active_minutes"])
    yield cells.usd(share["cost_usd"], share["unpriced_calls"])
    yield counted(share["user_messages"], "prompt")
    if share["files_modified"]:
        yield _files(share)
    if share["tool_errors"]:
        yield f"{counted(share['tool_errors'], 'call')} failed"
    if session["began_before"] and session["start_time"]:
        yield f"began {day_text(datetime.fromisoformat(session['start_time']).astimezone(ZoneInfo(zone)).date(), with_year=False)}"
    if session["goes_on"]:
        yield "goes on later"


def _files(sums: Item) -> str:
    lines = f" {cells.lines(sums['lines_added'], sums['lines_removed'])}" if sums["files_modified"] else ""
    return f"{counted(sums['files_modified'], 'file')}{lines}"


def _asks(session: Item) -> Iterator[Text]:
    shown = session["asks"][:_MOST_ASKS]
    for ask in shown:
        yield Text(f"› {cells.cut(one_line(ask['text'] or ''), _ASK_CHARACTERS)}")
    if (more := session["share"]["user_messages"] - len(shown)) > 0 and shown:
        yield Text(f"  {counted(more, 'more prompt')}", style="dim")


def _outcomes(session: Item) -> Iterator[Text]:
    yield from made(session)
    for line in failures(session):
        yield Text("✗ ", style="red").append(line, style="default")


def _clock(time: str, zone: str) -> str:
    return f"{datetime.fromisoformat(time).astimezone(ZoneInfo(zone)):%H:%M}"


def _neighbours(chosen: date, zone: str) -> Iterator[str]:
    yield f"Day before: {command()} day {chosen - timedelta(days=1)}"
    if chosen < today_in(zone):
        yield f"Day after:  {command()} day {chosen + timedelta(days=1)}"
