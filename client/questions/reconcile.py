"""`tracker reconcile`: why Claude Code's own total differs from the tracker's, of a session or over days."""

from functools import partial
from typing import Annotated, Final
from urllib.parse import quote

import typer
from rich.text import Text

from client.options import At
from client.output.console import Console, Indented, console
from client.output.terminal import one_line, write_json
from client.questions import cells
from client.questions.filters import Filters
from client.questions.lookup import Item, get, session, short_session_id
from client.questions.output import Column, Format, Output, table, write_csv
from client.questions.period import Days, Period
from shared.quantities import counted, plural

# Wider lines are hard to read.
_WIDTH: Final = 100
_TOKENS: Final = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
_SOURCES: Final = {
    "transcript": "The tracker",
    "cost_state": "Claude Code: transcript",
    "telemetry": "Claude Code: telemetry",
    "status_line": "Claude Code: status line",
    "claude_json": "Claude Code: claude.json",
}
_PARTS: Final = ("session_id", "reason", "is_certain", "also_possible", "model", "tokens", "usd", "explanation")
_SESSIONS: Final = ("session_id", "title", "cost_usd", "client_cost_usd", "difference_usd", "reasons")


def reconcile(
    name: Annotated[
        str | None, typer.Argument(metavar="[SESSION]", help="A session's id, or its beginning. Without one: all sessions of the days.")
    ] = None,
    chosen: Filters = Filters(),
    days: Days = Days(),
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Shows why Claude Code's own total differs from the tracker's.

    A session has each source's tokens and cost, and the parts of the difference with their reasons. Without a session it adds these up for all
    that began in the days, of the last 30 by default.
    """
    wanted = form.format
    if name is not None and (days.since, days.until, chosen) != (None, None, Filters()):
        raise typer.BadParameter(
            "a session goes without --since, --until, --project, --group, --repository, --user and --machine", param_hint="SESSION"
        )
    period = days.period(default_days=30)
    server = at.server()
    if name is not None:
        found = get(server, f"/api/sessions/{quote(session(server, name)['session_id'], safe='')}/reconcile")
        if wanted is Format.CSV:
            write_csv([each | {"session_id": found["session_id"]} for each in found["differences"]], _PARTS)
            return
    else:
        found = get(server, "/api/reconcile", chosen.of(server) | period.parameters())
        if wanted is Format.CSV:
            write_csv(found["items"], _SESSIONS)
            return
    if wanted is Format.JSON:
        write_json(found)
    elif name is not None:
        _write_session(console(most=_WIDTH), found)
    else:
        _write_report(console(most=_WIDTH), period, found)


def _write_session(out: Console, found: Item) -> None:
    out.print(_headline(found))
    out.print()
    out.print(table(found["sources"], _COLUMNS_OF_SOURCES, out.width))
    if found["client_cost_usd"] is None:
        out.print("\nClaude Code wrote no total for this session. Versions before 2.1.250 write none, and one that is killed writes none.")
    elif not found["differences"]:
        out.print("\nBoth agree.")
    for part in found["differences"]:
        head = Text(f"\n{_signed(part['usd'])}", style="bold")
        out.print(head.append(f"  {_likely(part)}{_model(part)}", style="default"))
        out.print(Indented(Text(part["explanation"]), 2))
        if part["also_possible"]:
            others = ", ".join(each.replace("_", " ") for each in part["also_possible"])
            out.print(Indented(Text(f"Also possible: {others}.", style="dim"), 2))


def _write_report(out: Console, period: Period, found: Item) -> None:
    out.print(Text(period.title(), style="bold"))
    if not found["compared_sessions"]:
        out.print(f"Claude Code wrote no total for {counted(found['sessions'], 'session')} that began in these days.")
        return
    out.print(_headline(found))
    if others := found["sessions"] - found["compared_sessions"]:
        cost = cells.usd(found["not_compared_usd"])
        out.print(f"{counted(others, 'more session')}, without a total of Claude Code, cost {cost}.")
    for each in found["reasons"]:
        head = Text(f"\n{_signed(each['usd'])}", style="bold")
        out.print(head.append(f"  in {counted(each['sessions'], 'session')}", style="default"))
        out.print(Indented(Text(each["explanation"]), 2))
    if found["items"]:
        out.print()
        out.print(table(found["items"], _COLUMNS_OF_SESSIONS, out.width))


def _headline(found: Item) -> Text:
    if found["client_cost_usd"] is None:
        return Text(f"The tracker counted {_exact(found['cost_usd'])}.")
    return Text(
        f"Claude Code counted {_exact(found['client_cost_usd'])}, the tracker {_exact(found['cost_usd'])}: {_signed(found['difference_usd'])}."
    )


def _likely(part: Item) -> str:
    return "certain" if part["is_certain"] else "not known" if part["reason"] == "unknown" else "likely"


def _model(part: Item) -> str:
    tokens = (
        f"{'+' if part['tokens'] > 0 else '−'}{abs(part['tokens']):,} {plural(part['tokens'], 'token')}"
        if part["tokens"]
        else "same tokens"
    )
    return ", ".join(("", *filter(None, (part["model"] and one_line(part["model"]), tokens))))


def _exact(usd: float | None) -> str | None:
    """To a hundredth of a cent: small sessions differ by less than a cent."""
    return "nothing known" if usd is None else f"${usd:,.4f}"


def _signed(usd: float) -> str:
    return f"{'+' if usd >= 0 else '−'}${abs(usd):,.4f}"


def _count(name: str, row: Item) -> str:
    return "" if row[name] is None else cells.large(row[name])


_COLUMNS_OF_SOURCES: Final = (
    Column("Source", lambda row: _SOURCES.get(row["source"], row["source"]), right=False, least=12),
    Column("Cost", lambda row: _exact(row["cost_usd"])),
    *(
        Column(title, partial(_count, name), rank=rank)
        for name, title, rank in zip(_TOKENS, ("Input", "Output", "Cache writes", "Cache reads"), (2, 1, 3, 4), strict=True)
    ),
)
_COLUMNS_OF_SESSIONS: Final = (
    Column("Session", lambda row: short_session_id(row["session_id"]), right=False),
    Column("Title", lambda row: row["title"], right=False, least=12, rank=2),
    Column("Claude Code", lambda row: _exact(row["client_cost_usd"])),
    Column("Tracker", lambda row: _exact(row["cost_usd"]), rank=1),
    Column("Difference", lambda row: _signed(row["difference_usd"])),
    Column("Reasons", lambda row: ", ".join(each.replace("_", " ") for each in row["reasons"]), right=False, least=12),
)
