"""`tracker quota`: how full the windows of the account's limits are, as Claude Code's own files say."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.text import Text

from client.options import At
from client.output.console import console
from client.output.local_time import local_zone, short_time
from client.questions import cells
from client.questions.filters import User
from client.questions.lists import show_table, write
from client.questions.lookup import Item, get
from client.questions.output import Column, Output
from client.questions.period import Zone
from shared import quantities

FIELDS: Final = (
    "kind", "used_percentage", "resets_at", "pace", "freshness", "read_at", "source", "account", "users", "machine_id", "key_id", "elapsed_percentage",
    "window_seconds", "no_forecast",
)  # fmt: skip
_KINDS: Final = {"five_hour": "5 hours", "seven_day": "7 days"}
_BAR_WIDTH: Final = 20
_NO_FORECAST: Final = {
    "few_readings": "too few readings",
    "no_active_time": "no active time is known",
}


def show_quota(
    user: User = None,
    account: Annotated[str | None, typer.Option("--account", metavar="HASH", help="Only this account, by its hash.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only windows of this kind, as seven_day_opus.")] = None,
    need: Annotated[
        float | None, typer.Option("--need", metavar="PERCENT", help="Fail with exit code 1 if a window has less left. For schedulers.")
    ] = None,
    tz: Zone = None,
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Shows how full the limits' windows are.

    It shows what Claude Code has told, when it was read, and where it leads if work goes on.
    """
    wanted, zone = form.format, local_zone(tz)
    server = at.server()
    windows: list[Item] = get(server, "/api/quota", {"user": user, "account": account, "kind": kind, "need": need})["windows"]
    if write(windows, FIELDS, wanted):
        return
    columns = (
        Column("Window", lambda row: _label(row["kind"]), right=False),
        Column("Used", lambda row: f"{'≥ ' if row['freshness'] == 'old' else ''}{row['used_percentage']:g} %"),
        Column("", lambda row: cells.bar(row["used_percentage"], 100, _BAR_WIDTH), rank=4, right=False),
        Column("Resets", _resets, right=False),
        Column("On", lambda row: short_time(row["resets_at"], zone), rank=8, right=False),
        Column("Pace", lambda row: "" if row["pace"] is None else f"{row['pace']:.2f} ×", rank=3),
        Column("At the reset", _at_reset, rank=2, right=False),
        Column("Read", lambda row: _read(row, zone), right=False),
        Column("By", lambda row: row["source"].replace("_", " "), rank=6, right=False),
        Column("User", lambda row: ", ".join(row["users"]), rank=5, right=False, least=8),
        Column("Account", lambda row: row["account"] or "", rank=7, right=False),
    )  # fmt: skip
    show_table(windows, columns, _NOTHING)
    if windows:
        console().print(Text(_EXPLANATION, style="dim"))


_NOTHING: Final = (
    "No reading yet. `tracker connect --statusline` lets Claude Code's status line tell the limits; /usage in Claude Code does too."
)
_EXPLANATION: Final = (
    "Pace: what is used, beside the part of the window that is over. At the reset: if work goes on as in this window, nine of ten times."
)


def _label(kind: str) -> str:
    """`5 hours`, `7 days, opus`, or the kind itself."""
    for name, label in _KINDS.items():
        if kind == name:
            return label
        if kind.startswith(f"{name}_"):
            return f"{label}, {kind.removeprefix(f'{name}_')}"
    return kind


def _resets(row: Item) -> str:
    if row["freshness"] == "over":
        return "has reset"
    seconds = (datetime.fromisoformat(row["resets_at"]) - datetime.now(UTC)).total_seconds()
    return f"in {quantities.duration(max(seconds, 0) * 1_000)}"


def _at_reset(row: Item) -> str:
    """`62 to 85 %`, `full at 16 Feb 14:05`, or why nothing is known."""
    forecast = row["forecast"]
    if forecast is None:
        return _NO_FORECAST.get(row["no_forecast"] or "", "")
    low, high = forecast["at_reset"]["low"], forecast["at_reset"]["high"]
    if low >= 100:
        return "full before"
    shown = f"{low:.0f} to {min(high, 100):.0f} %"
    return f"{shown}, may be full before" if high >= 100 else shown


def _read(row: Item, zone: str) -> str:
    if row["freshness"] == "current":
        return short_time(row["read_at"], zone)
    return f"no reading since {short_time(row['read_at'], zone).strip()}"
