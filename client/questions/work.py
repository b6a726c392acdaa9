"""`tracker work`: the cost of commits, pull requests, branches and issues."""

from enum import Enum
from typing import Annotated, Final

import typer
from rich.text import Text

from client.options import At
from client.output.console import console
from client.output.terminal import write_json
from client.questions import cells
from client.questions.filters import Filters
from client.questions.lists import Limit
from client.questions.lookup import Item, get, short_session_id
from client.questions.output import Column, Format, Output, table, write_csv
from client.questions.period import Days
from shared import quantities
from shared.terms import terms

# The most that the API gives at once.
_MOST: Final = 1_000
_COUNTS: Final = ("sessions", "turns", "active_minutes", "api_calls", "unpriced_calls", "cost_usd")
_OF_ITEM: Final = ("project_name", "timestamp", "session_id", "session_title")


class WorkGroup(Enum):
    """The kinds of things that work led to."""

    COMMIT = "commit"
    PULL_REQUEST = "pull_request"
    BRANCH = "branch"
    ISSUE = "issue"


def work(
    by: Annotated[WorkGroup, typer.Option("--by", help="What the work led to.")] = WorkGroup.COMMIT,
    chosen: Filters = Filters(),
    days: Days = Days(),
    limit: Limit = 20,
    form: Output = Output(),
    at: At = At(),
) -> None:
    """Lists what commits, pull requests, branches or issues cost.

    The dearest come first, of the last 30 days by default. A session is divided among its commits by its turns.
    So each call counts once, and all rows together are the cost of the days.
    """
    period = days.period(default_days=30)
    server = at.server()
    found = get(server, "/api/work", chosen.of(server) | period.parameters() | {"group_by": by.value, "limit": min(limit, _MOST)})
    names = ("commit", "subject") if by is WorkGroup.COMMIT else (by.value,)
    if form.format is Format.JSON:
        write_json(found)
    elif form.format is Format.CSV:
        write_csv(found["items"], (*names, *_OF_ITEM, *_COUNTS))
    else:
        out = console()
        out.print(Text(period.title(), style="bold"))
        others = [{"name": f"{found['left_out']:,} more"} | found["others"]] if found["left_out"] else []
        rows = [*found["items"], *others, {"name": terms().without[by.value]} | found["without"]]
        out.print(table(rows, _columns(names), out.width, {"name": "All"} | found["totals"]))


def _columns(names: tuple[str, ...]) -> tuple[Column, ...]:
    def name(row: Item) -> str:
        return row.get("name") or " ".join(filter(None, (row[each] for each in names)))

    return (
        Column(names[0].replace("_", " ").capitalize(), name, right=False, least=20, keeps_end="pull_request" in names),
        Column("Project", lambda row: row.get("project_name", ""), rank=3, right=False, least=8),
        Column("Cost", lambda row: cells.usd(row["cost_usd"], row["unpriced_calls"])),
        Column("Active", lambda row: quantities.minutes(row["active_minutes"]), rank=1),
        Column("Turns", lambda row: cells.count(row["turns"]), rank=4),
        Column("Sessions", lambda row: cells.count(row["sessions"]), rank=5),
        Column("Session", lambda row: short_session_id(row["session_id"]) if "session_id" in row else "", rank=2, right=False),
    )
