"""`tracker blocks`: usage in blocks of five hours."""

from typing import Final

from client.options import At
from client.output.console import console
from client.output.local_time import short_time
from client.questions import cells
from client.questions.filters import Filters
from client.questions.lists import Limit, show_table, write
from client.questions.lookup import Item, pages
from client.questions.output import Column, Output
from client.questions.period import Days
from shared import quantities

FIELDS: Final = (
    "start", "end", "last_at", "is_active", "gap_hours", "sessions", "models", "active_minutes", "input_tokens", "output_tokens", "cache_creation_tokens",
    "cache_read_tokens", "total_tokens", "api_calls", "unpriced_calls", "cost_usd",
    "dropped_calls",
)  # fmt: skip


def list_blocks(chosen: Filters = Filters(), days: Days = Days(), limit: Limit = 20, form: Output = Output(), at: At = At()) -> None:
    """Lists usage in blocks of five hours, newest first.

    They are not the windows of Claude Code's limits: `tracker quota` shows those.
    """
    wanted, zone = form.format, days.zone
    server = at.server()
    filters = chosen.of(server) | days.period().parameters()
    found = list(pages(server, "/api/usage/blocks", filters, limit))
    if write(found, FIELDS, wanted):
        return
    columns = (
        Column("Began", lambda row: short_time(row["start"], zone), right=False),
        Column("Until", lambda row: short_time(row["end"], zone) + (" (running)" if row["is_active"] else ""), right=False),
        Column("Active", lambda row: quantities.minutes(row["active_minutes"]), rank=4),
        Column("Sessions", lambda row: cells.count(row["sessions"]), rank=6),
        Column("Tokens", lambda row: cells.count(row["total_tokens"]), rank=1),
        Column("Cost", lambda row: cells.usd(row["cost_usd"], row["unpriced_calls"])),
        Column("An active hour", lambda row: _burn_rate(row["burn_rate"]), rank=2),
        Column("Models", lambda row: None if row["models"] is None else ", ".join(row["models"]), rank=3, right=False, least=12),
    )
    show_table(found, columns, "No usage.")
    console().print("Not the windows of Claude Code's limits: `tracker quota` shows those.", style="dim")


def _burn_rate(rate: Item | None) -> str:
    return "" if rate is None else f"{cells.usd(rate['cost_usd_per_hour'])} · {cells.large(round(rate['tokens_per_hour']))} tokens"
