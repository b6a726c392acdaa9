"""`tracker report --compare`: a period beside another, and what moved most."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import typer
from rich.text import Text

from client.http.server import Server
from client.output.console import console
from client.output.terminal import write_json
from client.questions import cells
from client.questions.lookup import Item, get, label_rows
from client.questions.output import Column, Format, table, write_csv
from client.questions.period import Period
from shared import quantities
from shared.quantities import day_text

# By what groups are told, and which field names one for a person.
GROUPS: Final = {
    "project": ("Project", "project_name"),
    "user": ("User", "user"),
    "model": ("Model", "model"),
    "branch": ("Branch", "branch"),
    "group": ("Group", "group"),
    "repository": ("Repository", "repository"),
    "machine": ("Machine", "machine"),
    "tool": ("Tool", "tool_name"),
    "error_class": ("Why", "error_class"),
}
_KEYS: Final = {"project": ("project_id", "project_name"), "machine": ("machine_id", "machine", "is_kept"), "branch": ("branch", "is_kept")}
_ROWS: Final = ("measure", "value", "before", "difference")


def write_comparison(
    server: Server, period: Period, compare_with: str | None, by: Sequence[str] | None, filters: Item, wanted: Format
) -> None:
    """The period beside `compare_with`, as START..END, or beside the one before. BadParameter for a `by` that is not one of GROUPS."""
    group = by[0] if by else "project"
    if group not in GROUPS or len(by or ()) > 1:
        raise typer.BadParameter(f"with --compare it is one of {', '.join(GROUPS)}", param_hint="--by")
    period = period.until_today()
    if period.first is None:
        raise typer.BadParameter("it needs a first day to be compared", param_hint="--since")
    asked = filters | period.parameters() | {"group_by": group, "compare": compare_with or "previous"}
    answer = get(server, "/api/compare", asked)
    if wanted is Format.JSON:
        write_json(answer)
        return
    if wanted is Format.CSV:
        write_csv(answer["items"], (*_KEYS.get(group, (GROUPS[group][1],)), *_ROWS))
        return
    out = console()
    out.print(Text(f"{period.title()}\nbeside {_days(answer['range_before'])}", style="bold"))
    told = {row["measure"]: row for row in answer["totals"] if row["value"] or row["before"]}
    measures = [told[name] for name in _MEASURES if name in told]
    if not measures:
        out.print("Nothing happened in either.")
        return
    out.print()
    out.print(table(measures, _COLUMNS_OF_TOTALS, out.width))
    out.print()
    label_rows(server, answer["items"])
    out.print(table(_groups(answer, group), _columns_of_groups(group), out.width))


def _days(told: Item) -> str:
    """The range of the answer as whole days."""
    zone = ZoneInfo(told["tz"])
    first = datetime.fromisoformat(told["start"]).astimezone(zone).date()
    last = (datetime.fromisoformat(told["end"]).astimezone(zone) - timedelta(seconds=1)).date()
    return day_text(first) if first == last else f"{day_text(first, with_year=first.year != last.year)} to {day_text(last)}"


Write = Callable[[float], str]
# Those that are shown in all, with their name and how a value is written.
_MEASURES: Final[dict[str, tuple[str, Write]]] = {
    "active_minutes": ("Active", quantities.minutes),
    "cost_usd": ("Cost", lambda value: f"${value:,.2f}"),
    "total_tokens": ("Tokens", lambda value: cells.large(int(value))),
    "active_sessions": ("Sessions", lambda value: f"{value:,.0f}"),
    "messages": ("Messages", lambda value: f"{value:,.0f}"),
    "lines_added": ("Lines added", lambda value: f"{value:,.0f}"),
    "lines_removed": ("Lines removed", lambda value: f"{value:,.0f}"),
    "tool_calls": ("Tool calls", lambda value: f"{value:,.0f}"),
    "tool_errors": ("Failed", lambda value: f"{value:,.0f}"),
    "calls": ("Calls", lambda value: f"{value:,.0f}"),
    "errors": ("Failed", lambda value: f"{value:,.0f}"),
    "error_rate": ("Failed, share", quantities.percent),
    "share": ("Share", quantities.percent),
    "p50_ms": ("p50", quantities.duration),
    "p95_ms": ("p95", quantities.duration),
}
_RATES: Final = frozenset({"error_rate", "share"})


def _written(row: Item, name: str) -> str | None:
    value = row[name]
    return None if value is None else _MEASURES[row["measure"]][1](value)


def _difference(row: Item) -> str | None:
    """With its sign. Rates differ by points."""
    value = row["difference"]
    if value is None:
        return None
    size = f"{abs(value) * 100:.1f} points" if row["measure"] in _RATES else _MEASURES[row["measure"]][1](abs(value))
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{size}"


def _percent(row: Item) -> str | None:
    """The share of the earlier value. A change from nothing has no share, and a rate has its points."""
    if row["measure"] in _RATES or not row["before"] or row["difference"] is None:
        return ""
    return f"{row['difference'] / row['before'] * 100:+,.0f} %".replace("-", "−")


_COLUMNS_OF_TOTALS: Final = (
    Column("", lambda row: _MEASURES[row["measure"]][0], right=False),
    Column("Now", lambda row: _written(row, "value")),
    Column("Before", lambda row: _written(row, "before")),
    Column("Difference", _difference),
    Column("", _percent, rank=1),
)
# For each group: what it is ordered by, and one more.
_OF_GROUPS: Final = {"tool": ("calls", "error_rate"), "error_class": ("calls", "share"), "model": ("cost_usd", "total_tokens")}


def _groups(answer: Item, group: str) -> list[Item]:
    """A row for each group, with its measures by name, in the order of the answer."""
    keys = _KEYS.get(group, (GROUPS[group][1],))
    found: dict[tuple[object, ...], Item] = {}
    for row in answer["items"]:
        found.setdefault(tuple(row[key] for key in keys), {"name": row[GROUPS[group][1]]})[row["measure"]] = row
    first, second = _OF_GROUPS.get(group, ("cost_usd", "active_minutes"))
    return [row for row in found.values() if any(row[name]["value"] or row[name]["before"] for name in (first, second))]


def _columns_of_groups(group: str) -> list[Column]:
    columns = [Column(GROUPS[group][0], lambda row: row["name"], right=False, least=12, keeps_end=group == "tool")]
    for rank, measure in enumerate(_OF_GROUPS.get(group, ("cost_usd", "active_minutes"))):
        columns += [
            Column(_MEASURES[measure][0], partial(_of_measure, measure, partial(_written, name="value")), rank=rank * 2),
            Column("Before", partial(_of_measure, measure, partial(_written, name="before")), rank=rank * 2 + 1),
            Column("Difference", partial(_of_measure, measure, _difference), rank=rank * 2),
        ]
    return columns


def _of_measure(measure: str, write: Callable[[Item], str | None], row: Item) -> str | None:
    return write(row[measure])
