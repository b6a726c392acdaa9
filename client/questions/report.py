"""`tracker report`: where the day, the week or the month went."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from client.errors import Refused
from client.http.server import Server
from client.options import At
from client.output.console import Console, console
from client.output.terminal import write_json
from client.phrases import command
from client.questions import cells
from client.questions.compare import write_comparison
from client.questions.filters import Filters
from client.questions.lists import check_shown, dimensions_of, tool_columns, unpriced_note
from client.questions.lookup import FORBIDDEN, Item, dropped_note, get, kept_field, label_rows, pages
from client.questions.output import Column, Format, Output, table, write_csv
from client.questions.period import Days, Period
from shared import quantities
from shared.quantities import WEEKDAYS, counted, day_text, plural

MEASURES: Final = (
    "sessions", "active_sessions", "active_minutes", "messages", "tool_calls", "tool_errors", "lines_added", "lines_removed", "input_tokens", "output_tokens",
    "cache_creation_tokens", "cache_read_tokens", "total_tokens", "api_calls", "unpriced_calls", "cost_usd",
    "cache_saved_usd",
)  # fmt: skip
_BAR_WIDTH: Final = 16


@dataclass(frozen=True, slots=True)
class Dimension:
    """The dimension of a report's rows. `keys`: the fields that name a row, the last one for people."""

    title: str
    keys: tuple[str, ...]


DIMENSIONS: Final = {
    "day": Dimension("Day", ("day",)),
    "week": Dimension("Week of", ("week",)),
    "month": Dimension("Month", ("month",)),
    "project": Dimension("Project", ("project_id", "project_name")),
    "group": Dimension("Group", ("group",)),
    "repository": Dimension("Repository", ("repository",)),
    "user": Dimension("User", ("user",)),
    "session": Dimension("Session", ("session_id", "session_title")),
    "branch": Dimension("Branch", ("branch",)),
    "machine": Dimension("Machine", ("machine_id", "machine")),
    "model": Dimension("Model", ("model",)),
    "tool": Dimension("Tool", ("tool_name",)),
}


def report(
    week: Annotated[bool, typer.Option("--week", help="This week, from Monday on.")] = False,
    month: Annotated[bool, typer.Option("--month", help="This month.")] = False,
    last_week: Annotated[bool, typer.Option("--last-week", help="The week before this one.")] = False,
    last_month: Annotated[bool, typer.Option("--last-month", help="The month before this one.")] = False,
    days: Days = Days(),
    by: Annotated[
        list[str] | None,
        typer.Option("--by", metavar="|".join(DIMENSIONS), help="One row for each of them; twice, or with a comma: of both."),
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Beside the period before: of a month the month, else as many days.")] = False,
    compare_with: Annotated[
        str | None, typer.Option("--compare-with", metavar="START..END", help="Beside other days, such as 2026-01-01..2026-01-31.")
    ] = None,
    chosen: Filters = Filters(),
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Shows where the time and the money went, today by default.

    --week, --month, --last-week, --last-month, --since and --until choose other days. It has time, messages, lines, tool calls, tokens and cost.
    """
    wanted = form.format
    period = days.period(week=week, month=month, last_week=last_week, last_month=last_month, default_days=1)
    if compare or compare_with is not None:
        server = at.server()
        write_comparison(server, period, compare_with, by, chosen.of(server), wanted)
        return
    rows_by = dimensions_of(by or [_usual(period)], DIMENSIONS)
    names = [*(key for each in rows_by for key in DIMENSIONS[each].keys), *kept_field(rows_by)]
    server = at.server()
    filters = chosen.of(server) | period.parameters()
    answer = _answer(server, rows_by, filters)
    items = answer["items"]
    for each in rows_by:
        check_shown(server, each, DIMENSIONS[each].keys[0], items)
    if wanted is Format.CSV:
        write_csv(items, (*names, *(TOOL_MEASURES if "tool" in rows_by else MEASURES)))
        return
    stats = get(server, "/api/stats", filters | {"interval": "hour" if period.first == period.last else "day"})
    if wanted is Format.JSON:
        write_json({"range": stats["range"], "by": ",".join(rows_by), "totals": stats["totals"], "items": items})
        return
    _write(console(), server, period, rows_by, stats, items)
    if "tool" not in rows_by and (note := dropped_note(answer, chosen.machine)):
        console().print(Text(note, style="dim"))


TOOL_MEASURES: Final = (
    "calls",
    "success",
    "errors",
    "rejected",
    "cancelled",
    "pending",
    "error_rate",
    "measured_calls",
    "estimated_calls",
    "avg_ms",
    "p50_ms",
    "p95_ms",
    "p99_ms",
    "max_ms",
    "last_used",
)


def _usual(period: Period) -> str:
    """The default dimension of a report: project for one day, day for more."""
    return "project" if period.first is not None and period.first == period.last else "day"


def _answer(server: Server, by: Sequence[str], filters: Item) -> Item:
    """With the rows in which anything happened as `items`."""
    if "tool" in by:
        return {"items": get(server, "/api/tool-calls/stats", filters)["tools"]}
    answer: Item = get(server, "/api/usage", filters | {"group_by": ",".join(by)})
    return answer | {"items": [row for row in answer["items"] if any(row.get(name) for name in MEASURES)]}


def _write(out: Console, server: Server, period: Period, by: Sequence[str], stats: Item, items: list[Item]) -> None:
    label_rows(server, items)
    totals = stats["totals"]
    out.print(Text(period.title(), style="bold"))
    if not items and not any(totals.get(name) for name in MEASURES):
        # Not wrapped, so that the command in it can be copied.
        out.print(_nothing(server, period), soft_wrap=True)
        return
    out.print()
    out.print(_headline(totals, out.width))
    out.print()
    columns = tool_columns(period.zone, items) if "tool" in by else _columns(by, items)
    out.print(table(items, columns, out.width))
    for line in _drawings(stats, period):
        out.print()
        out.print(line)
    if note := unpriced_note(totals):
        out.print()
        out.print(Text(note, style="dim"))


def _nothing(server: Server, period: Period) -> str:
    """A sentence with the command that shows the newest sessions, if the key may see them."""
    try:
        newest = next(pages(server, "/api/sessions", {}, 1), None)
    except Refused as error:
        if error.status == FORBIDDEN:
            return "Nothing happened."
        raise
    if newest is None:
        return f"The tracker has no sessions yet; `{command()} import` brings Claude Code's history."
    at = datetime.fromisoformat(newest["start_time"]).astimezone(ZoneInfo(period.zone)).date()
    return f"Nothing happened. The newest session is from {day_text(at)}: {command()} report --since {at.isoformat()}"


def _headline(totals: Item, width: int) -> Table:
    """The sums, as many side by side as fit."""
    sessions = totals["active_sessions"]
    tokens = sum(totals[name] or 0 for name in ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens"))
    figures = (
        (quantities.minutes(totals["active_minutes"]), "active"),
        (cells.usd(totals["cost_usd"], totals["unpriced_calls"]), "cost"),
        (cells.large(tokens), "tokens"),
        (cells.count(sessions), f"{plural(sessions, 'session')}, {totals['sessions']:,} started"),
        (cells.count(totals["messages"]), f"{plural(totals['messages'], 'message')}, {counted(totals['user_messages'], 'prompt')}"),
        (cells.lines(totals["lines_added"], totals["lines_removed"]), "lines"),
        (cells.count(totals["tool_calls"]), f"{plural(totals['tool_calls'], 'tool call')}, {totals['tool_errors']:,} failed"),
    )
    across = 4 if width >= 96 else 2 if width >= 50 else 1
    grid = Table.grid(padding=(0, 3, 0, 0))
    for start in range(0, len(figures), across):
        texts = [
            Text(number, style="bold cyan").append(f" {name}", style="not bold default") for number, name in figures[start : start + across]
        ]
        grid.add_row(*texts)
    return grid


def _columns(by: Sequence[str], items: Sequence[Item]) -> tuple[Column, ...]:
    has_time = any("active_minutes" in row for row in items)
    names = tuple(map(_name_column, by))
    tokens = (
        Column("Tokens", lambda row: cells.large(row["total_tokens"]), rank=2),
        Column("Cost", lambda row: cells.usd(row["cost_usd"], row["unpriced_calls"])),
    )
    if not has_time:
        most = max((row["cost_usd"] or 0 for row in items), default=0)
        calls = Column("API calls", lambda row: cells.count(row["api_calls"]), rank=1)
        return (
            *names,
            calls,
            *tokens,
            Column("", lambda row: cells.bar(row["cost_usd"], most, _BAR_WIDTH), rank=3, right=False, style="cyan"),
        )
    most = max((row["active_minutes"] or 0 for row in items), default=0)
    return (
        *names,
        Column("Active", lambda row: quantities.minutes(row["active_minutes"])),
        Column("", lambda row: cells.bar(row["active_minutes"], most, _BAR_WIDTH), rank=6, right=False, style="cyan"),
        Column("Sessions", lambda row: cells.count(row.get("active_sessions", row["sessions"])), rank=7),
        Column("Messages", lambda row: cells.count(row["messages"]), rank=4),
        Column("Lines", lambda row: cells.lines(row["lines_added"], row["lines_removed"]), rank=3),
        Column("Tools", lambda row: cells.count(row["tool_calls"]), rank=5),
        Column("Failed", lambda row: cells.count(row["tool_errors"]), rank=8),
        *tokens,
    )


def _name_column(by: str) -> Column:
    """The column that says which row it is."""
    is_date = by in ("day", "week", "month")
    return Column(DIMENSIONS[by].title, lambda row: _name(by, row), right=False, least=None if is_date else 12, keeps_end=by == "tool")


def _name(by: str, row: Item) -> str | None:
    value: str | None = row.get(DIMENSIONS[by].keys[-1])
    if by == "session" and row["session_id"]:
        return f"{row['session_id'][:8]}  {value or ''}".rstrip()
    if by in ("day", "week") and value:
        return day_text(date.fromisoformat(value), is_aligned=True)
    return value


def _drawings(stats: Item, period: Period) -> Iterator[Text]:
    """Active time by the hour of a day; of more days by weekday and hour."""
    if period.first == period.last:
        by_hour = [0.0] * 24
        for point in stats["time_series"]:
            by_hour[datetime.fromisoformat(point["start"]).astimezone(ZoneInfo(period.zone)).hour] += point["active_minutes"]
        yield (
            Text()
            .append("By hour  ", style="dim")
            .append("".join(each * 2 for each in cells.sparkline(by_hour)), style="cyan")
            .append("\n")
            .append(f"         {_hours()}", style="dim")
        )
        return
    cells_of = {(cell["weekday"], cell["hour"]): cell["active_minutes"] for cell in stats["heatmap"]}
    if most := max(cells_of.values(), default=0):
        text = Text().append("By weekday and hour\n", style="dim")
        for weekday, label in enumerate(WEEKDAYS):
            text.append(f"{label}  ", style="dim")
            for hour in range(24):
                minutes = cells_of.get((weekday, hour), 0)
                text.append(cells.shade(minutes, most) * 2, style="cyan" if minutes else "dim")
            text.append("\n")
        yield text.append(f"     {_hours()}", style="dim")


def _hours() -> str:
    return "".join(f"{hour:<6}" for hour in range(0, 24, 3)).rstrip()
